/**
 * Lists in strategic merge patches: merging by key, deleting, and the order of the result. Items the patch speaks of stand
 * in the patch's order, the others in their old order, and old neighbours keep their places where both are known.
 */
import { directiveOf, withoutDirectives, withoutNulls } from "./directives.ts";
import { badPatch, unprocessablePatch } from "./patch-errors.ts";
import type { JsonObject } from "./value-schema.ts";
import { isJsonObject, ownValue } from "./value-schema.ts";

export interface ItemRules {
  /** "": a list of scalars. */
  readonly mergeKey: string;
  /** The list's field, for messages. */
  readonly name: string;
  /** Merges one item into its counterpart; both are used up. */
  mergeItems(original: JsonObject, patch: JsonObject): JsonObject;
}

/** The list after `patch`; both lists are used up. */
export function mergeLists(original: unknown[], patch: unknown[], rules: ItemRules): unknown[] {
  if (original.length === 0 && patch.length === 0) return original;
  if (!elementsAreObjects(rules.name, original, patch)) {
    const merged = [...new Set([...original, ...patch])];
    return placeItems(merged, patch, original, "");
  }
  if (rules.mergeKey === "") throw unprocessablePatch(`cannot merge lists without merge key for ${rules.name}`);
  const { kept, rest } = applyItemDirectives(original as JsonObject[], patch as JsonObject[], rules.mergeKey);
  const merged = mergeByKey(kept, rest, rules);
  return placeItems(merged, rest, kept, rules.mergeKey);
}

/**
 * The list in the order that `$setElementOrder` asks for; undefined when there is no list to order. `isMerged` false: the
 * list's strategy is to be replaced.
 */
export function orderList(
  original: unknown[] | undefined,
  patch: unknown[] | undefined,
  order: unknown[],
  isMerged: boolean,
  rules: ItemRules,
): unknown[] | undefined {
  if (!original && !patch) return undefined;
  requireSameOrder(patch ?? [], order, rules);
  let merged: unknown[];
  if (!patch) merged = original!;
  else if (!original) merged = withoutDirectives(withoutNulls(patch)) as unknown[];
  else merged = isMerged ? mergeLists([...original], patch, rules) : patch;
  const oldOrder = patch && isMerged ? refilledOrder(original ?? [], merged, patch, rules.mergeKey) : (original ?? []);
  return placeItems(merged, order, oldOrder, rules.mergeKey);
}

/**
 * The old order of a list for placing the items of a patch: an item that is new takes the place, at the end, that one
 * which the patch deletes has left free. Upstream does so by the way its slices share memory, and its tests hold it to it.
 */
function refilledOrder(original: unknown[], merged: unknown[], patch: unknown[], mergeKey: string): unknown[] {
  if (mergeKey === "") return original;
  const mergedKeys = new Set(merged.map((item) => keyOf(item, mergeKey)));
  const kept = original.filter((item) => mergedKeys.has(keyOf(item, mergeKey)));
  const keptKeys = new Set(kept.map((item) => keyOf(item, mergeKey)));
  const added = patch.filter(
    (item) => directiveOf(item as JsonObject) === undefined && !keptKeys.has(keyOf(item, mergeKey)),
  );
  return [...kept, ...added].slice(0, original.length);
}

/** `current` without the scalars in `toDelete`. */
export function deleteScalars(current: unknown[], toDelete: unknown[]): unknown[] {
  const gone: ReadonlySet<unknown> = new Set(toDelete);
  return current.filter((item) => !gone.has(item));
}

/** True for lists of objects, false for lists of scalars. Throws for lists of lists and for mixtures. */
function elementsAreObjects(name: string, ...lists: unknown[][]): boolean {
  let kind: string | undefined;
  for (const item of lists.flat()) {
    if (Array.isArray(item)) throw unprocessablePatch(`${name}: lists of lists are not supported`);
    const itemKind = item === null ? "null" : typeof item;
    if (kind !== undefined && kind !== itemKind)
      throw unprocessablePatch(`${name}: list element types are not identical`);
    kind = itemKind;
  }
  return kind === "object";
}

/** Carries out the items of the patch that hold `$patch`. */
function applyItemDirectives(
  original: JsonObject[],
  patch: JsonObject[],
  mergeKey: string,
): { kept: JsonObject[]; rest: JsonObject[] } {
  let kept = original;
  let replaces = false;
  const rest: JsonObject[] = [];
  for (const item of patch) {
    const directive = directiveOf(item);
    if (directive === undefined) rest.push(item);
    else if (directive === "delete") {
      const key = keyOf(item, mergeKey);
      kept = kept.filter((one) => ownValue(one, mergeKey) !== key);
    } else if (directive === "replace") replaces = true;
    else if (directive === "merge") throw unprocessablePatch("merging lists cannot yet be specified in the patch");
    else throw badPatch(`unknown patch type: ${String(directive)} in map: ${JSON.stringify(item)}`);
  }
  return { kept: replaces ? [] : kept, rest };
}

function mergeByKey(original: JsonObject[], patch: JsonObject[], rules: ItemRules): JsonObject[] {
  const merged = [...original];
  // The first of several items with one key is the one that is patched.
  const positions = new Map<unknown, number>();
  for (const [position, item] of merged.entries()) {
    const key = ownValue(item, rules.mergeKey);
    if (key !== undefined && !positions.has(key)) positions.set(key, position);
  }
  for (const item of patch) {
    const key = keyOf(item, rules.mergeKey);
    const position = positions.get(key);
    if (position === undefined) positions.set(key, merged.push(item) - 1);
    else merged[position] = rules.mergeItems(merged[position]!, item);
  }
  return merged;
}

function keyOf(item: unknown, mergeKey: string): unknown {
  const key = isJsonObject(item) ? ownValue(item, mergeKey) : undefined;
  if (key !== undefined) return key;
  throw unprocessablePatch(`map: ${JSON.stringify(item)} does not contain declared merge key: ${mergeKey}`);
}

/** Orders `merged`: what is in `patchOrder` as it stands there, the rest as in `oldOrder`, interleaved by old positions. */
function placeItems(merged: unknown[], patchOrder: unknown[], oldOrder: unknown[], mergeKey: string): unknown[] {
  const identity = mergeKey === "" ? (item: unknown) => item : (item: unknown) => keyOf(item, mergeKey);
  const patchPositions = firstPositions(patchOrder, identity);
  const oldPositions = firstPositions(oldOrder, identity);
  const byPosition = (positions: ReadonlyMap<unknown, number>) => (left: unknown, right: unknown) =>
    (positions.get(identity(left)) ?? 0) - (positions.get(identity(right)) ?? 0);
  const named = merged.filter((item) => patchPositions.has(identity(item))).sort(byPosition(patchPositions));
  const others = merged.filter((item) => !patchPositions.has(identity(item))).sort(byPosition(oldPositions));

  const placed: unknown[] = [];
  let at = 0;
  for (const item of named) {
    const position = oldPositions.get(identity(item));
    while (position !== undefined && at < others.length) {
      const other = oldPositions.get(identity(others[at]));
      if (other === undefined || other >= position) break;
      placed.push(others[at++]);
    }
    placed.push(item);
  }
  return [...placed, ...others.slice(at)];
}

function firstPositions(items: readonly unknown[], identity: (item: unknown) => unknown): Map<unknown, number> {
  const positions = new Map<unknown, number>();
  for (const [position, item] of items.entries()) {
    const key = identity(item);
    if (!positions.has(key)) positions.set(key, position);
  }
  return positions;
}

/** The patch's own items must be among those of `$setElementOrder`, in the same order. */
function requireSameOrder(patch: readonly unknown[], order: readonly unknown[], rules: ItemRules): void {
  if (patch.length === 0 || order.length === 0) return;
  const identity = (item: unknown) => (rules.mergeKey === "" ? item : keyOf(item, rules.mergeKey));
  const wanted = patch.filter((item) => !isJsonObject(item) || directiveOf(item) === undefined).map(identity);
  let at = 0;
  for (const item of order) if (at < wanted.length && identity(item) === wanted[at]) at++;
  if (at < wanted.length) {
    throw unprocessablePatch(
      `The order in patch list:\n${JSON.stringify(patch)}\n doesn't match $setElementOrder list:\n${JSON.stringify(order)}\n`,
    );
  }
}
