/** Defaults of apps/v1 and batch/v1. Source: pkg/apis/{apps,batch}/v1/defaults.go (v1.36). */
import type * as apps from "#pkg/api/apps/v1.ts";
import type * as batch from "#pkg/api/batch/v1.ts";
import { forType, setDefault, setIfZero, type TypeDefaulter } from "./defaulter.ts";

function defaultDeployment(spec: apps.DeploymentSpec): void {
  setDefault(spec, "replicas", 1);
  spec.strategy ??= {};
  setIfZero(spec.strategy, "type", "RollingUpdate");
  if (spec.strategy.type === "RollingUpdate") {
    spec.strategy.rollingUpdate ??= {};
    setDefault(spec.strategy.rollingUpdate, "maxUnavailable", "25%");
    setDefault(spec.strategy.rollingUpdate, "maxSurge", "25%");
  }
  setDefault(spec, "revisionHistoryLimit", 10);
  setDefault(spec, "progressDeadlineSeconds", 600);
}

function defaultDaemonSet(spec: apps.DaemonSetSpec): void {
  spec.updateStrategy ??= {};
  setIfZero(spec.updateStrategy, "type", "RollingUpdate");
  if (spec.updateStrategy.type === "RollingUpdate") {
    spec.updateStrategy.rollingUpdate ??= {};
    setDefault(spec.updateStrategy.rollingUpdate, "maxUnavailable", 1);
    setDefault(spec.updateStrategy.rollingUpdate, "maxSurge", 0);
  }
  setDefault(spec, "revisionHistoryLimit", 10);
}

function defaultStatefulSet(spec: apps.StatefulSetSpec): void {
  setIfZero(spec, "podManagementPolicy", "OrderedReady");
  spec.updateStrategy ??= {};
  if (!spec.updateStrategy.type) {
    spec.updateStrategy.type = "RollingUpdate";
    spec.updateStrategy.rollingUpdate ??= {};
  }
  if (spec.updateStrategy.type === "RollingUpdate" && spec.updateStrategy.rollingUpdate) {
    setDefault(spec.updateStrategy.rollingUpdate, "partition", 0);
  }
  spec.persistentVolumeClaimRetentionPolicy ??= {};
  setIfZero(spec.persistentVolumeClaimRetentionPolicy, "whenDeleted", "Retain");
  setIfZero(spec.persistentVolumeClaimRetentionPolicy, "whenScaled", "Retain");
  setDefault(spec, "replicas", 1);
  setDefault(spec, "revisionHistoryLimit", 10);
}

function defaultJob(job: batch.Job): void {
  const { spec } = job;
  if (!spec) return;
  // Without either number it is a job of one pod; with parallelism alone, a work queue.
  if (spec.completions == null && spec.parallelism == null) spec.completions = 1;
  setDefault(spec, "parallelism", 1);
  setDefault(spec, "backoffLimit", spec.backoffLimitPerIndex == null ? 6 : 2 ** 31 - 1);
  const labels = spec.template?.metadata?.labels;
  if (labels && Object.keys(job.metadata.labels ?? {}).length === 0) job.metadata.labels = { ...labels };
  setDefault(spec, "completionMode", "NonIndexed");
  setDefault(spec, "suspend", false);
  setDefault(spec, "podReplacementPolicy", spec.podFailurePolicy ? "Failed" : "TerminatingOrFailed");
  setDefault(spec, "manualSelector", false);
}

function defaultCronJob(spec: batch.CronJobSpec): void {
  setIfZero(spec, "concurrencyPolicy", "Allow");
  setDefault(spec, "suspend", false);
  setDefault(spec, "successfulJobsHistoryLimit", 3);
  setDefault(spec, "failedJobsHistoryLimit", 1);
}

export const appsDefaulters: readonly TypeDefaulter[] = [
  forType("apps/v1.DeploymentSpec", defaultDeployment),
  forType("apps/v1.DaemonSetSpec", defaultDaemonSet),
  forType("apps/v1.StatefulSetSpec", defaultStatefulSet),
  forType<apps.ReplicaSetSpec>("apps/v1.ReplicaSetSpec", (spec) => setDefault(spec, "replicas", 1)),
  forType("batch/v1.Job", defaultJob),
  forType("batch/v1.CronJobSpec", defaultCronJob),
  forType<batch.PodFailurePolicyOnPodConditionsPattern>("batch/v1.PodFailurePolicyOnPodConditionsPattern", (pattern) =>
    setIfZero(pattern, "status", "True"),
  ),
];
