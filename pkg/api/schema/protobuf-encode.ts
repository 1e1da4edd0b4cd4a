/**
 * Objects to protobuf messages, byte for byte as upstream's generated code writes them: fields by rising number, maps by
 * sorted key, values that are no pointers even when they are zero.
 */
import { isBuiltin } from "./field.ts";
import { parseInstant } from "./time-text.ts";
import { emptyStruct, type FieldPlan, type Struct, type TypePlan, typePlan } from "./type-plan.ts";
import { wireType } from "./wire-reader.ts";
import { WireWriter } from "./wire-writer.ts";

const jsonSchemaProps = "apiextensions/v1.JSONSchemaProps";

/** Expects an object in normal form; throws TypeError naming the field when a value is not of its type. */
export function encodeMessage(typeName: string, object: Struct): Buffer {
  const writer = new WireWriter();
  writeMessage(writer, typePlan(typeName), object);
  return writer.finish();
}

function writeMessage(writer: WireWriter, plan: TypePlan, struct: Struct): void {
  for (let position = plan.members.length - 1; position >= 0; position--) {
    const { number, field, inlined } = plan.members[position]!;
    if (inlined) {
      const before = writer.length;
      writeMessage(writer, inlined, struct);
      writeLengthAndTag(writer, before, number);
    } else writeField(writer, field, number, struct[field.name]);
  }
}

function writeField(writer: WireWriter, field: FieldPlan, number: number, value: unknown): void {
  if (value === undefined || value === null) {
    if (field.shape === "one" && !field.field.pointer) writeZero(writer, field, number);
    return;
  }
  switch (field.shape) {
    case "one":
      writeItem(writer, field, number, value);
      return;
    case "list": {
      if (!Array.isArray(value)) throw wrongType(field, value);
      const items = value as readonly unknown[];
      for (let index = items.length - 1; index >= 0; index--) writeItem(writer, field, number, items[index]);
      return;
    }
    case "map":
      writeMap(writer, field, number, struct(field, value));
      return;
  }
}

function writeMap(writer: WireWriter, field: FieldPlan, number: number, map: Struct): void {
  for (const key of sortedKeys(map).reverse()) {
    const before = writer.length;
    writeItem(writer, field, 2, map[key]);
    writer.string(key);
    writer.byte((1 << 3) | wireType.bytes);
    writeLengthAndTag(writer, before, number);
  }
}

/** In the order of their UTF-8 bytes, which is that of UTF-16 units unless there are surrogates. */
function sortedKeys(map: Struct): string[] {
  const keys = Object.keys(map);
  return keys.some((key) => /[\ud800-\udfff]/.test(key))
    ? keys.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    : keys.sort();
}

/** What upstream writes for a value that is no pointer and was not given. */
function writeZero(writer: WireWriter, field: FieldPlan, number: number): void {
  switch (field.type) {
    case "string":
      writer.byte(0);
      writeTag(writer, number, wireType.bytes);
      return;
    case "bool":
    case "int32":
    case "int64":
      writer.byte(0);
      writeTag(writer, number, wireType.varint);
      return;
    case "float64":
      writer.double(0);
      writeTag(writer, number, wireType.fixed64);
      return;
    case "bytes":
    case "strings":
      return;
    case "quantity":
      writeItem(writer, field, number, "0");
      return;
    case "intOrString":
      writeItem(writer, field, number, 0);
      return;
    default: {
      const before = writer.length;
      if (field.plan) writeMessage(writer, field.plan, emptyStruct(field.plan));
      writeLengthAndTag(writer, before, number);
    }
  }
}

function writeItem(writer: WireWriter, field: FieldPlan, number: number, value: unknown): void {
  if (value === undefined || value === null) {
    writeZero(writer, field, number);
    return;
  }
  switch (field.type) {
    case "string":
      writer.string(text(field, value));
      writeTag(writer, number, wireType.bytes);
      return;
    case "bool":
      writer.byte(value === true ? 1 : 0);
      writeTag(writer, number, wireType.varint);
      return;
    case "int32":
    case "int64":
      writer.int64(whole(field, value));
      writeTag(writer, number, wireType.varint);
      return;
    case "float64":
      writer.double(Number(value));
      writeTag(writer, number, wireType.fixed64);
      return;
    case "bytes":
      writer.bytes(Buffer.from(text(field, value), "base64"));
      writeTag(writer, number, wireType.bytes);
      return;
  }
  const before = writer.length;
  if (field.plan) writeMessage(writer, field.plan, struct(field, value));
  else writeBuiltin(writer, field, value);
  writeLengthAndTag(writer, before, number);
}

/** Messages with a JSON form of their own. */
function writeBuiltin(writer: WireWriter, field: FieldPlan, value: unknown): void {
  switch (field.type) {
    case "quantity":
      writeText(writer, 1, String(value));
      return;
    case "intOrString":
      writeIntOrString(writer, field, value);
      return;
    case "time":
    case "microTime":
      writeTime(writer, field, value);
      return;
    case "rawExtension":
    case "fieldsV1":
    case "json":
      writeText(writer, 1, JSON.stringify(value));
      return;
    case "strings":
      writeTexts(writer, 1, value as readonly string[]);
      return;
    case "jsonSchemaOrBool":
      if (typeof value !== "boolean") writeSchema(writer, 2, value as Struct);
      writer.byte(value === false ? 0 : 1);
      writeTag(writer, 1, wireType.varint);
      return;
    case "jsonSchemaOrArray":
      if (!Array.isArray(value)) writeSchema(writer, 1, value as Struct);
      else for (const schema of (value as Struct[]).toReversed()) writeSchema(writer, 2, schema);
      return;
    case "jsonSchemaOrStrings":
      if (!Array.isArray(value)) writeSchema(writer, 1, value as Struct);
      else writeTexts(writer, 2, value as string[]);
      return;
    default:
      throw new TypeError(`${field.name}: the type ${field.type} has no protobuf form`);
  }
}

function writeIntOrString(writer: WireWriter, field: FieldPlan, value: unknown): void {
  const isString = typeof value === "string";
  writeText(writer, 3, isString ? value : "");
  writer.int64(isString ? 0 : whole(field, value));
  writeTag(writer, 2, wireType.varint);
  writer.byte(isString ? 1 : 0);
  writeTag(writer, 1, wireType.varint);
}

/** Plain times have no fraction, micro times one in whole microseconds. */
function writeTime(writer: WireWriter, field: FieldPlan, value: unknown): void {
  const instant = parseInstant(text(field, value));
  if (!instant) throw wrongType(field, value);
  writer.int64(field.type === "time" ? 0 : Math.trunc(instant.nanos / 1000) * 1000);
  writeTag(writer, 2, wireType.varint);
  writer.int64(instant.seconds);
  writeTag(writer, 1, wireType.varint);
}

function writeText(writer: WireWriter, number: number, value: string): void {
  writer.string(value);
  writeTag(writer, number, wireType.bytes);
}

function writeTexts(writer: WireWriter, number: number, values: readonly string[]): void {
  for (const value of values.toReversed()) writeText(writer, number, value);
}

function writeSchema(writer: WireWriter, number: number, schema: Struct): void {
  const before = writer.length;
  writeMessage(writer, typePlan(jsonSchemaProps), schema);
  writeLengthAndTag(writer, before, number);
}

function writeLengthAndTag(writer: WireWriter, before: number, number: number): void {
  writer.uint32(writer.length - before);
  writeTag(writer, number, wireType.bytes);
}

function writeTag(writer: WireWriter, number: number, type: number): void {
  writer.uint32((number << 3) | type);
}

function text(field: FieldPlan, value: unknown): string {
  if (typeof value === "string") return value;
  throw wrongType(field, value);
}

function whole(field: FieldPlan, value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value)) return value;
  throw wrongType(field, value);
}

function struct(field: FieldPlan, value: unknown): Struct {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Struct;
  throw wrongType(field, value);
}

function wrongType(field: FieldPlan, value: unknown): TypeError {
  const type = isBuiltin(field.type) ? field.type : field.type.slice(field.type.lastIndexOf(".") + 1);
  return new TypeError(`the field ${field.name} of type ${type} cannot hold ${JSON.stringify(value)}`);
}
