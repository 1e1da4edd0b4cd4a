/**
 * Brings a parsed JSON value to the normal form of its type (see type-plan.ts): every field checked, unknown fields and
 * nulls left out, text in canonical form. The result shares nothing with the input but values of free form.
 */
import { Misfit } from "./decode-error.ts";
import {
  goKind,
  readBool,
  readBytes,
  readFloat64,
  readInt32,
  readInt64,
  readIntOrString,
  readMicroTime,
  readQuantity,
  readString,
  readTime,
} from "./read-scalar.ts";
import { buildStruct, type FieldPlan, type Struct, setKey, type TypePlan, typePlan, zeroItem } from "./type-plan.ts";

export interface Normalized {
  readonly object: Struct;
  /** False when the value has fields the type does not know. Those inside jsonSchemaOrX values are not counted. */
  readonly isComplete: boolean;
}

/** Throws DecodeError naming the first field that does not fit. Expects a value without deep nesting (parseBody checks). */
export function normalizeObject(typeName: string, value: unknown): Normalized {
  const walk = new Walk();
  try {
    const object = walk.struct(typePlan(typeName), value);
    return { object, isComplete: walk.isComplete };
  } catch (error) {
    throw error instanceof Misfit ? error.toDecodeError() : error;
  }
}

const jsonSchemaProps = "apiextensions/v1.JSONSchemaProps";

class Walk {
  isComplete = true;

  struct(plan: TypePlan, value: unknown): Struct {
    if (!isObject(value)) throw Misfit.ofType(goKind(value), goTypeName(plan.typeName));
    const slots = new Array<unknown>(plan.fields.length);
    let name = "";
    try {
      for (name in value) {
        const slot = plan.byName.get(name);
        const given = value[name];
        if (slot === undefined) this.isComplete = false;
        else if (given !== null) slots[slot] = this.#value(plan.fields[slot]!, given);
      }
    } catch (error) {
      throw error instanceof Misfit ? error.within({ kind: "field", name }, plan.localName) : error;
    }
    return buildStruct(plan, slots);
  }

  #value(plan: FieldPlan, value: unknown): unknown {
    switch (plan.shape) {
      case "one":
        return this.#item(plan, value);
      case "list":
        return this.#list(plan, value);
      case "map":
        return this.#map(plan, value);
    }
  }

  #list(plan: FieldPlan, value: unknown): unknown[] {
    if (!Array.isArray(value)) throw Misfit.ofType(goKind(value), goFieldType(plan));
    const items: unknown[] = [];
    for (let index = 0; index < value.length; index++) {
      try {
        items.push(this.#itemOrZero(plan, value[index]));
      } catch (error) {
        throw error instanceof Misfit ? error.within({ kind: "index", index }) : error;
      }
    }
    return items;
  }

  #map(plan: FieldPlan, value: unknown): Struct {
    if (!isObject(value)) throw Misfit.ofType(goKind(value), goFieldType(plan));
    const map: Struct = {};
    for (const key of Object.keys(value)) {
      try {
        setKey(map, key, this.#itemOrZero(plan, value[key]));
      } catch (error) {
        throw error instanceof Misfit ? error.within({ kind: "key", name: key }) : error;
      }
    }
    return map;
  }

  /** A null in a list or map stands for the zero value of what it holds, or for itself where anything may stand. */
  #itemOrZero(plan: FieldPlan, value: unknown): unknown {
    if (value !== null) return this.#item(plan, value) ?? null;
    return zeroItem(plan) ?? null;
  }

  #item(plan: FieldPlan, value: unknown): unknown {
    if (plan.plan) return this.struct(plan.plan, value);
    switch (plan.type) {
      case "string":
        return readString(value);
      case "bool":
        return readBool(value);
      case "int32":
        return readInt32(value);
      case "int64":
        return readInt64(value);
      case "float64":
        return readFloat64(value);
      case "bytes":
        return readBytes(value);
      case "quantity":
        return readQuantity(value);
      case "intOrString":
        return readIntOrString(value);
      case "time":
        return readTime(value);
      case "microTime":
        return readMicroTime(value);
      case "strings":
        return this.#strings(value);
      case "jsonSchemaOrBool":
        return typeof value === "boolean" ? value : this.#schema(value, "boolean or JSON schema expected");
      case "jsonSchemaOrArray":
        return Array.isArray(value)
          ? value.map((one) => this.#schema(one, "JSON schema expected"))
          : this.#schema(value, "JSON schema or array of them expected");
      case "jsonSchemaOrStrings":
        return Array.isArray(value)
          ? this.#strings(value)
          : this.#schema(value, "JSON schema or array of strings expected");
      default:
        // rawExtension, fieldsV1, json, any: whatever it is.
        return value;
    }
  }

  #strings(value: unknown): string[] {
    if (!Array.isArray(value)) throw Misfit.ofType(goKind(value), "[]string");
    return value.map(readString);
  }

  /** Upstream decodes these with a decoder of their own, which does not look for unknown fields. */
  #schema(value: unknown, expected: string): Struct {
    if (!isObject(value)) throw Misfit.ofText(expected);
    const { isComplete } = this;
    const schema = this.struct(typePlan(jsonSchemaProps), value);
    this.isComplete = isComplete;
    return schema;
  }
}

function isObject(value: unknown): value is Struct {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** "core/v1.PodSpec" is "v1.PodSpec" in Go. */
function goTypeName(typeName: string): string {
  return typeName.slice(typeName.indexOf("/") + 1);
}

const goBuiltins: Readonly<Record<string, string>> = {
  bytes: "[]uint8",
  quantity: "resource.Quantity",
  intOrString: "intstr.IntOrString",
  time: "v1.Time",
  microTime: "v1.MicroTime",
  rawExtension: "runtime.RawExtension",
  json: "v1.JSON",
  any: "interface {}",
  strings: "[]string",
};

function goFieldType({ type, shape }: FieldPlan): string {
  return `${{ one: "", list: "[]", map: "map[string]" }[shape]}${goBuiltins[type] ?? goTypeName(type)}`;
}
