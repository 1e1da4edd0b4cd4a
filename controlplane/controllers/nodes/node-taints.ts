/**
 * The taints that say what is wrong with a node, and what tolerates them. Pure.
 * Source: pkg/controller/nodelifecycle/node_lifecycle_controller.go (v1.36).
 */
import type { Node, NodeCondition, Taint, Toleration } from "#pkg/api/core/v1.ts";

const prefix = "node.kubernetes.io/";
export const notReadyKey = `${prefix}not-ready`;
export const unreachableKey = `${prefix}unreachable`;
export const outOfServiceKey = `${prefix}out-of-service`;
const unschedulableKey = `${prefix}unschedulable`;

/** Conditions that are bad when True. */
const pressureKeys: Readonly<Record<string, string>> = {
  MemoryPressure: `${prefix}memory-pressure`,
  DiskPressure: `${prefix}disk-pressure`,
  PIDPressure: `${prefix}pid-pressure`,
  NetworkUnavailable: `${prefix}network-unavailable`,
};
const managedKeys: ReadonlySet<string> = new Set([
  ...Object.values(pressureKeys),
  notReadyKey,
  unreachableKey,
  unschedulableKey,
]);

export function readyCondition({ status }: Node): NodeCondition | undefined {
  return status?.conditions?.find(({ type }) => type === "Ready");
}

/** The taints that keep new pods away, as they should be. */
export function computeNoScheduleKeys(node: Node): readonly string[] {
  const keys = (node.status?.conditions ?? []).flatMap(({ type, status }) => {
    if (type === "Ready") return status === "False" ? notReadyKey : status === "Unknown" ? unreachableKey : [];
    return status === "True" ? (pressureKeys[type] ?? []) : [];
  });
  return node.spec?.unschedulable ? [...keys, unschedulableKey] : keys;
}

/** The node's taints with the right ones of these among them; undefined when they are right already. */
export function computeNoScheduleTaints(node: Node, nowText: string): readonly Taint[] | undefined {
  const wanted = new Set(computeNoScheduleKeys(node));
  // A node that never reported keeps the taint it was admitted with.
  if (!readyCondition(node)) wanted.add(notReadyKey);
  return replaceTaints(node, "NoSchedule", managedKeys, wanted, nowText);
}

/** The taint that drives pods away, as the Ready condition has it. */
export function wantedNoExecuteKey(node: Node): string | undefined {
  const status = readyCondition(node)?.status;
  if (status === "False") return notReadyKey;
  return status === "Unknown" ? unreachableKey : undefined;
}

export function computeNoExecuteTaints(
  node: Node,
  key: string | undefined,
  nowText: string,
): readonly Taint[] | undefined {
  const managed = new Set([notReadyKey, unreachableKey]);
  return replaceTaints(node, "NoExecute", managed, new Set(key ? [key] : []), nowText);
}

export function hasNoExecuteTaint({ spec }: Node): boolean {
  return (spec?.taints ?? []).some(
    ({ key, effect }) => effect === "NoExecute" && (key === notReadyKey || key === unreachableKey),
  );
}

function replaceTaints(
  { spec }: Node,
  effect: "NoSchedule" | "NoExecute",
  managed: ReadonlySet<string>,
  wanted: ReadonlySet<string>,
  nowText: string,
): readonly Taint[] | undefined {
  const taints = spec?.taints ?? [];
  const isOurs = (taint: Taint): boolean => taint.effect === effect && managed.has(taint.key);
  const kept = taints.filter((taint) => !isOurs(taint) || wanted.has(taint.key));
  const present = new Set(kept.filter(isOurs).map(({ key }) => key));
  const added = [...wanted].filter((key) => !present.has(key)).map((key) => ({ key, effect, timeAdded: nowText }));
  return added.length === 0 && kept.length === taints.length ? undefined : [...kept, ...added];
}

function tolerates(toleration: Toleration, taint: Taint): boolean {
  if (toleration.effect && toleration.effect !== taint.effect) return false;
  if (toleration.key && toleration.key !== taint.key) return false;
  if (toleration.operator === "Exists") return true;
  return toleration.key !== undefined && (toleration.value ?? "") === (taint.value ?? "");
}

/** How long a pod may stay: 0 = not at all, Infinity = for ever. */
export function toleratedMs(tolerations: readonly Toleration[], taints: readonly Taint[]): number {
  let seconds = Number.POSITIVE_INFINITY;
  for (const taint of taints) {
    const fitting = tolerations.filter((toleration) => tolerates(toleration, taint));
    if (fitting.length === 0) return 0;
    for (const { tolerationSeconds } of fitting)
      if (tolerationSeconds !== undefined) seconds = Math.min(seconds, Math.max(0, tolerationSeconds));
  }
  return seconds * 1000;
}
