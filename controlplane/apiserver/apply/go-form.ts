/**
 * An object as upstream's structs hold it: what is always written out is there, what is left out when empty is not. Apply
 * compares such a form of the live object with plain JSON, in which a field is there exactly when it is said.
 */
import type { JsonObject, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { heldValue, isJsonObject, setOwn } from "../patch/value-schema.ts";
import type { ObjectView } from "./typed-value.ts";
import { listView, objectView } from "./typed-value.ts";

/** A new object; leaves are shared with the one given. */
export function goForm(object: JsonObject, schema: StructSchema): JsonObject {
  return formObject(object, objectView(schema)!);
}

/** As goForm, of any value. */
export function formValue(value: unknown, schema: ValueSchema): unknown {
  if (typeof value !== "object" || value === null || schema.kind === "untyped") return value;
  const view = objectView(schema);
  if (view && isJsonObject(value)) return formObject(value, view);
  const list = listView(schema);
  if (list && Array.isArray(value)) return value.map((item) => formValue(item, list.item));
  return value;
}

function formObject(object: JsonObject, view: ObjectView): JsonObject {
  const formed: JsonObject = {};
  for (const key of Object.keys(object)) {
    const field = view.field(key);
    const value = field ? heldValue(field, object[key]) : object[key];
    if (value !== undefined) setOwn(formed, key, formValue(value, field?.value ?? view.other));
  }
  for (const field of view.always) {
    if (!Object.hasOwn(object, field.name)) formed[field.name] = formValue(field.zero, field.value);
  }
  return formed;
}

/** Takes nulls out of declared fields, where they mean the same as no value. Changes the object and returns it. */
export function withoutNulls(object: JsonObject, schema: StructSchema): JsonObject {
  dropNulls(object, schema);
  return object;
}

function dropNulls(value: unknown, schema: ValueSchema): void {
  if (typeof value !== "object" || value === null || schema.kind === "untyped") return;
  const view = objectView(schema);
  const list = listView(schema);
  if (list && Array.isArray(value)) for (const item of value) dropNulls(item, list.item);
  if (!view || !isJsonObject(value)) return;
  for (const key of Object.keys(value)) {
    const field = view.field(key);
    if (field && value[key] === null) delete value[key];
    else dropNulls(value[key], field?.value ?? view.other);
  }
}
