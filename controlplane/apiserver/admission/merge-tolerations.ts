/** Two lists of tolerations as one, without those that another one covers. Pure. */
import type { Toleration } from "#pkg/api/core/v1.ts";
import { equalJson } from "../registry/equal-json.ts";

export function mergeTolerations(first: readonly Toleration[], second: readonly Toleration[]): Toleration[] {
  const all = [...first, ...second];
  const merged: Toleration[] = [];
  for (const [index, one] of all.entries()) {
    if (merged.some((kept) => covers(kept, one))) continue;
    // Of two that are equal the first is kept, so an equal one further on does not count.
    if (all.slice(index + 1).some((later) => !equalJson(later, one) && covers(later, one))) continue;
    merged.push(one);
  }
  return merged;
}

/** True when `wide` tolerates all that `narrow` does. */
function covers(wide: Toleration, narrow: Toleration): boolean {
  if (equalJson(wide, narrow)) return true;
  const isForAllKeys = !wide.key && wide.operator === "Exists";
  if ((wide.key ?? "") !== (narrow.key ?? "") && !isForAllKeys) return false;
  if (wide.effect && wide.effect !== narrow.effect) return false;
  if (wide.effect === "NoExecute" && wide.tolerationSeconds !== undefined) {
    if (narrow.tolerationSeconds === undefined || narrow.tolerationSeconds > wide.tolerationSeconds) return false;
  }
  if (wide.operator === "Exists") return true;
  const isEqual = (wide.operator ?? "Equal") === "Equal" && narrow.operator === "Equal";
  return isEqual && (wide.value ?? "") === (narrow.value ?? "");
}
