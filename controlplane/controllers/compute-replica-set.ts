/**
 * What a ReplicaSet (or ReplicationController) does next, as data. Pure.
 * Source: pkg/controller/replicaset, controller_utils.go ActivePodsWithRanks (v1.36).
 */
import type { Pod } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isPodActive, isPodAvailable, isPodReady, podCondition, podRestarts } from "#pkg/api/pod-status.ts";

export interface ReplicaSetPlan {
  readonly create: number;
  readonly delete: readonly Stored<Pod>[];
}

/** At most this many pods are created or deleted in one go. */
const burst = 500;

export function computeReplicas(
  wanted: number,
  pods: readonly Stored<Pod>[],
  allOfOwner: readonly Stored<Pod>[],
  nowMs: number,
): ReplicaSetPlan {
  const active = pods.filter(isPodActive);
  const missing = wanted - active.length;
  if (missing >= 0) return { create: Math.min(missing, burst), delete: [] };
  return { create: 0, delete: rankForDeletion(active, allOfOwner, nowMs).slice(0, Math.min(-missing, burst)) };
}

type Comparator = (a: Stored<Pod>, b: Stored<Pod>) => number;

/**
 * First to go first: unassigned, pending, not ready, cheap to delete, crowded on a node, ready for less time, restarted
 * more, younger. `related` are the pods whose crowding counts: those of all replica sets of the same owner.
 */
export function rankForDeletion(
  pods: readonly Stored<Pod>[],
  related: readonly Stored<Pod>[],
  nowMs: number,
): readonly Stored<Pod>[] {
  const crowd = new Map<string, number>();
  for (const pod of related) {
    const node = pod.spec?.nodeName;
    if (node && isPodActive(pod)) crowd.set(node, (crowd.get(node) ?? 0) + 1);
  }
  const by =
    (value: (pod: Stored<Pod>) => number): Comparator =>
    (a, b) =>
      value(a) - value(b);
  const order: readonly Comparator[] = [
    by((pod) => (pod.spec?.nodeName ? 1 : 0)),
    by((pod) => phaseRank(pod)),
    by((pod) => (isPodReady(pod) ? 1 : 0)),
    by(deletionCost),
    by((pod) => -(crowd.get(pod.spec?.nodeName ?? "") ?? 0)),
    by((pod) => logAge(readySince(pod), nowMs)),
    by((pod) => -podRestarts(pod)),
    by((pod) => logAge(Date.parse(pod.metadata.creationTimestamp), nowMs)),
    (a, b) => (a.metadata.uid < b.metadata.uid ? -1 : 1),
  ];
  return pods.toSorted((a, b) => {
    for (const compare of order) {
      const result = compare(a, b);
      if (result !== 0) return result;
    }
    return 0;
  });
}

function phaseRank(pod: Pod): number {
  switch (pod.status?.phase) {
    case "Running":
      return 2;
    case "Unknown":
      return 1;
    default:
      return 0;
  }
}

function deletionCost(pod: Pod): number {
  const text = pod.metadata.annotations?.["controller.kubernetes.io/pod-deletion-cost"];
  return text !== undefined && /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

function readySince(pod: Pod): number {
  const ready = podCondition(pod, "Ready");
  return ready?.status === "True" && ready.lastTransitionTime ? Date.parse(ready.lastTransitionTime) : Number.NaN;
}

/** Ages in powers of two: pods of about the same age are equal, so that the rest of the order decides. */
function logAge(sinceMs: number, nowMs: number): number {
  return Number.isNaN(sinceMs) ? 0 : Math.floor(Math.log2(Math.max((nowMs - sinceMs) / 1000, 1)));
}

export interface ReplicaCounts {
  readonly replicas: number;
  readonly fullyLabeledReplicas: number;
  readonly readyReplicas: number;
  readonly availableReplicas: number;
  readonly terminatingReplicas: number;
}

export function countReplicas(
  pods: readonly Stored<Pod>[],
  templateLabels: Readonly<Record<string, string>>,
  minReadySeconds: number,
  nowMs: number,
): ReplicaCounts {
  const active = pods.filter(isPodActive);
  const isFullyLabeled = (pod: Pod): boolean =>
    Object.entries(templateLabels).every(([key, value]) => pod.metadata.labels?.[key] === value);
  return {
    replicas: active.length,
    fullyLabeledReplicas: active.filter(isFullyLabeled).length,
    readyReplicas: active.filter(isPodReady).length,
    availableReplicas: active.filter((pod) => isPodAvailable(pod, minReadySeconds, nowMs)).length,
    terminatingReplicas: pods.filter((pod) => pod.metadata.deletionTimestamp && !isPodActive(pod)).length,
  };
}

/** When a ready pod becomes available by itself: the controller must look again then. */
export function nextAvailabilityMs(pods: readonly Pod[], minReadySeconds: number, nowMs: number): number | undefined {
  if (minReadySeconds === 0) return undefined;
  const waits = pods.flatMap((pod) => {
    const since = readySince(pod);
    const left = since + minReadySeconds * 1000 - nowMs;
    return Number.isNaN(since) || left <= 0 ? [] : left;
  });
  return waits.length === 0 ? undefined : Math.min(...waits);
}
