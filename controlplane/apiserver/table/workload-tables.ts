/** Tables of what runs pods: deployments and their like, jobs, autoscalers, disruption budgets. */
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet, StatefulSet } from "#pkg/api/apps/v1.ts";
import type { Scale } from "#pkg/api/autoscaling/v1.ts";
import type { CronJob, Job } from "#pkg/api/batch/v1.ts";
import type { ReplicationController } from "#pkg/api/core/v1.ts";
import { parseApiVersion } from "#pkg/api/meta/object.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import {
  ageOf,
  containerCells,
  formatBool,
  formatLabels,
  formatSelector,
  hasTrueCondition,
  nameOf,
  orNone,
  selectorText,
} from "./cell-text.ts";
import { formatAge, formatDuration } from "./human-duration.ts";
import { defineTable } from "./table-kind.ts";

const replicaColumns =
  "Name | Desired:integer | Current:integer | Ready:integer | Age | Containers* | Images* | Selector*";

export const replicationControllerTable = defineTable<ReplicationController>(replicaColumns, (controller, nowMs) => [
  nameOf(controller),
  controller.spec?.replicas ?? 0,
  controller.status?.replicas ?? 0,
  controller.status?.readyReplicas ?? 0,
  ageOf(controller, nowMs),
  ...containerCells(controller.spec?.template?.spec?.containers),
  formatLabels(controller.spec?.selector),
]);

export const replicaSetTable = defineTable<ReplicaSet>(replicaColumns, (set, nowMs) => [
  nameOf(set),
  set.spec?.replicas ?? 0,
  set.status?.replicas ?? 0,
  set.status?.readyReplicas ?? 0,
  ageOf(set, nowMs),
  ...containerCells(set.spec?.template?.spec?.containers),
  formatSelector(set.spec?.selector),
]);

export const deploymentTable = defineTable<Deployment>(
  "Name | Ready | Up-to-date | Available | Age | Containers* | Images* | Selector*",
  (deployment, nowMs) => [
    nameOf(deployment),
    `${deployment.status?.readyReplicas ?? 0}/${deployment.spec?.replicas ?? 0}`,
    deployment.status?.updatedReplicas ?? 0,
    deployment.status?.availableReplicas ?? 0,
    ageOf(deployment, nowMs),
    ...containerCells(deployment.spec?.template?.spec?.containers),
    selectorText(deployment.spec?.selector, "<invalid>"),
  ],
);

export const statefulSetTable = defineTable<StatefulSet>("Name | Ready | Age | Containers* | Images*", (set, nowMs) => [
  nameOf(set),
  `${set.status?.readyReplicas ?? 0}/${set.spec?.replicas ?? 0}`,
  ageOf(set, nowMs),
  ...containerCells(set.spec?.template?.spec?.containers),
]);

export const daemonSetTable = defineTable<DaemonSet>(
  "Name | Desired:integer | Current:integer | Ready:integer | Up-to-date:integer | Available:integer | Node Selector | Age | Containers* | Images* | Selector*",
  (set, nowMs) => [
    nameOf(set),
    set.status?.desiredNumberScheduled ?? 0,
    set.status?.currentNumberScheduled ?? 0,
    set.status?.numberReady ?? 0,
    set.status?.updatedNumberScheduled ?? 0,
    set.status?.numberAvailable ?? 0,
    formatLabels(set.spec?.template?.spec?.nodeSelector),
    ageOf(set, nowMs),
    ...containerCells(set.spec?.template?.spec?.containers),
    formatSelector(set.spec?.selector),
  ],
);

export const jobTable = defineTable<Job>(
  "Name | Status | Completions | Duration | Age | Containers* | Images* | Selector*",
  (job, nowMs) => [
    nameOf(job),
    jobStatus(job),
    jobCompletions(job),
    jobDuration(job, nowMs),
    ageOf(job, nowMs),
    ...containerCells(job.spec?.template?.spec?.containers),
    formatSelector(job.spec?.selector),
  ],
);

function jobStatus(job: Job): string {
  const has = (type: string) => hasTrueCondition(job.status?.conditions, type);
  if (has("Complete")) return "Complete";
  if (has("Failed")) return "Failed";
  if (job.metadata.deletionTimestamp) return "Terminating";
  if (has("Suspended")) return "Suspended";
  return has("FailureTarget") ? "FailureTarget" : "Running";
}

function jobCompletions(job: Job): string {
  const succeeded = job.status?.succeeded ?? 0;
  const { completions, parallelism = 0 } = job.spec ?? {};
  if (completions !== undefined && completions !== null) return `${succeeded}/${completions}`;
  return parallelism > 1 ? `${succeeded}/1 of ${parallelism}` : `${succeeded}/1`;
}

function jobDuration({ status }: Job, nowMs: number): string {
  if (!status?.startTime) return "";
  const endMs = status.completionTime ? Date.parse(status.completionTime) : nowMs;
  return formatDuration(endMs - Date.parse(status.startTime));
}

export const cronJobTable = defineTable<CronJob>(
  "Name | Schedule | Timezone | Suspend:boolean | Active:integer | Last Schedule | Age | Containers* | Images* | Selector*",
  (job, nowMs) => [
    nameOf(job),
    job.spec?.schedule ?? "",
    orNone(job.spec?.timeZone),
    formatBool(job.spec?.suspend),
    (job.status?.active ?? []).length,
    job.status?.lastScheduleTime ? formatAge(job.status.lastScheduleTime, nowMs) : "<none>",
    ageOf(job, nowMs),
    ...containerCells(job.spec?.jobTemplate?.spec?.template?.spec?.containers),
    formatSelector(job.spec?.jobTemplate?.spec?.selector),
  ],
);

export const controllerRevisionTable = defineTable<ControllerRevision>(
  "Name | Controller | Revision | Age",
  (revision, nowMs) => {
    const owner = revision.metadata.ownerReferences?.find((one) => one.controller);
    const group = owner ? parseApiVersion(owner.apiVersion).group : "";
    const kind = owner && (group ? `${owner.kind}.${group}` : owner.kind).toLowerCase();
    const controller = owner ? `${kind}/${owner.name}` : "<none>";
    return [nameOf(revision), controller, revision.revision ?? 0, ageOf(revision, nowMs)];
  },
);

export const scaleTable = defineTable<Scale>("Name | Desired:integer | Available:integer | Age", (scale, nowMs) => [
  nameOf(scale),
  scale.spec?.replicas ?? 0,
  scale.status?.replicas ?? 0,
  ageOf(scale, nowMs),
]);

export const podDisruptionBudgetTable = defineTable<PodDisruptionBudget>(
  "Name | Min Available | Max Unavailable | Allowed Disruptions:integer | Age",
  (budget, nowMs) => [
    nameOf(budget),
    String(budget.spec?.minAvailable ?? "N/A"),
    String(budget.spec?.maxUnavailable ?? "N/A"),
    budget.status?.disruptionsAllowed ?? 0,
    ageOf(budget, nowMs),
  ],
);
