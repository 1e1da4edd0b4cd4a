/**
 * The schema table as JSON schemas, in the two dialects of OpenAPI documents: version 2 ("definitions") and version 3
 * ("components"). Names are upstream's; there are no descriptions.
 */
import type { GroupVersionKind } from "#pkg/api/meta/object.ts";
import { type BuiltinTypeName, type Field, isBuiltin } from "#pkg/api/schema/field.ts";
import { enumValues, fieldsOf, gvkOfType, openApiName, typeInfo } from "#pkg/api/schema/schema.ts";

export type Dialect = "v2" | "v3";

/** A JSON schema, as far as API types need it; extensions are keys that start with "x-kubernetes-". */
export type JsonSchema = { [key: string]: unknown };

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const extensions = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1";

/** Builtin types that have a schema of their own, by its name. */
const namedBuiltins: Readonly<Partial<Record<BuiltinTypeName, string>>> = {
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  time: `${meta}.Time`,
  microTime: `${meta}.MicroTime`,
  fieldsV1: `${meta}.FieldsV1`,
  rawExtension: "io.k8s.apimachinery.pkg.runtime.RawExtension",
  json: `${extensions}.JSON`,
  jsonSchemaOrBool: `${extensions}.JSONSchemaPropsOrBool`,
  jsonSchemaOrArray: `${extensions}.JSONSchemaPropsOrArray`,
  jsonSchemaOrStrings: `${extensions}.JSONSchemaPropsOrStringArray`,
};

const dateTime = { type: "string", format: "date-time" };

const namedSchemas: Readonly<Record<string, Readonly<Record<Dialect, JsonSchema>>>> = {
  quantity: { v2: { type: "string" }, v3: { oneOf: [{ type: "string" }, { type: "number" }] } },
  intOrString: {
    v2: { type: "string", format: "int-or-string" },
    v3: { format: "int-or-string", oneOf: [{ type: "integer" }, { type: "string" }] },
  },
  time: { v2: dateTime, v3: dateTime },
  microTime: { v2: dateTime, v3: dateTime },
  fieldsV1: { v2: { type: "object" }, v3: { type: "object" } },
  rawExtension: { v2: { type: "object" }, v3: { type: "object" } },
};

const plainSchemas: Readonly<Partial<Record<BuiltinTypeName, JsonSchema>>> = {
  string: { type: "string" },
  bool: { type: "boolean" },
  int32: { type: "integer", format: "int32" },
  int64: { type: "integer", format: "int64" },
  float64: { type: "number", format: "double" },
  bytes: { type: "string", format: "byte" },
  strings: { type: "array", items: { type: "string" } },
};

/** Stands for the body of any patch; not a type of the table. */
export const patchType = "meta/v1.Patch";

/** The name a type has in documents: `io.k8s.api.core.v1.Pod`. */
export function schemaName(typeName: string): string {
  return (isBuiltin(typeName) ? namedBuiltins[typeName] : undefined) ?? openApiName(typeName);
}

export function schemaRef(typeName: string, dialect: Dialect): JsonSchema {
  const place = dialect === "v2" ? "#/definitions/" : "#/components/schemas/";
  return { $ref: `${place}${schemaName(typeName)}` };
}

/** The schemas of these types and of all they are made of, by name, sorted. */
export function collectSchemas(typeNames: Iterable<string>, dialect: Dialect): Record<string, JsonSchema> {
  const schemas = new Map<string, JsonSchema>();
  const waiting = [...typeNames];
  for (let typeName = waiting.pop(); typeName !== undefined; typeName = waiting.pop()) {
    const name = schemaName(typeName);
    if (schemas.has(name)) continue;
    schemas.set(name, typeSchema(typeName, dialect));
    if (!isBuiltin(typeName) && typeName !== patchType) waiting.push(...partsOf(typeName));
  }
  return Object.fromEntries([...schemas].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** The types of a struct's fields that have schemas of their own. */
function partsOf(typeName: string): string[] {
  return [...fieldsOf(typeName).values()]
    .map((field) => field.type)
    .filter((type) => !isBuiltin(type) || namedBuiltins[type] !== undefined);
}

function typeSchema(typeName: string, dialect: Dialect): JsonSchema {
  if (typeName === patchType) return { type: "object" };
  if (isBuiltin(typeName)) return namedSchemas[typeName]?.[dialect] ?? {};
  const properties: Record<string, JsonSchema> = {};
  for (const field of fieldsOf(typeName).values()) properties[field.name] = fieldSchema(field, dialect);
  const required = [...fieldsOf(typeName).values()].filter((field) => field.required).map((field) => field.name);
  const kinds = kindsOf(typeName);
  return {
    type: "object",
    ...(required.length > 0 ? { required: required.sort() } : {}),
    ...(Object.keys(properties).length > 0 ? { properties } : {}),
    ...(typeInfo(typeName).structType === "atomic" ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...(kinds.length > 0 ? { "x-kubernetes-group-version-kind": kinds } : {}),
  };
}

function kindsOf(typeName: string): GroupVersionKind[] {
  const gvk = gvkOfType(typeName);
  if (gvk) return gvk.group === "meta.k8s.io" ? [] : [gvk];
  // Options are served by every group; clients look them up under the core group.
  return typeInfo(typeName).isKind
    ? [{ group: "", version: "v1", kind: typeName.slice(typeName.indexOf(".") + 1) }]
    : [];
}

function fieldSchema(field: Field, dialect: Dialect): JsonSchema {
  const plain = plainSchema(field, dialect);
  const value =
    field.shape === "list"
      ? { type: "array", items: plain }
      : field.shape === "map"
        ? { type: "object", additionalProperties: plain }
        : plain;
  const extra = extensionsOf(field);
  if (Object.keys(extra).length === 0) return value;
  // What stands beside a reference does not count in version 3.
  return "$ref" in value && dialect === "v3" ? { allOf: [value], ...extra } : { ...value, ...extra };
}

function plainSchema(field: Field, dialect: Dialect): JsonSchema {
  const { type } = field;
  if (!isBuiltin(type) || namedBuiltins[type]) return schemaRef(type, dialect);
  const values = field.enumName === undefined ? [] : enumValues(field.enumName);
  return { ...plainSchemas[type], ...(values.length > 0 ? { enum: values } : {}) };
}

function extensionsOf(field: Field): JsonSchema {
  const { defaultValue, patchStrategy, patchMergeKey, listType, listMapKeys, mapType, structType } = field;
  const isAtomic = mapType === "atomic" || structType === "atomic";
  return {
    ...(defaultValue === undefined ? {} : { default: defaultValue }),
    ...(listMapKeys ? { "x-kubernetes-list-map-keys": listMapKeys } : {}),
    ...(listType ? { "x-kubernetes-list-type": listType } : {}),
    ...(isAtomic ? { "x-kubernetes-map-type": "atomic" } : {}),
    ...(patchMergeKey ? { "x-kubernetes-patch-merge-key": patchMergeKey } : {}),
    ...(patchStrategy ? { "x-kubernetes-patch-strategy": patchStrategy.join(",") } : {}),
  };
}
