/** What to tell someone who makes a namespace stricter than its pods. Pure. */
import type { Pod } from "#pkg/api/core/v1.ts";
import { formatLevel, type LevelVersion } from "./policy.ts";

/** More would keep the request waiting. */
const maxPods = 3000;

/** `judge` gives the reasons a pod violates the level for, "" for none. */
export function warnAboutPods(
  namespace: string,
  enforce: LevelVersion,
  pods: readonly Pod[],
  judge: (pod: Pod) => string,
): readonly string[] {
  const checked = replicasLast(pods).slice(0, maxPods);
  const names = new Map<string, string[]>();
  for (const pod of checked) {
    const reasons = judge(pod);
    if (reasons !== "") names.set(reasons, [...(names.get(reasons) ?? []), pod.metadata.name ?? ""]);
  }
  const cut =
    checked.length < pods.length
      ? [
          `new PodSecurity enforce level only checked against the first ${checked.length} of ${pods.length} existing pods`,
        ]
      : [];
  if (names.size === 0) return cut;
  const level = formatLevel(enforce);
  const head = `existing pods in namespace "${namespace}" violate the new PodSecurity enforce level "${level}"`;
  return [...cut, head, ...[...names].map(([reasons, list]) => `${countPods(list)}: ${reasons}`).sort()];
}

/** One pod of each controller first: its siblings would say the same. */
function replicasLast(pods: readonly Pod[]): readonly Pod[] {
  const seen = new Set<string>();
  const later: Pod[] = [];
  const first = pods.filter((pod) => {
    const owner = pod.metadata.ownerReferences?.find((one) => one.controller)?.uid;
    if (owner === undefined) return true;
    const isSibling = seen.has(owner);
    seen.add(owner);
    if (isSibling) later.push(pod);
    return !isSibling;
  });
  return [...first, ...later];
}

function countPods(names: readonly string[]): string {
  const [first = "", ...others] = names.toSorted();
  if (others.length === 0) return first;
  return `${first} (and ${others.length} other ${others.length === 1 ? "pod" : "pods"})`;
}
