/**
 * The fields that an applied configuration speaks of: what its applier will own. Leaves, items of set and map lists, keys
 * of maps, and empty objects; not the structs around them.
 */
import type { JsonObject, ListSchema, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { isJsonObject } from "../patch/value-schema.ts";
import { FieldSet } from "./field-set.ts";
import { indexItems } from "./list-items.ts";
import type { PathElement } from "./path-element.ts";
import { fieldElement } from "./path-element.ts";
import type { ObjectView } from "./typed-value.ts";
import { isEmptyObject, listView, objectView } from "./typed-value.ts";

/** Throws when an item of a list has no key. */
export function toFieldSet(object: JsonObject, schema: StructSchema): FieldSet {
  return objectFields(object, objectView(schema)!);
}

function objectFields(object: JsonObject, view: ObjectView): FieldSet {
  const set = new FieldSet();
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    const field = view.field(key);
    const isOwnMember = value === null || (isJsonObject(value) && isEmptyObject(value)) || !field;
    putValue(set, fieldElement(key), value, field?.value ?? view.other, isOwnMember);
  }
  return set;
}

function putValue(set: FieldSet, element: PathElement, value: unknown, schema: ValueSchema, isMember: boolean): void {
  const view = objectView(schema);
  if (view && !view.atomic && isJsonObject(value)) {
    set.put(element, isMember, objectFields(value, view));
    return;
  }
  const list = listView(schema);
  if (list && list.relation !== "atomic" && Array.isArray(value)) set.put(element, isMember, listFields(value, list));
  else set.put(element, true, undefined);
}

function listFields(items: readonly unknown[], list: ListSchema): FieldSet {
  const set = new FieldSet();
  for (const { element, values } of indexItems(list, items).values()) {
    if (values.length > 1) set.add(element);
    else putValue(set, element, values[0], list.item, true);
  }
  return set;
}
