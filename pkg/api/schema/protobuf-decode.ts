/**
 * Protobuf messages to objects in normal form, straight from the schema table. Fields the table does not know are stepped
 * over; of a field given twice the last counts.
 */
import { DecodeError, Misfit } from "./decode-error.ts";
import { isBuiltin } from "./field.ts";
import { readQuantity } from "./read-scalar.ts";
import { formatMicroTime, formatTime, zeroSeconds } from "./time-text.ts";
import { buildStruct, type FieldPlan, type Struct, setKey, type TypePlan, typePlan, zeroItem } from "./type-plan.ts";
import { WireReader, wireType } from "./wire-reader.ts";

/** Messages within each other; deeper ones are refused. */
const maxMessageDepth = 500;
const jsonSchemaProps = "apiextensions/v1.JSONSchemaProps";

/** Gives the object inside a rawExtension whose bytes are an envelope of their own. */
export type EnvelopeDecoder = (bytes: Uint8Array) => unknown;

/** Throws DecodeError. */
export function decodeMessage(typeName: string, bytes: Uint8Array, decodeEnvelope: EnvelopeDecoder): Struct {
  const decoding = new Decoding(new WireReader(bytes), decodeEnvelope);
  try {
    return decoding.message(typePlan(typeName));
  } catch (error) {
    throw error instanceof Misfit ? error.toDecodeError() : error;
  }
}

class Decoding {
  readonly #reader: WireReader;
  readonly #decodeEnvelope: EnvelopeDecoder;
  #depth = 0;

  constructor(reader: WireReader, decodeEnvelope: EnvelopeDecoder) {
    this.#reader = reader;
    this.#decodeEnvelope = decodeEnvelope;
  }

  /** Reads fields up to the end of the current message. */
  message(plan: TypePlan): Struct {
    const slots = new Array<unknown>(plan.fields.length);
    this.#fields(plan, slots, 0);
    return buildStruct(plan, slots);
  }

  #fields(plan: TypePlan, slots: unknown[], offset: number): void {
    if (++this.#depth > maxMessageDepth) throw new DecodeError(`exceeded max depth of ${maxMessageDepth}`);
    const reader = this.#reader;
    while (!reader.atEnd) {
      const tag = reader.tag();
      const position = plan.byNumber[tag >>> 3];
      if (position === undefined) {
        reader.skip(tag);
        continue;
      }
      const { field, slot, inlined } = plan.members[position]!;
      if (inlined) {
        this.#expect(tag, wireType.bytes, inlined.localName);
        const outer = reader.enter();
        this.#fields(inlined, slots, offset + slot);
        reader.leave(outer);
      } else slots[offset + slot] = this.#placed(field, tag, slots[offset + slot], plan.localName);
    }
    this.#depth--;
  }

  #placed(field: FieldPlan, tag: number, earlier: unknown, structName: string): unknown {
    try {
      return this.#value(field, tag, earlier);
    } catch (error) {
      throw error instanceof Misfit ? error.within({ kind: "field", name: field.name }, structName) : error;
    }
  }

  #value(field: FieldPlan, tag: number, earlier: unknown): unknown {
    switch (field.shape) {
      case "one":
        return this.#item(field, tag);
      case "list":
        return this.#listItems(field, tag, (earlier as unknown[] | undefined) ?? []);
      case "map":
        return this.#mapEntry(field, tag, (earlier as Struct | undefined) ?? {});
    }
  }

  #listItems(field: FieldPlan, tag: number, items: unknown[]): unknown[] {
    const reader = this.#reader;
    const isPacked = (tag & 7) === wireType.bytes && wireTypes[field.type] === wireType.varint;
    if (!isPacked) {
      items.push(this.#item(field, tag) ?? null);
      return items;
    }
    const outer = reader.enter();
    while (!reader.atEnd) items.push(this.#item(field, (tag & ~7) | wireType.varint));
    reader.leave(outer);
    return items;
  }

  /** Entries are messages with the key as field 1 and the value as field 2. */
  #mapEntry(field: FieldPlan, tag: number, map: Struct): Struct {
    const reader = this.#reader;
    this.#expect(tag, wireType.bytes, field.name);
    const outer = reader.enter();
    let key = "";
    let value: unknown;
    while (!reader.atEnd) {
      const entryTag = reader.tag();
      if (entryTag >>> 3 === 1) {
        this.#expect(entryTag, wireType.bytes, field.name);
        key = reader.string();
      } else if (entryTag >>> 3 === 2) value = this.#item(field, entryTag);
      else reader.skip(entryTag);
    }
    reader.leave(outer);
    setKey(map, key, value ?? zeroItem(field) ?? null);
    return map;
  }

  /** The value of the field whose tag has been read; undefined for a value that stands for none, such as the zero time. */
  #item(field: FieldPlan, tag: number): unknown {
    const reader = this.#reader;
    this.#expect(tag, wireTypes[field.type] ?? wireType.bytes, field.name);
    switch (field.type) {
      case "string":
        return reader.string();
      case "bool":
        return reader.bool();
      case "int32":
        return reader.int32();
      case "int64":
        return reader.int64();
      case "float64":
        return reader.double();
      case "bytes":
        return reader.base64();
    }
    const outer = reader.enter();
    const value = field.plan ? this.message(field.plan) : this.#builtin(field.type);
    reader.leave(outer);
    return value;
  }

  /** Messages with a JSON form of their own. The reader stands at the start of the message. */
  #builtin(type: string): unknown {
    switch (type) {
      case "quantity":
        return readQuantity(this.#only(1) || "0");
      case "intOrString":
        return this.#intOrString();
      case "time":
      case "microTime":
        return this.#time(type);
      case "rawExtension":
      case "fieldsV1":
      case "json":
        return this.#raw();
      case "strings":
        return this.#strings(1);
      case "jsonSchemaOrBool":
        return this.#schemaOrBool();
      case "jsonSchemaOrArray":
      case "jsonSchemaOrStrings":
        return this.#schemaOrList(type === "jsonSchemaOrArray");
      default:
        throw new DecodeError(`the type ${type} has no protobuf form`);
    }
  }

  /** The string in field `number`; "" when there is none. */
  #only(number: number): string {
    let text = "";
    this.#each((tag) => {
      if (tag >>> 3 === number && (tag & 7) === wireType.bytes) text = this.#reader.string();
      else this.#reader.skip(tag);
    });
    return text;
  }

  #intOrString(): number | string {
    let isString = false;
    let number = 0;
    let text = "";
    this.#each((tag) => {
      if (tag === 0x08) isString = this.#reader.int64() === 1;
      else if (tag === 0x10) number = this.#reader.int32();
      else if (tag === 0x1a) text = this.#reader.string();
      else this.#reader.skip(tag);
    });
    return isString ? text : number;
  }

  #time(type: "time" | "microTime"): string | undefined {
    let seconds = 0;
    let nanos = 0;
    // An empty message is the zero time, not 1970.
    if (this.#reader.atEnd) return undefined;
    this.#each((tag) => {
      if (tag === 0x08) seconds = this.#reader.int64();
      else if (tag === 0x10) nanos = this.#reader.int32();
      else this.#reader.skip(tag);
    });
    if (type === "time") return seconds === zeroSeconds ? undefined : formatTime(seconds);
    return seconds === zeroSeconds && nanos === 0 ? undefined : formatMicroTime({ seconds, nanos });
  }

  /** JSON in field 1, or an object in an envelope of its own; undefined when there is none. */
  #raw(): unknown {
    let raw: Buffer | undefined;
    this.#each((tag) => {
      if (tag === 0x0a) raw = this.#reader.bytes();
      else this.#reader.skip(tag);
    });
    if (raw === undefined || raw.length === 0) return undefined;
    // JSON starts with a brace, a quote, a digit: never with the "k" of an envelope.
    if (raw[0] === 0x6b) return this.#decodeEnvelope(raw);
    try {
      return (JSON.parse(raw.toString("utf8")) as unknown) ?? undefined;
    } catch (error) {
      throw new DecodeError("raw data inside a message is not JSON", "", error);
    }
  }

  #strings(number: number): string[] {
    const items: string[] = [];
    this.#each((tag) => {
      if (tag >>> 3 === number && (tag & 7) === wireType.bytes) items.push(this.#reader.string());
      else this.#reader.skip(tag);
    });
    return items;
  }

  #schemaOrBool(): unknown {
    let allows = false;
    let schema: Struct | undefined;
    this.#each((tag) => {
      if (tag === 0x08) allows = this.#reader.bool();
      else if (tag === 0x12) schema = this.#schema();
      else this.#reader.skip(tag);
    });
    return schema ?? allows;
  }

  /** A schema in field 1, or a list in field 2. */
  #schemaOrList(ofSchemas: boolean): unknown {
    let schema: Struct | undefined;
    const list: unknown[] = [];
    this.#each((tag) => {
      if (tag === 0x0a) schema = this.#schema();
      else if (tag === 0x12) list.push(ofSchemas ? this.#schema() : this.#reader.string());
      else this.#reader.skip(tag);
    });
    return schema ?? list;
  }

  #schema(): Struct {
    const outer = this.#reader.enter();
    const schema = this.message(typePlan(jsonSchemaProps));
    this.#reader.leave(outer);
    return schema;
  }

  #each(action: (tag: number) => void): void {
    while (!this.#reader.atEnd) action(this.#reader.tag());
  }

  #expect(tag: number, wanted: number, name: string): void {
    if ((tag & 7) !== wanted) {
      throw new DecodeError(`proto: wrong wireType = ${tag & 7} for field ${name}`, name);
    }
  }
}

/** Wire types of the scalars which are no byte strings. */
const wireTypes: Readonly<Record<string, number>> = {
  bool: wireType.varint,
  int32: wireType.varint,
  int64: wireType.varint,
  float64: wireType.fixed64,
};

/** True for types which can be written as protobuf at all. */
export function hasProtobufForm(typeName: string): boolean {
  return !isBuiltin(typeName) && typePlan(typeName).members.length > 0;
}
