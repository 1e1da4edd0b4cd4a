/**
 * Whether a transaction's comparison holds. Pure.
 * Source: etcd server/etcdserver/apply.go applyCompare: over a range every pair must satisfy it; a missing key compares
 * as all zeroes, except that no comparison of its value holds.
 */
import { assertNever } from "#pkg/system/errors.ts";
import { boundsOf, compareBytes } from "./keys.ts";
import type { KeyView } from "./read-range.ts";
import type { Compare, KeyValue } from "./store.ts";

export function evaluateCompare(view: KeyView, compare: Compare, revision: number): boolean {
  const { pairs } = view.pairs(boundsOf(compare), revision, Number.POSITIVE_INFINITY);
  if (pairs.length === 0) return compare.target !== "value" && holds(compare, undefined);
  return pairs.every((kv) => holds(compare, kv));
}

function holds(compare: Compare, kv: KeyValue | undefined): boolean {
  const order = orderOf(compare, kv);
  switch (compare.relation) {
    case "equal":
      return order === 0;
    case "notEqual":
      return order !== 0;
    case "greater":
      return order > 0;
    case "less":
      return order < 0;
    default:
      return assertNever(compare.relation, "relation");
  }
}

/** Negative, zero or positive as the pair's side is less than, equal to or greater than the operand. */
function orderOf(compare: Compare, kv: KeyValue | undefined): number {
  const { operand } = compare;
  switch (compare.target) {
    case "version":
      return (kv?.version ?? 0) - Number(operand);
    case "create":
      return (kv?.createRevision ?? 0) - Number(operand);
    case "mod":
      return (kv?.modRevision ?? 0) - Number(operand);
    case "lease": {
      const lease = kv?.lease ?? 0n;
      const wanted = BigInt(operand as bigint | number);
      return lease < wanted ? -1 : lease > wanted ? 1 : 0;
    }
    case "value":
      return compareBytes(kv?.value ?? new Uint8Array(0), operand as Uint8Array);
    default:
      return assertNever(compare.target, "compare target");
  }
}
