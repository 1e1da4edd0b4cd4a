/**
 * Turns Go declarations into the schema table: every struct of the packages as a list of fields with their JSON name,
 * protobuf number, type and the facts patching needs. No comment text of the sources gets into the table.
 */
import type { Field, ListType, StructType } from "../../pkg/api/schema/field.ts";
import { builtinTypes, type GoPackage, ignoredTypes } from "./packages.ts";
import type { GoField, GoFile, GoNamed, GoStruct, Markers } from "./parse-go.ts";

export interface PackageSource {
  readonly package: GoPackage;
  readonly files: readonly GoFile[];
}

export interface TypeEntry {
  readonly fields: readonly Field[];
  /** Set when a value of this type is applied as a whole wherever it stands. */
  readonly structType: StructType | undefined;
}

export interface SchemaTable {
  /** API group by package key. */
  readonly groups: ReadonlyMap<string, string>;
  readonly types: ReadonlyMap<string, TypeEntry>;
  readonly enums: ReadonlyMap<string, readonly string[]>;
}

/** What a Go type expression comes to. */
interface Resolved {
  readonly type: string;
  readonly shape: Field["shape"];
  readonly pointer: boolean;
  readonly enumName?: string | undefined;
  /** Markers of the type's own declaration, for facts a field may leave to its type. */
  readonly markers?: Markers | undefined;
}

const scalarTypes: Readonly<Record<string, string>> = {
  string: "string",
  bool: "bool",
  int32: "int32",
  int64: "int64",
  float64: "float64",
  "[]byte": "bytes",
  "interface{}": "any",
};

export function buildTable(sources: readonly PackageSource[]): SchemaTable {
  return new TableBuilder(sources).build();
}

class TableBuilder {
  readonly #sources: readonly PackageSource[];
  /** Declarations by `<import path>.<Type>`, with the place they stand in. */
  readonly #declared = new Map<string, { declaration: GoStruct | GoNamed; source: PackageSource; file: GoFile }>();
  readonly #enums = new Map<string, readonly string[]>();

  constructor(sources: readonly PackageSource[]) {
    this.#sources = sources;
    for (const source of sources) {
      for (const file of source.files) {
        for (const declaration of file.types) {
          this.#declared.set(`${source.package.path}.${declaration.name}`, { declaration, source, file });
        }
      }
    }
  }

  build(): SchemaTable {
    const groups = new Map<string, string>();
    const types = new Map<string, TypeEntry>();
    for (const source of this.#sources) {
      groups.set(source.package.key, groupName(source));
      for (const file of source.files) {
        for (const declaration of file.types) {
          const name = `${source.package.key}.${declaration.name}`;
          if (ignoredTypes.has(name) || builtinTypes[`${source.package.path}.${declaration.name}`]) continue;
          const struct = this.#structOf(declaration, source, file);
          if (!struct || !hasWireFields(struct.struct)) continue;
          types.set(name, this.#typeEntry(struct.struct, struct.source, struct.file));
        }
      }
    }
    return { groups: sorted(groups), types: sorted(types), enums: sorted(this.#enums) };
  }

  /** The struct a declaration is, directly or under another name (`type List metav1.List`). */
  #structOf(declaration: GoStruct | GoNamed, source: PackageSource, file: GoFile) {
    if (declaration.kind === "struct") return { struct: declaration, source, file };
    if (!/^[\w.]+$/.test(declaration.type)) return undefined;
    const target = this.#declared.get(qualify(declaration.type, source, file));
    return target?.declaration.kind === "struct"
      ? { struct: target.declaration, source: target.source, file: target.file }
      : undefined;
  }

  #typeEntry(struct: GoStruct, source: PackageSource, file: GoFile): TypeEntry {
    const fields = struct.fields.flatMap((field) => this.#field(struct.name, field, source, file));
    return { fields, structType: structTypeOf(struct.markers) };
  }

  #field(owner: string, field: GoField, source: PackageSource, file: GoFile): Field[] {
    const [jsonName, ...jsonOptions] = (field.tags.get("json") ?? "-").split(",");
    if (jsonName === "-") return [];
    const inline = jsonOptions.includes("inline");
    if (!inline && !jsonName) throw new Error(`${owner} has a field without a JSON name: ${field.name ?? field.type}`);
    const resolved = this.#resolve(field.type, source, file);
    const always = !inline && !jsonOptions.includes("omitempty");
    return [
      {
        name: inline ? "" : jsonName!,
        number: protobufNumber(field),
        type: resolved.type,
        shape: resolved.shape,
        pointer: resolved.pointer,
        required: !inline && isRequired(field.markers, always),
        always,
        omitZero: jsonOptions.includes("omitzero"),
        enumName: resolved.enumName,
        patchStrategy: field.tags.get("patchStrategy")?.split(","),
        patchMergeKey: field.tags.get("patchMergeKey"),
        ...mergeFacts(field.markers, resolved),
        defaultValue: this.#defaultValue(field, source, file),
      },
    ];
  }

  #resolve(expression: string, source: PackageSource, file: GoFile): Resolved {
    if (expression.startsWith("*")) return { ...this.#resolve(expression.slice(1), source, file), pointer: true };
    const scalar = scalarTypes[expression];
    if (scalar) return { type: scalar, shape: "one", pointer: false };
    const list = /^\[\](.+)$/.exec(expression);
    if (list) return { ...this.#element(list[1]!, source, file), shape: "list" };
    const map = /^map\[[\w.]+\](.+)$/.exec(expression);
    if (map) return { ...this.#element(map[1]!, source, file), shape: "map" };
    return this.#resolveName(expression, source, file);
  }

  #element(expression: string, source: PackageSource, file: GoFile): Resolved {
    const element = this.#resolve(expression, source, file);
    if (element.shape === "one" && !element.pointer) return { ...element, markers: undefined };
    throw new Error(`${source.package.key}: cannot hold ${expression} in a list or map`);
  }

  #resolveName(name: string, source: PackageSource, file: GoFile): Resolved {
    const qualified = qualify(name, source, file);
    const builtin = builtinTypes[qualified];
    if (builtin) return { type: builtin, shape: "one", pointer: false };
    const found = this.#declared.get(qualified);
    if (!found) throw new Error(`${source.package.key} uses ${qualified}, which is in none of the packages read`);
    const { declaration } = found;
    const key = `${found.source.package.key}.${declaration.name}`;
    if (declaration.kind === "struct") {
      return { type: key, shape: "one", pointer: false, markers: declaration.markers };
    }
    // A named list of strings is a message of its own in protobuf, because a map cannot hold a repeated field.
    if (declaration.type === "[]string") return { type: "strings", shape: "one", pointer: false };
    const target = this.#resolve(declaration.type, found.source, found.file);
    if (target.type !== "string" || target.shape !== "one" || target.enumName) return target;
    const enumName = declaration.markers.has("enum") ? this.#enum(key, declaration.name, found.source) : undefined;
    return { ...target, enumName };
  }

  #enum(key: string, typeName: string, source: PackageSource): string {
    if (!this.#enums.has(key)) {
      const values = source.files.flatMap((file) =>
        file.constants
          .filter((constant) => constant.type === typeName)
          .map((constant) => (constant.isReference ? this.#constant(constant.value, source, file) : constant.value)),
      );
      if (values.length === 0) throw new Error(`${key} is marked as an enumeration but no constant has this type`);
      this.#enums.set(key, [...new Set(values)].sort());
    }
    return key;
  }

  #defaultValue(field: GoField, source: PackageSource, file: GoFile): string | number | boolean | undefined {
    const text = field.markers.get("default")?.[0];
    if (text === undefined) return undefined;
    const reference = /^ref\((\w+)\)$/.exec(text);
    return reference ? this.#constant(reference[1]!, source, file) : (JSON.parse(text) as string | number | boolean);
  }

  /** The text of a constant, in the same package or (`v1.Name`) in another. */
  #constant(name: string, source: PackageSource, file: GoFile): string {
    const qualified = qualify(name, source, file);
    const owner = this.#sources.find((one) => qualified.startsWith(`${one.package.path}.`));
    const constants = owner?.files.flatMap((one) => one.constants) ?? [];
    const constant = constants.find((one) => `${owner?.package.path}.${one.name}` === qualified);
    if (!constant || constant.isReference) throw new Error(`${source.package.key}: no constant ${qualified}`);
    return constant.value;
  }
}

function qualify(name: string, source: PackageSource, file: GoFile): string {
  const dot = name.indexOf(".");
  if (dot < 0) return `${source.package.path}.${name}`;
  const path = file.imports.get(name.slice(0, dot));
  if (!path) throw new Error(`${source.package.key} uses ${name} without importing it`);
  return `${path}${name.slice(dot)}`;
}

/** A struct counts when it is empty or a field is visible to clients; helpers inside API packages have hidden fields only. */
function hasWireFields(struct: GoStruct): boolean {
  if (struct.fields.length === 0) return true;
  return struct.fields.some((field) => field.tags.has("json") && field.tags.get("json") !== "-");
}

function groupName(source: PackageSource): string {
  const constants = source.files.flatMap((file) => file.constants);
  const constant = constants.find((one) => one.name === "GroupName");
  if (!constant) throw new Error(`${source.package.key}: no GroupName`);
  return constant.value;
}

function protobufNumber(field: GoField): number {
  const number = field.tags.get("protobuf")?.split(",")[1];
  return number === undefined ? 0 : Number(number);
}

/** The rule upstream's OpenAPI generator follows: a marker decides, else whether empty values are left out. */
function isRequired(markers: Markers, always: boolean): boolean {
  if (markers.has("optional") || markers.has("k8s:optional")) return false;
  return markers.has("required") || markers.has("k8s:required") || always;
}

function mergeFacts(own: Markers, resolved: Resolved): Partial<Field> {
  const pick = (name: string) => own.get(name)?.[0] ?? resolved.markers?.get(name)?.[0];
  return {
    listType: pick("listType") as ListType | undefined,
    listMapKeys: own.get("listMapKey") ?? resolved.markers?.get("listMapKey"),
    mapType: pick("mapType") as StructType | undefined,
    structType: resolved.shape === "one" ? (pick("structType") as StructType | undefined) : undefined,
  };
}

function structTypeOf(markers: Markers): StructType | undefined {
  return markers.get("structType")?.[0] as StructType | undefined;
}

function sorted<T>(map: ReadonlyMap<string, T>): Map<string, T> {
  return new Map([...map].sort(([a], [b]) => (a < b ? -1 : 1)));
}
