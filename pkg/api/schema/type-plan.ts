/**
 * What decoding needs to know about each field of a type, worked out once: which value an absent field gets and which
 * values count as absent. JSON and protobuf decoding share it, so that both give the same object for the same data:
 *
 *  - structs held by value are always there, as upstream prints them (`resources: {}`, `status: {}`)
 *  - fields written even when zero are always there, with their zero value
 *  - other fields are left out when they hold their zero value, unless zero and absent are two things (pointers)
 *  - fields stand in declared order
 *
 * Decoders collect what they read in a list of slots, one per field, and `buildStruct` makes the object of it.
 */
import { type Field, isBuiltin, isInline } from "./field.ts";
import { typeInfo } from "./schema.ts";

/** An object with its fields as properties. */
export type Struct = Record<string, unknown>;

/** A class, so that all fields have one shape for the engine: they are looked at for every value that is decoded. */
export class FieldPlan {
  readonly field: Field;
  readonly name: string;
  readonly type: string;
  readonly shape: Field["shape"];
  /** The value of an absent field; undefined when it stays absent. */
  readonly fill: () => unknown;
  /** True when zero values are left out. */
  readonly dropsZero: boolean;
  readonly #isStruct: boolean;
  #plan: TypePlan | undefined;

  constructor(field: Field) {
    const isStruct = !isBuiltin(field.type);
    const isWritten = field.always || field.type === "quantity" || isStruct;
    this.field = field;
    this.name = field.name;
    this.type = field.type;
    this.shape = field.shape;
    this.fill = fillFor(field, isStruct);
    this.dropsZero =
      !field.pointer && (field.shape === "one" ? !isWritten && droppable.has(field.type) : !field.always);
    this.#isStruct = isStruct;
  }

  /** For a field whose values are structs: their plan. Found on demand, because types refer to themselves. */
  get plan(): TypePlan | undefined {
    if (this.#isStruct) this.#plan ??= typePlan(this.type);
    return this.#plan;
  }
}

export interface TypePlan {
  readonly typeName: string;
  /** "PodSpec" */
  readonly localName: string;
  /** In declared order, the fields of inlined structs in their place. */
  readonly fields: readonly FieldPlan[];
  /** Position in `fields` by JSON name. */
  readonly byName: ReadonlyMap<string, number>;
  /** As declared: what a protobuf message holds, by rising number. */
  readonly members: readonly Member[];
  /** Position in `members` by protobuf number; undefined where the message has no such number. */
  readonly byNumber: readonly (number | undefined)[];
}

/** A field of a protobuf message: a field of the struct, or a message that holds an inlined struct. */
export interface Member {
  readonly number: number;
  readonly field: FieldPlan;
  /** Position of the field in `fields`; of the first field for an inlined struct. */
  readonly slot: number;
  /** For an inlined struct: its plan. */
  readonly inlined: TypePlan | undefined;
}

const plans = new Map<string, TypePlan>();

/** Throws when the schema has no such type. */
export function typePlan(typeName: string): TypePlan {
  const known = plans.get(typeName);
  if (known) return known;
  const fields: FieldPlan[] = [];
  const members: Member[] = [];
  for (const field of typeInfo(typeName).declared) {
    const own = new FieldPlan(field);
    const inlined = isInline(field) ? typePlan(field.type) : undefined;
    if (field.number > 0) members.push({ number: field.number, field: own, slot: fields.length, inlined });
    fields.push(...(inlined ? inlined.fields : [own]));
  }
  members.sort((a, b) => a.number - b.number);
  const byNumber: (number | undefined)[] = [];
  for (const [position, member] of members.entries()) byNumber[member.number] = position;
  const plan: TypePlan = {
    typeName,
    localName: typeName.slice(typeName.lastIndexOf(".") + 1),
    fields,
    byName: new Map(fields.map((one, position) => [one.name, position])),
    members,
    byNumber,
  };
  plans.set(typeName, plan);
  return plan;
}

/** The object of a type from what was read for its fields (undefined: nothing). */
export function buildStruct(plan: TypePlan, slots: readonly unknown[]): Struct {
  const struct: Struct = {};
  const { fields } = plan;
  for (let slot = 0; slot < fields.length; slot++) {
    const field = fields[slot]!;
    let value = slots[slot];
    if (value === undefined) value = field.fill();
    else if (field.dropsZero && isZero(value)) continue;
    if (value !== undefined) struct[field.name] = value;
  }
  return struct;
}

const noSlots: readonly unknown[] = [];

/** An object with nothing given. */
export function emptyStruct(plan: TypePlan): Struct {
  return buildStruct(plan, noSlots);
}

/** Sets a key of a map, whatever it is called: plain assignment of "__proto__" would change what the object is. */
export function setKey(map: Struct, key: string, value: unknown): void {
  if (key === "__proto__") {
    Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  } else map[key] = value;
}

/** The zero value of an item of a list or map; undefined when JSON has none but null. */
export function zeroItem(field: FieldPlan): unknown {
  return field.plan ? emptyStruct(field.plan) : zeroScalar(field.type);
}

/** Values of the other types are never zero: a time that was read is a time. */
const droppable: ReadonlySet<string> = new Set([
  "string",
  "bool",
  "int32",
  "int64",
  "float64",
  "bytes",
  "intOrString",
  "strings",
]);

function fillFor(field: Field, isStruct: boolean): () => unknown {
  if (field.pointer) return absent;
  if (field.shape === "list") return field.always ? () => [] : absent;
  if (field.shape === "map") return field.always ? () => ({}) : absent;
  if (isStruct) return field.omitZero ? absent : () => emptyStruct(typePlan(field.type));
  return field.always || (field.type === "quantity" && !field.omitZero) ? () => zeroScalar(field.type) : absent;
}

function absent(): undefined {
  return undefined;
}

function zeroScalar(type: string): unknown {
  switch (type) {
    case "string":
    case "bytes":
      return "";
    case "bool":
      return false;
    case "int32":
    case "int64":
    case "float64":
    case "intOrString":
      return 0;
    case "quantity":
      return "0";
    case "strings":
      return [];
    default:
      return undefined;
  }
}

function isZero(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === "" || value === 0 || value === false;
  if (Array.isArray(value)) return value.length === 0;
  for (const _ in value) return false;
  return true;
}
