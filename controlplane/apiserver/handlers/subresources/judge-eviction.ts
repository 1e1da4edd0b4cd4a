/**
 * Whether a pod may be evicted now, judged by its disruption budget. Pure. Source: EvictionREST of upstream's pod registry;
 * the words are those clients such as `kubectl drain` wait on.
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import { labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { formatTime } from "#pkg/system/clock.ts";

export type Budget = KubeObject & PodDisruptionBudget;

/** More evictions waiting to be confirmed than this, and no further one is let through. */
const maxDisruptedPods = 2000;
const refusal = "Cannot evict pod as it would violate the pod's disruption budget.";

/** `delete`: the budget has no say. `spend`: one disruption of the budget is used up first. */
export type EvictionVerdict = { readonly kind: "delete" } | { readonly kind: "spend"; readonly budget: Budget };

/** Throws StatusError 500 when several budgets want the pod. */
export function judgeEviction(pod: Pod & KubeObject, budgets: readonly Budget[]): EvictionVerdict {
  if (cannotBeDisrupted(pod)) return { kind: "delete" };
  const matching = budgets.filter((one) => matches(one, pod));
  if (matching.length > 1) {
    throw new StatusError({
      code: 500,
      reason: "InternalError",
      message: "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    });
  }
  const [budget] = matching;
  if (!budget) return { kind: "delete" };
  return !isReady(pod) && toleratesUnhealthy(budget) ? { kind: "delete" } : { kind: "spend", budget };
}

/** The budget's status with one disruption less. Throws StatusError 429 or 403 when there is none to spend. */
export function spendDisruption(budget: Budget, podName: string, nowMs: number): Budget {
  const { metadata, status } = budget;
  const name = metadata.name ?? "";
  const about = { group: "policy", resource: "poddisruptionbudgets" };
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) {
    throw tooManyRequests(`The disruption budget ${name} is still being processed by the server.`, 10);
  }
  const allowed = status?.disruptionsAllowed ?? 0;
  if (allowed < 0) throw StatusError.forbidden(about, name, "pdb disruptions allowed is negative");
  if (Object.keys(status?.disruptedPods ?? {}).length > maxDisruptedPods) {
    const why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller";
    throw StatusError.forbidden(about, name, why);
  }
  if (allowed === 0) {
    const needs = `needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`;
    throw tooManyRequests(`The disruption budget ${name} ${needs}`, 0);
  }
  const now = formatTime(nowMs);
  return {
    ...budget,
    status: {
      ...status,
      disruptionsAllowed: allowed - 1,
      disruptedPods: { ...status?.disruptedPods, [podName]: now },
      ...(allowed === 1 ? { conditions: withNoneLeft(budget, now) } : {}),
    } as Budget["status"],
  };
}

/** The pod with the condition that says why it goes. */
export function withDisruptionTarget(pod: Pod & KubeObject, nowMs: number): KubeObject {
  const others = (pod.status?.conditions ?? []).filter((one) => one.type !== "DisruptionTarget");
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason: "EvictionByEvictionAPI",
    message: "Eviction API: evicting",
    lastTransitionTime: formatTime(nowMs),
  };
  return { ...pod, metadata: { ...pod.metadata }, status: { ...pod.status, conditions: [...others, condition] } };
}

/** Finished, not yet started, or already on its way out: no budget counts it. */
function cannotBeDisrupted({ metadata, status }: Pod & KubeObject): boolean {
  const phase = status?.phase;
  return phase === "Succeeded" || phase === "Failed" || phase === "Pending" || metadata.deletionTimestamp !== undefined;
}

function matches(budget: Budget, pod: KubeObject): boolean {
  return labelSelectorMatcher(budget.spec?.selector).matches(pod.metadata.labels);
}

function isReady(pod: Pod & KubeObject): boolean {
  return pod.status?.conditions?.some((one) => one.type === "Ready" && one.status === "True") ?? false;
}

/** A pod that is not ready may go when the budget says so, or when the budget is met without it. */
function toleratesUnhealthy({ spec, status }: Budget): boolean {
  if (spec?.unhealthyPodEvictionPolicy === "AlwaysAllow") return true;
  const desired = status?.desiredHealthy ?? 0;
  return desired > 0 && (status?.currentHealthy ?? 0) >= desired;
}

function withNoneLeft(budget: Budget, now: string): readonly object[] {
  const others = (budget.status?.conditions ?? []).filter((one) => one.type !== "DisruptionAllowed");
  const condition = {
    type: "DisruptionAllowed",
    status: "False",
    reason: "InsufficientPods",
    message: "",
    observedGeneration: budget.status?.observedGeneration,
    lastTransitionTime: now,
  };
  return [...others, condition];
}

function tooManyRequests(why: string, retryAfterSeconds: number): StatusError {
  return StatusError.tooManyRequests(refusal, retryAfterSeconds, [{ reason: "DisruptionBudget", message: why }]);
}
