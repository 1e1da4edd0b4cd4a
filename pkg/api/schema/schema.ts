/**
 * The schema of every built-in type, read from the generated table: what patching, server-side apply, OpenAPI, strict
 * decoding and protobuf all work from. Types are named `<package>.<Type>` ("core/v1.Pod"); the table is parsed at import
 * (about a millisecond), each type on first use.
 */
import type { GroupVersionKind } from "../meta/object.ts";
import { type Field, isInline, parseField, type StructType } from "./field.ts";
import table from "./kubernetes.json" with { type: "json" };

export type { Field } from "./field.ts";

export interface TypeInfo {
  /** "core/v1.Pod" */
  readonly name: string;
  /** As declared: an inlined struct is one field with the name "". */
  readonly declared: readonly Field[];
  /** By JSON name, with the fields of inlined structs in their place: what a JSON object of this type may hold. */
  readonly fields: ReadonlyMap<string, Field>;
  /** True when objects of this type carry apiVersion and kind. */
  readonly isKind: boolean;
  /** "atomic" when a value of this type is applied as a whole wherever it stands. */
  readonly structType: StructType | undefined;
}

const lines: Readonly<Record<string, readonly string[]>> = table.types;
const enums: Readonly<Record<string, readonly string[]>> = table.enums;
const structTypes = table.structTypes as Readonly<Record<string, StructType>>;
const groups: Readonly<Record<string, string>> = table.groups;
const packageByGroupVersion: ReadonlyMap<string, string> = new Map(
  Object.entries(groups).map(([key, group]) => [`${group}/${versionOf(key)}`, key]),
);
const typeMeta = "meta/v1.TypeMeta";

/** The Kubernetes minor version the table describes: "v1.36". */
export const apiLevel: string = table.apiLevel;

/** Kinds of meta/v1 which every group serves under its own versions. */
const everywhere: ReadonlySet<string> = new Set([
  "CreateOptions",
  "DeleteOptions",
  "GetOptions",
  "ListOptions",
  "PatchOptions",
  "UpdateOptions",
  "WatchEvent",
]);

/** Kinds of meta/v1 which are served as plain "v1". */
const unversioned: ReadonlySet<string> = new Set([
  "APIGroup",
  "APIGroupList",
  "APIResourceList",
  "APIVersions",
  "Status",
]);

const cache = new Map<string, TypeInfo>();

/** Throws when the table has no such type; names of builtin types ("string", "quantity") are not types. */
export function typeInfo(typeName: string): TypeInfo {
  const known = cache.get(typeName);
  if (known) return known;
  if (!Object.hasOwn(lines, typeName)) throw new Error(`the schema has no type ${typeName}`);
  const declared = lines[typeName]!.map(parseField);
  const fields = new Map<string, Field>();
  for (const field of declared) {
    const found = isInline(field) ? typeInfo(field.type).fields : new Map([[field.name, field]]);
    for (const [name, one] of found) fields.set(name, one);
  }
  const isKind = declared.some((field) => isInline(field) && field.type === typeMeta);
  const info: TypeInfo = { name: typeName, declared, fields, isKind, structType: structTypes[typeName] };
  cache.set(typeName, info);
  return info;
}

export function hasType(typeName: string): boolean {
  return Object.hasOwn(lines, typeName);
}

/** By JSON name, through inlined structs; undefined when the type has no such field. */
export function fieldOf(typeName: string, jsonName: string): Field | undefined {
  return typeInfo(typeName).fields.get(jsonName);
}

/** The fields a JSON object of this type may hold, by JSON name, in declared order. */
export function fieldsOf(typeName: string): ReadonlyMap<string, Field> {
  return typeInfo(typeName).fields;
}

/** The values of an enumeration, sorted; a field names its enumeration in `enumName`. */
export function enumValues(enumName: string): readonly string[] {
  return enums[enumName] ?? [];
}

/** Every type of the table, sorted. */
export function typeNames(): readonly string[] {
  return Object.keys(lines);
}

/** The type of a kind, undefined when it is none of ours. Options and watch events are known in every group and version. */
export function typeOf({ group, version, kind }: GroupVersionKind): string | undefined {
  const key = packageByGroupVersion.get(`${group}/${version}`);
  if (key !== undefined) {
    const name = `${key}.${kind}`;
    if (hasType(name)) return typeInfo(name).isKind ? name : undefined;
  }
  const isMeta = everywhere.has(kind) || (group === "" && version === "v1" && unversioned.has(kind));
  return isMeta ? `meta/v1.${kind}` : undefined;
}

/** The kind a type stands for; undefined for types that are only parts of others, and for the kinds every group serves. */
export function gvkOfType(typeName: string): GroupVersionKind | undefined {
  if (!typeInfo(typeName).isKind) return undefined;
  const dot = typeName.lastIndexOf(".");
  const kind = typeName.slice(dot + 1);
  const key = typeName.slice(0, dot);
  if (key !== "meta/v1") return { group: groups[key]!, version: versionOf(key), kind };
  if (everywhere.has(kind)) return undefined;
  return { group: unversioned.has(kind) ? "" : "meta.k8s.io", version: "v1", kind };
}

/** The name OpenAPI documents use: "io.k8s.api.core.v1.Pod". */
export function openApiName(typeName: string): string {
  const dot = typeName.lastIndexOf(".");
  const key = typeName.slice(0, dot).replace("/", ".");
  return `${openApiPrefixes[key] ?? `io.k8s.api.${key}`}.${typeName.slice(dot + 1)}`;
}

const openApiPrefixes: Readonly<Record<string, string>> = {
  "meta.v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
  "apiextensions.v1": "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1",
  "apiregistration.v1": "io.k8s.kube-aggregator.pkg.apis.apiregistration.v1",
};

function versionOf(packageKey: string): string {
  return packageKey.slice(packageKey.indexOf("/") + 1);
}
