/** The strategies of the kinds that make pods, by their resource. */
import type { Strategy } from "../registry/strategy.ts";
import { controllerRevisionStrategy } from "./controller-revision.ts";
import { cronJobStrategy } from "./cron-job.ts";
import { daemonSetStrategy } from "./daemon-set.ts";
import { deploymentStrategy } from "./deployment.ts";
import { jobStrategy } from "./job.ts";
import { podTemplateStrategy } from "./pod-template.ts";
import { replicaSetStrategy } from "./replica-set.ts";
import { replicationControllerStrategy } from "./replication-controller.ts";
import { statefulSetStrategy } from "./stateful-set.ts";

export const workloadStrategies: Readonly<Record<string, Strategy>> = {
  "controllerrevisions.apps": controllerRevisionStrategy as Strategy,
  "cronjobs.batch": cronJobStrategy as Strategy,
  "daemonsets.apps": daemonSetStrategy as Strategy,
  "deployments.apps": deploymentStrategy as Strategy,
  "jobs.batch": jobStrategy as Strategy,
  podtemplates: podTemplateStrategy as Strategy,
  "replicasets.apps": replicaSetStrategy as Strategy,
  replicationcontrollers: replicationControllerStrategy as Strategy,
  "statefulsets.apps": statefulSetStrategy as Strategy,
};
