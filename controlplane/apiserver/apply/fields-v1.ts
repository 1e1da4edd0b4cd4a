/** Field sets on the wire: the FieldsV1 object of a managedFields entry. Objects made or read here are never changed. */
import type { JsonObject } from "../patch/value-schema.ts";
import { isJsonObject } from "../patch/value-schema.ts";
import { FieldSet } from "./field-set.ts";
import { parsePathElement } from "./path-element.ts";

/** Stored objects never change, so a set is read and written once for all the updates that leave it alone. */
const setOfFields = new WeakMap<JsonObject, FieldSet>();
const fieldsOfSet = new WeakMap<FieldSet, JsonObject>();

/** In FieldsV1 order, so that equal sets give equal bytes. */
export function formatFieldSet(set: FieldSet): JsonObject {
  let fields = fieldsOfSet.get(set);
  if (!fields) {
    fields = {};
    writeSet(set, fields);
    fieldsOfSet.set(set, fields);
    setOfFields.set(fields, set);
  }
  return fields;
}

function writeSet(set: FieldSet, into: JsonObject): void {
  for (const node of set.sortedNodes()) {
    const inner: JsonObject = {};
    into[node.element.text] = inner;
    if (!node.children) continue;
    if (node.isMember) inner["."] = {};
    writeSet(node.children, inner);
  }
}

/** Throws for what is not FieldsV1. Elements of unknown types are left out. */
export function parseFieldSet(fields: unknown): FieldSet {
  if (fields === undefined || fields === null) return FieldSet.empty;
  if (!isJsonObject(fields)) throw new Error("fieldsV1 is not an object");
  let set = setOfFields.get(fields);
  if (!set) {
    set = readSet(fields);
    setOfFields.set(fields, set);
  }
  return set;
}

function readSet(fields: JsonObject): FieldSet {
  const set = new FieldSet();
  for (const key of Object.keys(fields)) {
    if (key === ".") continue;
    const element = parsePathElement(key);
    if (!element) continue;
    const inner = fields[key];
    if (!isJsonObject(inner)) throw new Error(`fieldsV1: ${key} is not an object`);
    const children = readSet(inner);
    set.put(element, Object.hasOwn(inner, ".") || children.isEmpty, children);
  }
  return set;
}
