/**
 * Holds the table against two other witnesses: the generated.proto of every package (each number, label and type, both
 * ways) and a list of merge keys collected by hand. Returns what disagrees, one sentence each.
 */
import type { Field } from "../../pkg/api/schema/field.ts";
import type { SchemaTable } from "./build-table.ts";
import type { ProtoField, ProtoMessages } from "./parse-proto.ts";

/** The protobuf type a builtin must have; messages are compared by their last name. */
const protoTypes: Readonly<Record<string, readonly string[]>> = {
  string: ["string"],
  bool: ["bool"],
  int32: ["int32"],
  int64: ["int64"],
  float64: ["double"],
  bytes: ["bytes"],
  quantity: ["Quantity"],
  intOrString: ["IntOrString"],
  time: ["Time"],
  microTime: ["MicroTime"],
  fieldsV1: ["FieldsV1"],
  rawExtension: ["RawExtension"],
  json: ["JSON"],
  jsonSchemaOrArray: ["JSONSchemaPropsOrArray"],
  jsonSchemaOrBool: ["JSONSchemaPropsOrBool"],
  jsonSchemaOrStrings: ["JSONSchemaPropsOrStringArray"],
  strings: ["ExtraValue", "Verbs"],
};

export function checkAgainstProtos(table: SchemaTable, protos: ReadonlyMap<string, ProtoMessages>): readonly string[] {
  const problems: string[] = [];
  for (const [typeName, entry] of table.types) {
    const dot = typeName.lastIndexOf(".");
    const messages = protos.get(typeName.slice(0, dot));
    if (!messages) continue;
    const expected = messages.get(typeName.slice(dot + 1));
    const numbered = entry.fields.filter((field) => field.number > 0);
    if (!expected) {
      if (numbered.length > 0) problems.push(`${typeName} has numbers but no message`);
      continue;
    }
    problems.push(...compareFields(typeName, numbered, expected));
  }
  return problems;
}

function compareFields(typeName: string, fields: readonly Field[], expected: readonly ProtoField[]): string[] {
  const problems: string[] = [];
  const byNumber = new Map(fields.map((field) => [field.number, field]));
  if (byNumber.size !== fields.length) problems.push(`${typeName} uses a number twice`);
  for (const proto of expected) {
    const field = byNumber.get(proto.number);
    byNumber.delete(proto.number);
    if (!field) problems.push(`${typeName} lacks number ${proto.number} (${proto.name})`);
    else if (!agree(field, proto)) {
      problems.push(
        `${typeName}.${field.name} is ${field.shape} ${field.type}, its message says ${proto.label} ${proto.type}`,
      );
    }
  }
  for (const field of byNumber.values())
    problems.push(`${typeName}.${field.name} has number ${field.number} of its own`);
  return problems;
}

function agree(field: Field, proto: ProtoField): boolean {
  const label = { one: "optional", list: "repeated", map: "map" }[field.shape];
  const last = proto.type.slice(proto.type.lastIndexOf(".") + 1);
  const types = protoTypes[field.type] ?? [field.type.slice(field.type.lastIndexOf(".") + 1)];
  return label === proto.label && types.includes(last);
}

/** `text` has the columns package, type, field, patchStrategy, patchMergeKey, listType, listMapKeys below a header line. */
export function checkAgainstMergeKeys(table: SchemaTable, text: string): readonly string[] {
  const problems: string[] = [];
  for (const line of text.trimEnd().split("\n").slice(1)) {
    const [packageKey, type, name, strategy, mergeKey, listType, listMapKeys] = line.split("\t");
    if (!table.groups.has(packageKey!)) continue;
    const field = table.types.get(`${packageKey}.${type}`)?.fields.find((one) => one.name === name);
    const actual = field && [
      field.patchStrategy?.join(",") ?? "",
      field.patchMergeKey ?? "",
      field.listType ?? "",
      field.listMapKeys?.join(",") ?? "",
    ];
    const wanted = [strategy ?? "", mergeKey ?? "", listType ?? "", listMapKeys ?? ""];
    if (!actual) problems.push(`${packageKey}.${type}.${name} is not in the table`);
    else if (actual.join("|") !== wanted.join("|")) {
      problems.push(`${packageKey}.${type}.${name} has ${actual.join("|")}, the list says ${wanted.join("|")}`);
    }
  }
  return problems;
}
