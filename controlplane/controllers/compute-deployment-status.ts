/**
 * What a Deployment says of itself: counts and conditions. Pure.
 * Source: pkg/controller/deployment/sync.go calculateStatus, progress.go (v1.36).
 */
import type { Deployment, DeploymentCondition, DeploymentStatus } from "#pkg/api/apps/v1.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { availableOf, type DeploymentSet, rollingLimits, sizeOf } from "./compute-deployment.ts";
import { withCondition, withoutCondition } from "./conditions.ts";

/** What the controller did in this run that progress is measured by. */
export interface RolloutStep {
  readonly newSet: DeploymentSet | undefined;
  readonly oldSets: readonly DeploymentSet[];
  /** The new set was made in this run. */
  readonly createdNewSet: boolean;
  readonly createError?: string | undefined;
  readonly collisionCount?: number | undefined;
}

export function computeDeploymentStatus(deployment: Deployment, step: RolloutStep, nowMs: number): DeploymentStatus {
  const all = [...step.oldSets, ...(step.newSet ? [step.newSet] : [])];
  const total = (of: (set: DeploymentSet) => number): number => all.reduce((sum, set) => sum + of(set), 0);
  const replicas = total((set) => set.status?.replicas ?? 0);
  const available = total(availableOf);
  const counts: DeploymentStatus = {
    observedGeneration: deployment.metadata.generation,
    replicas: orUnset(replicas),
    updatedReplicas: orUnset(step.newSet?.status?.replicas ?? 0),
    readyReplicas: orUnset(total((set) => set.status?.readyReplicas ?? 0)),
    availableReplicas: orUnset(available),
    unavailableReplicas: orUnset(Math.max(total(sizeOf) - available, 0)),
    collisionCount: step.collisionCount ?? deployment.status?.collisionCount,
  };
  let conditions = withCondition(deployment.status?.conditions, availability(deployment, available, nowMs));
  conditions = withProgress(conditions, deployment, counts, step, nowMs);
  conditions =
    step.createError === undefined
      ? withReplicaFailure(conditions, all, nowMs)
      : withCondition(conditions, condition("ReplicaFailure", "True", "FailedCreate", step.createError, nowMs));
  return { ...counts, conditions: [...conditions] };
}

function availability(deployment: Deployment, available: number, nowMs: number): DeploymentCondition {
  const enough = available >= (deployment.spec?.replicas ?? 1) - rollingLimits(deployment).maxUnavailable;
  return enough
    ? condition("Available", "True", "MinimumReplicasAvailable", "Deployment has minimum availability.", nowMs)
    : condition(
        "Available",
        "False",
        "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.",
        nowMs,
      );
}

function withProgress(
  conditions: readonly DeploymentCondition[],
  deployment: Deployment,
  counts: DeploymentStatus,
  step: RolloutStep,
  nowMs: number,
): readonly DeploymentCondition[] {
  const deadline = deployment.spec?.progressDeadlineSeconds;
  if (deadline === undefined || deadline === 2 ** 31 - 1) return withoutCondition(conditions, "Progressing");
  const known = conditions.find(({ type }) => type === "Progressing");
  if (deployment.spec?.paused) {
    if (known?.reason === "ProgressDeadlineExceeded" || known?.reason === "DeploymentPaused") return conditions;
    return withCondition(
      conditions,
      condition("Progressing", "Unknown", "DeploymentPaused", "Deployment is paused", nowMs),
    );
  }
  const isComplete = isDeploymentComplete(deployment, counts);
  // A finished rollout stays finished while pods come and go: only a new one starts the clock again.
  if (known?.reason === "NewReplicaSetAvailable" && isComplete) return conditions;
  const name = step.newSet?.metadata.name ?? "";
  const says = (status: "True" | "False", reason: string, message: string): readonly DeploymentCondition[] =>
    replaceProgress(conditions, condition("Progressing", status, reason, message, nowMs));
  if (isComplete) return says("True", "NewReplicaSetAvailable", `ReplicaSet "${name}" has successfully progressed.`);
  if (step.createError !== undefined) return says("False", "ReplicaSetCreateError", step.createError);
  if (step.createdNewSet) return says("True", "NewReplicaSetCreated", `Created new replica set "${name}"`);
  if (known?.reason === "DeploymentPaused") return says("True", "DeploymentResumed", "Deployment is resumed");
  if (!known || hasProgressed(deployment.status, counts))
    return says("True", "ReplicaSetUpdated", `ReplicaSet "${name}" is progressing.`);
  if (known.reason === "NewReplicaSetAvailable" && step.newSet && known.message?.includes(`"${name}"`))
    return conditions;
  if (known.reason === "NewReplicaSetAvailable")
    return says("True", "FoundNewReplicaSet", `Found new replica set "${name}"`);
  if (progressDeadlineMs(known, deadline) > nowMs || known.reason === "ProgressDeadlineExceeded") return conditions;
  return says("False", "ProgressDeadlineExceeded", `ReplicaSet "${name}" has timed out progressing.`);
}

/** When the rollout counts as stuck; NaN without a Progressing condition that waits. */
export function progressDeadlineMs(progressing: DeploymentCondition | undefined, deadlineSeconds: number): number {
  const since = progressing?.lastUpdateTime ?? progressing?.lastTransitionTime;
  return since === undefined ? Number.NaN : Date.parse(since) + deadlineSeconds * 1000;
}

/** All pods are new ones, as many as wanted, and available. */
export function isDeploymentComplete(deployment: Deployment, status: DeploymentStatus): boolean {
  const wanted = deployment.spec?.replicas ?? 1;
  return (
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted
  );
}

function hasProgressed(before: DeploymentStatus | undefined, now: DeploymentStatus): boolean {
  const old = (status: DeploymentStatus | undefined): number =>
    (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (now.updatedReplicas ?? 0) > (before?.updatedReplicas ?? 0) ||
    old(now) < old(before) ||
    (now.readyReplicas ?? 0) > (before?.readyReplicas ?? 0) ||
    (now.availableReplicas ?? 0) > (before?.availableReplicas ?? 0)
  );
}

/** Progress counts from its latest sign, so the update time moves although nothing else may. */
function replaceProgress(
  conditions: readonly DeploymentCondition[],
  wanted: DeploymentCondition,
): readonly DeploymentCondition[] {
  const known = conditions.find(({ type }) => type === "Progressing");
  const kept = known?.status === wanted.status ? { ...wanted, lastTransitionTime: known.lastTransitionTime } : wanted;
  return [...conditions.filter(({ type }) => type !== "Progressing"), kept];
}

function withReplicaFailure(
  conditions: readonly DeploymentCondition[],
  sets: readonly DeploymentSet[],
  nowMs: number,
): readonly DeploymentCondition[] {
  for (const set of sets) {
    const failure = set.status?.conditions?.find(({ type }) => type === "ReplicaFailure");
    if (failure)
      return withCondition(
        conditions,
        condition("ReplicaFailure", "True", failure.reason ?? "", failure.message ?? "", nowMs),
      );
  }
  return withoutCondition(conditions, "ReplicaFailure");
}

function condition(
  type: string,
  status: "True" | "False" | "Unknown",
  reason: string,
  message: string,
  nowMs: number,
): DeploymentCondition {
  const now = formatTime(nowMs);
  return { type, status, reason, message, lastTransitionTime: now, lastUpdateTime: now } as DeploymentCondition;
}

/** The API leaves counts of zero out. */
function orUnset(count: number): number | undefined {
  return count === 0 ? undefined : count;
}
