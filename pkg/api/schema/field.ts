/**
 * One field of an API type, as the schema table states it, and the line of text that stands for it in the table:
 *
 *     ports 6 []core/v1.ContainerPort patchStrategy=merge patchMergeKey=containerPort listType=map
 *
 * name, protobuf number, type, then facts about it. Most fields are optional values that are left out when empty, so that
 * needs no word; what differs from it is said: `*` before the type (presence is told apart from zero), `required`, `always`.
 */

/** Types with a wire form of their own; every other type name is `<package>.<Type>`, such as `core/v1.PodSpec`. */
export const builtinTypeNames = [
  "string",
  "bool",
  "int32",
  "int64",
  "float64",
  /** Base64 text in JSON. */
  "bytes",
  /** A number with a unit suffix: text in JSON. */
  "quantity",
  /** A number or text, such as a port or "25%". */
  "intOrString",
  /** RFC 3339 text with whole seconds. */
  "time",
  /** RFC 3339 text with six fractional digits. */
  "microTime",
  /** The field sets of managedFields: a JSON object. */
  "fieldsV1",
  /** A whole object of any kind. */
  "rawExtension",
  /** Any JSON value. */
  "json",
  /** A JSONSchemaProps, or a boolean. */
  "jsonSchemaOrBool",
  /** A JSONSchemaProps, or a list of them. */
  "jsonSchemaOrArray",
  /** A JSONSchemaProps, or a list of strings. */
  "jsonSchemaOrStrings",
  /** A list of strings which is one message in protobuf, so that it can be the value of a map. */
  "strings",
  /** Any JSON value; has no protobuf form. */
  "any",
] as const;

export type BuiltinTypeName = (typeof builtinTypeNames)[number];

const builtins: ReadonlySet<string> = new Set(builtinTypeNames);

export function isBuiltin(typeName: string): typeName is BuiltinTypeName {
  return builtins.has(typeName);
}

export type ListType = "atomic" | "set" | "map";
export type StructType = "atomic" | "granular";

export interface Field {
  /** The JSON name; "" for an inlined struct, whose fields stand beside those of its owner. */
  readonly name: string;
  /** The protobuf number; 0 when the field is not part of the protobuf form. */
  readonly number: number;
  /** A builtin type, or the name of a type in the table; of the items for a list, of the values for a map. */
  readonly type: string;
  /** Keys of a map are strings. */
  readonly shape: "one" | "list" | "map";
  /** True when absent and zero are two different things. */
  readonly pointer: boolean;
  /** Clients must give it. */
  readonly required: boolean;
  /** Written out even when zero. Structs held by value are always written, unless `omitZero`. */
  readonly always: boolean;
  readonly omitZero: boolean;
  /** Name of the list of values this string may take. */
  readonly enumName?: string | undefined;
  readonly patchStrategy?: readonly string[] | undefined;
  readonly patchMergeKey?: string | undefined;
  readonly listType?: ListType | undefined;
  readonly listMapKeys?: readonly string[] | undefined;
  readonly mapType?: StructType | undefined;
  readonly structType?: StructType | undefined;
  readonly defaultValue?: string | number | boolean | undefined;
}

/** True for an inlined struct. */
export function isInline(field: Field): boolean {
  return field.name === "";
}

const inlineName = "-";

export function formatField(field: Field): string {
  const prefix = `${field.pointer ? "*" : ""}${{ one: "", list: "[]", map: "map[string]" }[field.shape]}`;
  const words = [field.name || inlineName, String(field.number), `${prefix}${field.type}`];
  if (field.required) words.push("required");
  if (field.always) words.push("always");
  if (field.omitZero) words.push("omitZero");
  const facts: readonly (readonly [string, string | undefined])[] = [
    ["enum", field.enumName],
    ["patchStrategy", field.patchStrategy?.join(",")],
    ["patchMergeKey", field.patchMergeKey],
    ["listType", field.listType],
    ["listMapKeys", field.listMapKeys?.join(",")],
    ["mapType", field.mapType],
    ["structType", field.structType],
    ["default", field.defaultValue === undefined ? undefined : JSON.stringify(field.defaultValue)],
  ];
  for (const [key, value] of facts) if (value !== undefined) words.push(`${key}=${value}`);
  const broken = words.find((word) => word.includes(" "));
  if (broken !== undefined) throw new Error(`a word of the field ${field.name} has a blank in it: ${broken}`);
  return words.join(" ");
}

export function parseField(line: string): Field {
  const [name, number, typeText, ...facts] = line.split(" ");
  if (name === undefined || number === undefined || typeText === undefined) {
    throw new Error(`not a field of the schema table: ${line}`);
  }
  const pointer = typeText.startsWith("*");
  const unpointed = pointer ? typeText.slice(1) : typeText;
  const shape = unpointed.startsWith("[]") ? "list" : unpointed.startsWith("map[string]") ? "map" : "one";
  const words = new Map(facts.map((fact) => [fact.split("=", 1)[0]!, fact.slice(fact.indexOf("=") + 1)]));
  // Every field has all properties, in this order: fields of one shape are quick to read for the engine.
  return {
    name: name === inlineName ? "" : name,
    number: Number(number),
    type: unpointed.slice(shape === "list" ? "[]".length : shape === "map" ? "map[string]".length : 0),
    shape,
    pointer,
    required: words.has("required"),
    always: words.has("always"),
    omitZero: words.has("omitZero"),
    enumName: words.get("enum"),
    patchStrategy: words.get("patchStrategy")?.split(","),
    patchMergeKey: words.get("patchMergeKey"),
    listType: words.get("listType") as ListType | undefined,
    listMapKeys: words.get("listMapKeys")?.split(","),
    mapType: words.get("mapType") as StructType | undefined,
    structType: words.get("structType") as StructType | undefined,
    defaultValue: parseDefault(words.get("default")),
  };
}

function parseDefault(text: string | undefined): Field["defaultValue"] {
  return text === undefined ? undefined : (JSON.parse(text) as string | number | boolean);
}
