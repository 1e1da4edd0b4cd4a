/**
 * What the conditions of a namespace say about its deletion. Pure.
 * Source: pkg/controller/namespace/deletion/status_condition_utils.go (v1.36).
 */
import type { NamespaceCondition } from "#pkg/api/core/v1.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { withCondition } from "../conditions.ts";

/** What one pass over the contents of a namespace found. */
export interface Emptying {
  readonly failedGroups: readonly string[];
  readonly failures: readonly string[];
  readonly remaining: readonly Remaining[];
}

export interface Remaining {
  readonly group: string;
  readonly plural: string;
  readonly count: number;
  /** How many objects wait for each finalizer. */
  readonly finalizers: ReadonlyMap<string, number>;
}

export function computeNamespaceConditions(
  known: readonly NamespaceCondition[] | undefined,
  { failedGroups, failures, remaining }: Emptying,
  nowMs: number,
): readonly NamespaceCondition[] {
  const left = remaining.filter(({ count }) => count > 0);
  const waiting = new Map<string, number>();
  for (const [name, count] of left.flatMap(({ finalizers }) => [...finalizers]))
    waiting.set(name, (waiting.get(name) ?? 0) + count);
  const answers: readonly (readonly [type: string, isTrue: boolean, whenTrue: Says, whenFalse: Says])[] = [
    [
      "NamespaceDeletionDiscoveryFailure",
      failedGroups.length > 0,
      [
        "DiscoveryFailed",
        `Discovery failed for some groups, ${failedGroups.length} failing: ${failedGroups.join(", ")}`,
      ],
      ["ResourcesDiscovered", "All resources successfully discovered"],
    ],
    [
      "NamespaceDeletionGroupVersionParsingFailure",
      false,
      ["", ""],
      ["ParsedGroupVersions", "All legacy kube types successfully parsed"],
    ],
    [
      "NamespaceDeletionContentFailure",
      failures.length > 0,
      [
        "ContentDeletionFailed",
        `Failed to delete all resource types, ${failures.length} remaining: ${failures.join(", ")}`,
      ],
      ["ContentDeleted", "All content successfully deleted, may be waiting on finalization"],
    ],
    [
      "NamespaceContentRemaining",
      left.length > 0,
      ["SomeResourcesRemain", `Some resources are remaining: ${left.map(describeRemaining).join(", ")}`],
      ["ContentRemoved", "All content successfully removed"],
    ],
    [
      "NamespaceFinalizersRemaining",
      waiting.size > 0,
      [
        "SomeFinalizersRemain",
        `Some content in the namespace has finalizers remaining: ${describeFinalizers(waiting)}`,
      ],
      ["ContentHasNoFinalizers", "All content-preserving finalizers finished"],
    ],
  ];
  let conditions = known ?? [];
  for (const [type, isTrue, whenTrue, whenFalse] of answers) {
    const [reason, message] = isTrue ? whenTrue : whenFalse;
    const status = isTrue ? "True" : "False";
    conditions = withCondition(conditions, { type, status, reason, message, lastTransitionTime: formatTime(nowMs) });
  }
  return conditions;
}

type Says = readonly [reason: string, message: string];

function describeRemaining({ plural, group, count }: Remaining): string {
  return `${plural}.${group} has ${count} resource instances`;
}

function describeFinalizers(waiting: ReadonlyMap<string, number>): string {
  const sorted = [...waiting].sort(([left], [right]) => (left < right ? -1 : 1));
  return sorted.map(([name, count]) => `${name} in ${count} resource instances`).join(", ");
}
