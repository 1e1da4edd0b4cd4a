/**
 * Strategic merge patch: a merge patch in which lists of objects merge by a key that the type declares, with directives
 * for replacing, deleting, ordering and keeping. Only for types with a schema.
 * Source of the semantics: k8s.io/apimachinery/pkg/util/strategicpatch, the side that applies patches.
 */
import { directiveOf, listDirective, setElementOrderPrefix, withoutDirectives, withoutNulls } from "./directives.ts";
import { parsePatchDocument } from "./patch-document.ts";
import { badPatch, unprocessablePatch } from "./patch-errors.ts";
import { deleteScalars, mergeLists, orderList } from "./strategic-list.ts";
import type { JsonObject, StructField, StructSchema, ValueSchema } from "./value-schema.ts";
import { cloneJson, isJsonObject, ownValue, setOwn, untypedDeduced } from "./value-schema.ts";

/**
 * The object after the patch; `current` is left alone. Throws StatusError: 400 for a malformed patch or directive, 422
 * for one that does not fit the object or its type.
 */
export function applyStrategicMergePatch<T extends object>(current: T, patch: Uint8Array, schema: StructSchema): T {
  const document = parsePatchDocument(patch);
  if (!isJsonObject(document)) throw badPatch("invalid JSON document: a strategic merge patch is a JSON object");
  return mergeMap(cloneJson(current) as JsonObject, document, schema) as T;
}

/** Merges `patch` into `original`; both are used up. */
export function mergeMap(original: JsonObject, patch: JsonObject, schema: ValueSchema): JsonObject {
  const directive = directiveOf(patch);
  if (directive === "replace") {
    delete patch["$patch"];
    return withoutNulls(patch) as JsonObject;
  }
  if (directive === "delete") return {};
  if (directive !== undefined)
    throw badPatch(`unknown patch type: ${String(directive)} in map: ${JSON.stringify(patch)}`);

  keepRetained(original, patch);
  applyElementOrders(original, patch, schema);
  for (const key of Object.keys(patch)) mergeKey(original, key, patch[key], schema);
  return original;
}

function mergeKey(original: JsonObject, key: string, patchValue: unknown, schema: ValueSchema): void {
  const deletedFrom = listDirective(key, "$deleteFromPrimitiveList");
  if (deletedFrom !== undefined) {
    if (patchValue !== null) deleteFromList(original, deletedFrom, patchValue);
    return;
  }
  if (patchValue === null) {
    delete original[key];
    return;
  }
  const existing = ownValue(original, key);
  if (isJsonObject(existing) && isJsonObject(patchValue)) {
    const field = lookUp(schema, key);
    setOwn(
      original,
      key,
      field.strategy === "replace" ? withoutNulls(patchValue) : mergeMap(existing, patchValue, field.schema),
    );
  } else if (Array.isArray(existing) && Array.isArray(patchValue)) {
    setOwn(original, key, mergeListField(existing, patchValue, key, schema));
  } else {
    const kept = withoutDirectives(withoutNulls(patchValue));
    if (kept === undefined) delete original[key];
    else setOwn(original, key, kept);
  }
}

function mergeListField(existing: unknown[], patchValue: unknown[], key: string, schema: ValueSchema): unknown[] {
  const field = lookUp(schema, key);
  return field.strategy === "merge" ? mergeLists(existing, patchValue, itemRules(field)) : patchValue;
}

function deleteFromList(original: JsonObject, key: string, toDelete: unknown): void {
  const existing = ownValue(original, key);
  if (existing === undefined || existing === null) return;
  if (!Array.isArray(existing) || !Array.isArray(toDelete)) throw badPatch("invalid patch format of primitive list");
  setOwn(original, key, deleteScalars(existing, toDelete));
}

/** `$retainKeys`: what the list does not name goes, and the patch may not set what the list does not name. */
function keepRetained(original: JsonObject, patch: JsonObject): void {
  const retained = ownValue(patch, "$retainKeys");
  if (retained === undefined) return;
  delete patch["$retainKeys"];
  if (!Array.isArray(retained)) throw badPatch("invalid patch format of retainKeys");
  const names: ReadonlySet<unknown> = new Set(retained);
  for (const [key, value] of Object.entries(patch)) {
    const isDirective = key.startsWith("$deleteFromPrimitiveList") || key.startsWith("$setElementOrder");
    if (value !== null && !isDirective && !names.has(key)) throw badPatch("invalid patch format of retainKeys");
  }
  for (const key of Object.keys(original)) if (!names.has(key)) delete original[key];
}

/** `$setElementOrder/<list>`: merges the list and puts it in the order given; the list is then done with in `patch`. */
function applyElementOrders(original: JsonObject, patch: JsonObject, schema: ValueSchema): void {
  for (const key of Object.keys(patch)) {
    if (!key.startsWith(setElementOrderPrefix)) continue;
    const order = patch[key];
    delete patch[key];
    const listKey = listDirective(key, setElementOrderPrefix);
    if (listKey === undefined || !Array.isArray(order)) throw badPatch("invalid patch format of setElementOrder list");
    const existing = asList(ownValue(original, listKey), listKey);
    const patched = asList(ownValue(patch, listKey), listKey);
    const field = lookUp(schema, listKey);
    const merged = orderList(existing, patched, order, field.strategy === "merge", itemRules(field));
    delete patch[listKey];
    if (merged) setOwn(original, listKey, merged);
  }
}

function asList(value: unknown, key: string): unknown[] | undefined {
  if (value === undefined || Array.isArray(value)) return value;
  throw unprocessablePatch(`expected a list for ${key}, but received ${JSON.stringify(value)}`);
}

interface MergeField {
  readonly schema: ValueSchema;
  readonly strategy: StructField["patchStrategy"];
  readonly mergeKey: string;
  readonly name: string;
}

/** How the value under `key` merges. Throws 422 when the type has no such field. */
function lookUp(schema: ValueSchema, key: string): MergeField {
  switch (schema.kind) {
    case "struct": {
      const field = schema.field(key);
      if (field) {
        return { schema: field.value, strategy: field.patchStrategy, mergeKey: field.patchMergeKey, name: key };
      }
      if (schema.additional) return { schema: schema.additional, strategy: "", mergeKey: "", name: key };
      throw unprocessablePatch(`unable to find api field in struct ${schema.name} for the json field "${key}"`);
    }
    case "map":
      return { schema: schema.value, strategy: "", mergeKey: "", name: key };
    case "untyped":
    case "scalar":
    case "list":
      return { schema: untypedDeduced, strategy: "", mergeKey: "", name: key };
  }
}

function itemRules(field: MergeField): Parameters<typeof mergeLists>[2] {
  const item = field.schema.kind === "list" ? field.schema.item : untypedDeduced;
  return {
    mergeKey: field.mergeKey,
    name: field.name,
    mergeItems: (original, patch) => mergeMap(original, patch, item),
  };
}
