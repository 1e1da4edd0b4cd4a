/**
 * The shape of a value seen through its schema: which of object, list or leaf it is, and what its children's schemas are.
 * A value that does not have the form its schema asks for is a leaf.
 */
import type { JsonObject, ListSchema, StructField, ValueSchema } from "../patch/value-schema.ts";
import { isJsonObject, untypedAtomic, untypedDeduced } from "../patch/value-schema.ts";

/** An object's keys, seen through its schema. */
export interface ObjectView {
  /** Owned and replaced as a whole. */
  readonly atomic: boolean;
  /** The declared field, when the object is a struct. Null in such a field is the same as no value. */
  field(key: string): StructField | undefined;
  /** The schema of keys that are not declared fields. */
  readonly other: ValueSchema;
  readonly always: readonly StructField[];
}

const noFields: readonly StructField[] = [];
const noField = (): undefined => undefined;

const untypedObject: ObjectView = { atomic: false, field: noField, other: untypedDeduced, always: noFields };
const untypedAtomicObject: ObjectView = { atomic: true, field: noField, other: untypedAtomic, always: noFields };
const untypedList: ListSchema = { kind: "list", relation: "atomic", keys: [], item: untypedAtomic };

const views = new WeakMap<ValueSchema, ObjectView>();

/** How an object of this schema is walked; undefined when the schema is not one of objects. */
export function objectView(schema: ValueSchema): ObjectView | undefined {
  switch (schema.kind) {
    case "struct":
    case "map": {
      let view = views.get(schema);
      if (!view) {
        view = makeView(schema);
        views.set(schema, view);
      }
      return view;
    }
    case "untyped":
      return schema.atomic ? untypedAtomicObject : untypedObject;
    case "scalar":
    case "list":
      return undefined;
  }
}

function makeView(schema: Extract<ValueSchema, { kind: "struct" | "map" }>): ObjectView {
  if (schema.kind === "map") {
    return { atomic: schema.atomic, field: noField, other: schema.value, always: noFields };
  }
  return {
    atomic: schema.atomic,
    field: (key) => schema.field(key),
    other: schema.additional ?? untypedAtomic,
    always: schema.always,
  };
}

/** How a list of this schema is walked; undefined when the schema is not one of lists. */
export function listView(schema: ValueSchema): ListSchema | undefined {
  if (schema.kind === "list") return schema;
  return schema.kind === "untyped" ? untypedList : undefined;
}

/** The schema of the value under a key. */
export function childSchema(view: ObjectView, key: string): ValueSchema {
  return view.field(key)?.value ?? view.other;
}

/** Null and {} count as empty objects. */
export function isEmptyObject(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (!isJsonObject(value)) return false;
  for (const key in value) if (value[key] !== undefined) return false;
  return true;
}

/** Null and [] count as empty lists. */
export function isEmptyList(value: unknown): boolean {
  return value === undefined || value === null || (Array.isArray(value) && value.length === 0);
}

export const noObject: JsonObject = Object.freeze({}) as JsonObject;
