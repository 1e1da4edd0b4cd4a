/**
 * Takes fields out of an object. An object or list that becomes empty by it, or is atomic, turns into null.
 * Source of the semantics: structured-merge-diff typed.RemoveItems.
 */
import type { JsonObject, ListSchema, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { isJsonObject, setOwn } from "../patch/value-schema.ts";
import type { FieldSet } from "./field-set.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement } from "./path-element.ts";
import type { ObjectView } from "./typed-value.ts";
import { childSchema, listView, objectView } from "./typed-value.ts";

/** The object without the fields of `toRemove`; untouched parts are shared with the object given. */
export function removeFields(object: JsonObject, toRemove: FieldSet, schema: StructSchema): JsonObject {
  if (toRemove.isEmpty) return object;
  return removeFromObject(object, toRemove, objectView(schema)!);
}

function removeInside(value: unknown, toRemove: FieldSet, schema: ValueSchema): unknown {
  const view = objectView(schema);
  if (view && isJsonObject(value)) {
    if (view.atomic) return null;
    const kept = removeFromObject(value, toRemove, view);
    return Object.keys(kept).length === 0 ? null : kept;
  }
  const list = listView(schema);
  if (list && Array.isArray(value)) {
    if (list.relation === "atomic") return null;
    const kept = removeFromList(value, toRemove, list);
    return kept.length === 0 ? null : kept;
  }
  return value;
}

function removeFromObject(object: JsonObject, toRemove: FieldSet, view: ObjectView): JsonObject {
  const kept: JsonObject = {};
  for (const key of Object.keys(object)) {
    const node = toRemove.node(fieldElement(key).text);
    if (node?.isMember) continue;
    const value = node?.children ? removeInside(object[key], node.children, childSchema(view, key)) : object[key];
    if (value !== undefined) setOwn(kept, key, value);
  }
  return kept;
}

function removeFromList(items: readonly unknown[], toRemove: FieldSet, list: ListSchema): unknown[] {
  return items.flatMap((item) => {
    const node = toRemove.node(itemElement(list, item).text);
    if (!node) return [item];
    if (node.isMember) return [];
    const kept = node.children ? removeInside(item, node.children, list.item) : item;
    return kept === null ? [] : [kept];
  });
}
