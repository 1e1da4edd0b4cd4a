/**
 * Value schemas of the built-in types, made from the schema table on first use and kept: a few structs per kind that is
 * patched or applied, none for the others.
 * Source of the rules for zero values: what Go's encoding writes for a field that was never set, because upstream compares
 * and owns fields of its structs and not of JSON.
 */
import type { GroupVersionKind } from "#pkg/api/meta/object.ts";
import type { BuiltinTypeName, Field, StructType } from "#pkg/api/schema/field.ts";
import { isBuiltin } from "#pkg/api/schema/field.ts";
import { typeInfo, typeOf } from "#pkg/api/schema/schema.ts";
import type { ListSchema, ScalarSchema, StructField, StructSchema, ValueSchema } from "./value-schema.ts";
import { anyScalar, untypedAtomic, untypedDeduced } from "./value-schema.ts";

const structs = new Map<string, TableStruct>();

/** The schema of a kind of the table; undefined when the table does not know it (it may be a CRD's). */
export function kindSchema(gvk: GroupVersionKind): StructSchema | undefined {
  const typeName = typeOf(gvk);
  return typeName === undefined ? undefined : structSchema(typeName);
}

/** The schema of a struct of the table, such as `core/v1.PodSpec`; throws when there is none of this name. */
export function structSchema(typeName: string): StructSchema {
  return tableStruct(typeName, typeInfo(typeName).structType === "atomic");
}

function tableStruct(typeName: string, atomic: boolean): TableStruct {
  const key = atomic ? `${typeName}!` : typeName;
  let struct = structs.get(key);
  if (!struct) {
    const fields = [...typeInfo(typeName).fields.values()].map((field) => new TableField(field));
    struct = new TableStruct(typeName.slice(typeName.lastIndexOf(".") + 1), atomic, fields);
    structs.set(key, struct);
  }
  return struct;
}

function valueSchema(field: Field): ValueSchema {
  switch (field.shape) {
    case "one":
      return plainSchema(field.type, field.structType);
    case "list": {
      const relation = field.listType ?? "atomic";
      return { kind: "list", relation, keys: field.listMapKeys ?? [], item: plainSchema(field.type) };
    }
    case "map":
      return { kind: "map", atomic: field.mapType === "atomic", value: plainSchema(field.type) };
  }
}

function plainSchema(typeName: string, structType?: StructType): ValueSchema {
  if (isBuiltin(typeName)) return builtinSchemas[typeName];
  return tableStruct(typeName, (structType ?? typeInfo(typeName).structType) === "atomic");
}

const text: ScalarSchema = { kind: "scalar", scalar: "string" };
const number: ScalarSchema = { kind: "scalar", scalar: "number" };
const flag: ScalarSchema = { kind: "scalar", scalar: "boolean" };
const texts: ListSchema = { kind: "list", relation: "atomic", keys: [], item: text };

const builtinSchemas: Readonly<Record<BuiltinTypeName, ValueSchema>> = {
  string: text,
  bool: flag,
  int32: number,
  int64: number,
  float64: number,
  bytes: text,
  quantity: anyScalar,
  intOrString: anyScalar,
  time: anyScalar,
  microTime: anyScalar,
  fieldsV1: untypedDeduced,
  rawExtension: untypedAtomic,
  json: untypedDeduced,
  jsonSchemaOrBool: untypedDeduced,
  jsonSchemaOrArray: untypedDeduced,
  jsonSchemaOrStrings: untypedDeduced,
  strings: texts,
  any: untypedDeduced,
};

class TableStruct implements StructSchema {
  readonly kind = "struct";
  readonly name: string;
  readonly atomic: boolean;
  readonly always: readonly StructField[];
  readonly #fields: ReadonlyMap<string, StructField>;

  constructor(name: string, atomic: boolean, fields: readonly StructField[]) {
    this.name = name;
    this.atomic = atomic;
    this.always = fields.filter((field) => field.zero !== undefined);
    this.#fields = new Map(fields.map((field) => [field.name, field]));
  }

  field(name: string): StructField | undefined {
    return this.#fields.get(name);
  }
}

class TableField implements StructField {
  readonly name: string;
  readonly zero: unknown;
  readonly omitsEmpty: boolean;
  readonly patchStrategy: StructField["patchStrategy"];
  readonly patchMergeKey: string;
  readonly keyDefault: unknown;
  #value: ValueSchema | undefined;
  readonly #field: Field;

  constructor(field: Field) {
    this.name = field.name;
    this.zero = zeroOf(field);
    this.omitsEmpty = this.zero === undefined && !field.pointer;
    const strategies = field.patchStrategy ?? [];
    this.patchStrategy = strategies.includes("merge") ? "merge" : strategies.includes("replace") ? "replace" : "";
    this.patchMergeKey = field.patchMergeKey ?? "";
    this.keyDefault = field.defaultValue;
    this.#field = field;
  }

  get value(): ValueSchema {
    this.#value ??= valueSchema(this.#field);
    return this.#value;
  }
}

/** Builtin types that are structs in Go: their fields are written whether set or not. */
const structLike: Readonly<Record<string, unknown>> = {
  time: null,
  microTime: null,
  intOrString: 0,
  quantity: "0",
  rawExtension: null,
};
const scalarZeros: Readonly<Record<string, unknown>> = { string: "", bool: false, int32: 0, int64: 0, float64: 0 };

function zeroOf(field: Field): unknown {
  if (field.pointer || field.omitZero) return field.always && field.pointer ? null : undefined;
  if (field.shape !== "one") return field.always ? null : undefined;
  if (!isBuiltin(field.type)) return emptyStruct;
  if (field.type in structLike) return structLike[field.type];
  if (!field.always) return undefined;
  return field.type in scalarZeros ? scalarZeros[field.type] : null;
}

const emptyStruct = Object.freeze({});
