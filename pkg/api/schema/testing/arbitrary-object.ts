/**
 * Random objects of any type of the schema, for property tests: every field may be there or not, text takes the forms its
 * type allows, and the result is in normal form (see type-plan.ts).
 */
import fc from "fast-check";
import { type Field, isBuiltin, isInline } from "../field.ts";
import { normalizeObject } from "../normalize.ts";
import { enumValues, gvkOfType, typeInfo } from "../schema.ts";
import { formatMicroTime, formatTime, zeroSeconds } from "../time-text.ts";
import { type Struct, setKey } from "../type-plan.ts";

/** Structs within each other; at the limit, only required structs are made. */
const maxDepth = 3;
const jsonSchemaProps = "apiextensions/v1.JSONSchemaProps";

/**
 * Objects of a type. Fields without a protobuf number are left out, because they do not survive protobuf, but for the
 * apiVersion and kind of the object itself.
 */
export function arbitraryObject(typeName: string): fc.Arbitrary<Struct> {
  const gvk = gvkOfType(typeName);
  const identity = gvk ? { apiVersion: gvk.group ? `${gvk.group}/${gvk.version}` : gvk.version, kind: gvk.kind } : {};
  return arbitraryStruct(typeName, 0).map((struct) => normalizeObject(typeName, { ...identity, ...struct }).object);
}

/** Types use each other a lot: each is put together once per depth. */
const known = new Map<string, fc.Arbitrary<Struct>>();

function arbitraryStruct(typeName: string, depth: number): fc.Arbitrary<Struct> {
  const key = `${typeName} ${depth}`;
  const found = known.get(key) ?? newArbitraryStruct(typeName, depth);
  known.set(key, found);
  return found;
}

function newArbitraryStruct(typeName: string, depth: number): fc.Arbitrary<Struct> {
  const parts: Record<string, fc.Arbitrary<unknown>> = {};
  const inlined: fc.Arbitrary<Struct>[] = [];
  for (const field of typeInfo(typeName).declared) {
    if (field.number === 0) continue;
    if (isInline(field)) inlined.push(arbitraryStruct(field.type, depth));
    else if (depth < maxDepth || isBuiltin(field.type)) parts[field.name] = arbitraryValue(field, depth);
  }
  return fc
    .tuple(fc.record(parts, { requiredKeys: [] }), ...inlined)
    .map((structs) => Object.assign({}, ...structs) as Struct);
}

function arbitraryValue(field: Field, depth: number): fc.Arbitrary<unknown> {
  const item = field.enumName ? fc.constantFrom(...enumValues(field.enumName)) : arbitraryItem(field.type, depth);
  switch (field.shape) {
    case "one":
      return item;
    case "list":
      return fc.array(item, { maxLength: 2 });
    case "map":
      return arbitraryMap(item);
  }
}

function arbitraryMap(item: fc.Arbitrary<unknown>): fc.Arbitrary<Struct> {
  const key = fc.oneof({ weight: 20, arbitrary: text }, { weight: 1, arbitrary: fc.constant("__proto__") });
  return fc.array(fc.tuple(key, item), { maxLength: 2 }).map((entries) => {
    const map: Struct = {};
    for (const [name, value] of entries) setKey(map, name, value);
    return map;
  });
}

const text = fc.string({ unit: "grapheme", maxLength: 6 });
const seconds = fc.integer({ min: zeroSeconds + 1, max: 253_402_300_799 });
const jsonValue = fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const jsonObject = fc.dictionary(fc.stringMatching(/^[a-z]{1,4}$/), jsonValue, { maxKeys: 2, noNullPrototype: true });

function arbitraryItem(type: string, depth: number): fc.Arbitrary<unknown> {
  if (!isBuiltin(type)) return arbitraryStruct(type, depth + 1);
  switch (type) {
    case "string":
      return text;
    case "bool":
      return fc.boolean();
    case "int32":
      return fc.integer();
    case "int64":
      return fc.maxSafeInteger();
    case "float64":
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => (value === 0 ? 0 : value));
    case "bytes":
      return fc.uint8Array({ maxLength: 6 }).map((bytes) => Buffer.from(bytes).toString("base64"));
    case "quantity":
      return fc
        .tuple(fc.nat(5000), fc.constantFrom("", "m", "k", "M", "Ki", "Mi", "Gi"))
        .map((parts) => parts.join(""));
    case "intOrString":
      return fc.oneof(fc.integer(), text);
    case "time":
      return seconds.map(formatTime);
    case "microTime":
      return fc
        .tuple(seconds, fc.nat(999_999))
        .map(([whole, micros]) => formatMicroTime({ seconds: whole, nanos: micros * 1000 }));
    case "rawExtension":
    case "fieldsV1":
      return jsonObject;
    case "json":
    case "any":
      return jsonValue;
    case "strings":
      return fc.array(text, { maxLength: 2 });
    case "jsonSchemaOrBool":
      return fc.oneof(fc.boolean(), arbitrarySchema(depth));
    case "jsonSchemaOrArray":
      return fc.oneof(arbitrarySchema(depth), fc.array(arbitrarySchema(depth), { maxLength: 2 }));
    case "jsonSchemaOrStrings":
      return fc.oneof(arbitrarySchema(depth), fc.array(text, { maxLength: 2 }));
  }
}

function arbitrarySchema(depth: number): fc.Arbitrary<Struct> {
  return depth < maxDepth ? arbitraryStruct(jsonSchemaProps, depth + 1) : fc.constant({ type: "string" });
}
