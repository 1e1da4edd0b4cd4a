/**
 * An applied configuration laid over the live object: leaves of the configuration win, nothing is removed. Items of set and
 * map lists are merged by key; the result is in the order of the configuration where it says one, with the live object's
 * other items in their places.
 * The result shares nothing that is written to: callers clone it before they change it.
 * Source of the semantics: structured-merge-diff typed.Merge.
 */
import type { JsonObject, ListSchema, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { isJsonObject, ownValue, setOwn } from "../patch/value-schema.ts";
import { indexItems, itemElement } from "./list-items.ts";
import type { ObjectView } from "./typed-value.ts";
import { childSchema, isEmptyList, isEmptyObject, listView, objectView } from "./typed-value.ts";

/** Throws when an item of a list has no key. */
export function mergeObjects(live: JsonObject, applied: JsonObject, schema: StructSchema): JsonObject {
  return mergeChildren(live, applied, objectView(schema)!);
}

function mergeValues(live: unknown, applied: unknown, schema: ValueSchema): unknown {
  if (applied === undefined) return live;
  if (live === undefined || live === null) return applied;
  const view = objectView(schema);
  if (view && !view.atomic && isJsonObject(applied) && isJsonObject(live)) {
    return isEmptyObject(live) ? applied : mergeChildren(live, applied, view);
  }
  const list = listView(schema);
  if (list && list.relation !== "atomic" && Array.isArray(live) && Array.isArray(applied)) {
    return isEmptyList(live) && isEmptyList(applied) ? applied : mergeItems(live, applied, list);
  }
  // Null over something with parts keeps the parts; over a leaf it wins.
  return applied === null && hasParts(live, view, list) ? live : applied;
}

function hasParts(live: unknown, view: ObjectView | undefined, list: ListSchema | undefined): boolean {
  if (isJsonObject(live)) return view !== undefined && !view.atomic && !isEmptyObject(live);
  return Array.isArray(live) && list !== undefined && list.relation !== "atomic" && live.length > 0;
}

function mergeChildren(live: JsonObject, applied: JsonObject, view: ObjectView): JsonObject {
  const merged: JsonObject = {};
  for (const key of Object.keys(live)) {
    const value = mergeValues(live[key], ownValue(applied, key), childSchema(view, key));
    if (value !== undefined) setOwn(merged, key, value);
  }
  for (const key of Object.keys(applied)) {
    if (!Object.hasOwn(live, key) && applied[key] !== undefined) setOwn(merged, key, applied[key]);
  }
  return merged;
}

function mergeItems(live: readonly unknown[], applied: readonly unknown[], list: ListSchema): unknown[] {
  const liveKeys = live.map((item) => itemElement(list, item).text);
  const appliedKeys = applied.map((item) => itemElement(list, item).text);
  const liveIndex = indexItems(list, live);
  const appliedIndex = indexItems(list, applied);
  const mergeKey = (key: string): unknown => {
    const counterparts = liveIndex.get(key)?.values ?? [];
    const appliedItem = appliedIndex.get(key)?.values[0];
    // Duplicates in the live object have no one counterpart: the configuration replaces them.
    return counterparts.length === 1 ? mergeValues(counterparts[0], appliedItem, list.item) : appliedItem;
  };
  const merged: unknown[] = [];
  for (const step of interleave(liveKeys, appliedKeys)) {
    merged.push(step.from === "live" ? live[step.at] : mergeKey(appliedKeys[step.at]!));
  }
  return merged;
}

type Step = { readonly from: "live" | "applied"; readonly at: number };

/**
 * The order of a merged list: applied keys in their order, keys that only the live list has between the shared ones they
 * stood between.
 */
function interleave(liveKeys: readonly string[], appliedKeys: readonly string[]): Step[] {
  const [inLive, inApplied] = [new Set(liveKeys), new Set(appliedKeys)];
  const shared = appliedKeys.filter((key) => inLive.has(key));
  const done = new Set<string>();
  const steps: Step[] = [];
  let [liveAt, appliedAt, sharedAt] = [0, 0, 0];
  const takeApplied = (): void => {
    const key = appliedKeys[appliedAt]!;
    steps.push({ from: "applied", at: appliedAt++ });
    done.add(key);
    if (shared[sharedAt] === key) sharedAt++;
  };
  while (liveAt < liveKeys.length || appliedAt < appliedKeys.length) {
    const liveKey = liveKeys[liveAt];
    if (liveKey === undefined) takeApplied();
    else if (!inApplied.has(liveKey)) steps.push({ from: "live", at: liveAt++ });
    else if (liveKey === appliedKeys[appliedAt]) {
      takeApplied();
      liveAt++;
    } else if (done.has(liveKey) || (appliedAt < appliedKeys.length && liveKey !== shared[sharedAt])) {
      // A shared item that the configuration moved: it comes, or came, at its place there.
      liveAt++;
    } else takeApplied();
  }
  return steps;
}
