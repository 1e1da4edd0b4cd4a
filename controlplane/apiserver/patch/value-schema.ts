/**
 * What patches and server-side apply need to know about a type: how its lists and maps merge, and which fields exist.
 * Built-in kinds come from the schema table (table-schema.ts); a CRD's OpenAPI schema can be put behind the same types.
 * Schemas are read-only and shared; fields may refer back to their own struct, so follow `value` only as deep as the data.
 */

export type ValueSchema = ScalarSchema | StructSchema | MapSchema | ListSchema | UntypedSchema;

/** A leaf, whatever its JSON form: quantities and times count as "any". */
export interface ScalarSchema {
  readonly kind: "scalar";
  readonly scalar: "string" | "number" | "boolean" | "any";
}

/** An object with declared fields. */
export interface StructSchema {
  readonly kind: "struct";
  /** For messages, such as `PodSpec`. */
  readonly name: string;
  /** Owned and replaced as a whole by server-side apply. */
  readonly atomic: boolean;
  field(name: string): StructField | undefined;
  /** Fields that are part of every object of this type, said or not (`zero` is set). */
  readonly always: readonly StructField[];
  /** The schema of undeclared fields; absent: there may be none. */
  readonly additional?: ValueSchema | undefined;
}

/** An object with free keys. */
export interface MapSchema {
  readonly kind: "map";
  readonly atomic: boolean;
  readonly value: ValueSchema;
}

export interface ListSchema {
  readonly kind: "list";
  readonly relation: "atomic" | "set" | "map";
  /** The fields that tell items of a "map" list apart, in declared order. */
  readonly keys: readonly string[];
  readonly item: ValueSchema;
}

/** Anything: objects merge by key unless `atomic`, lists are atomic. */
export interface UntypedSchema {
  readonly kind: "untyped";
  readonly atomic: boolean;
}

export interface StructField {
  readonly name: string;
  readonly value: ValueSchema;
  /**
   * What the field holds when the JSON does not mention it and its struct is there: `{}` for a struct held by value, null,
   * "", 0 or false for what is always written out. Undefined: absent means absent.
   */
  readonly zero: unknown;
  /** "", 0, false, [] and {} mean the same as absent. */
  readonly omitsEmpty: boolean;
  /** Of strategic merge patch. "": maps merge, lists are replaced. */
  readonly patchStrategy: "" | "merge" | "replace";
  readonly patchMergeKey: string;
  /** Stands in for a missing list key. */
  readonly keyDefault: unknown;
}

/** What a declared field holds when the JSON has `value` for it; undefined: nothing. Null is the same as no value. */
export function heldValue(field: StructField, value: unknown): unknown {
  if (value === undefined || value === null) return field.zero;
  return field.omitsEmpty && isEmptyValue(value) ? undefined : value;
}

function isEmptyValue(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === "" || value === 0 || value === false;
  for (const _ in value) return false;
  return true;
}

export const anyScalar: ScalarSchema = { kind: "scalar", scalar: "any" };
export const untypedDeduced: UntypedSchema = { kind: "untyped", atomic: false };
export const untypedAtomic: UntypedSchema = { kind: "untyped", atomic: true };

export type JsonObject = { [key: string]: unknown };

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

const hasOwn = Object.prototype.hasOwnProperty;

/** The value of an own, enumerable-or-not property: names such as "constructor" in data never reach a prototype. */
export function ownValue(object: JsonObject, key: string): unknown {
  return hasOwn.call(object, key) ? object[key] : undefined;
}

/** Sets an own property even for the name "__proto__". */
export function setOwn(object: JsonObject, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(object, key, { value, enumerable: true, configurable: true, writable: true });
  } else object[key] = value;
}

/** A copy that shares nothing with the original. */
export function cloneJson<T>(value: T): T {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(cloneJson) as T;
  const source = value as JsonObject;
  const copy: JsonObject = {};
  for (const key of Object.keys(source)) setOwn(copy, key, cloneJson(source[key]));
  return copy as T;
}
