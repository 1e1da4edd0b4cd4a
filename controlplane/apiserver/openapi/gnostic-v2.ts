/**
 * The protobuf form of a version 2 document, which is the only form kubectl and Helm ask for. What has no field in the
 * messages (extensions, defaults, enumerations) goes in as YAML text, and JSON is YAML.
 * Source of the numbers: github.com/google/gnostic-models openapiv2/OpenAPIv2.proto.
 */
import { WireWriter } from "#pkg/api/schema/wire-writer.ts";

/** How a JSON value becomes a field. */
type Form = ScalarForm | ListForm | NestedForm;

type ScalarForm = { readonly kind: "text" } | { readonly kind: "flag" };

/** A list of scalars or of messages, each in a field of its own. */
type ListForm = { readonly kind: "each"; readonly item: Form };

/** What stands in a field with its length before it. */
type NestedForm =
  /** The value as YAML, in a message Any. */
  | { readonly kind: "yaml" }
  | { readonly kind: "message"; readonly message: () => Message }
  /** A message whose one field repeats the entries of an object as name and value. */
  | { readonly kind: "named"; readonly number: number; readonly value: Form }
  /** One of several messages, by what the value looks like. */
  | { readonly kind: "choice"; readonly choose: (value: unknown) => readonly [number: number, form: Form] }
  /** A value that the message keeps in a list of one. */
  | { readonly kind: "wrapped"; readonly number: number; readonly item: Form };

interface Message {
  /** By JSON key. */
  readonly fields: Readonly<Record<string, readonly [number: number, form: Form]>>;
  /** The field of extensions, which are the keys that start with "x-". */
  readonly extensions?: number;
  /** The field of all other keys. */
  readonly others?: readonly [number: number, form: Form];
}

const text: Form = { kind: "text" };
const flag: Form = { kind: "flag" };
const yaml: Form = { kind: "yaml" };
const texts: Form = { kind: "each", item: text };
const message = (of: () => Message): Form => ({ kind: "message", message: of });
const each = (item: Form): Form => ({ kind: "each", item });
const namedAs = (number: number, value: Form): Form => ({ kind: "named", number, value });

const schema: Message = {
  fields: {
    $ref: [1, text],
    format: [2, text],
    title: [3, text],
    description: [4, text],
    default: [5, yaml],
    uniqueItems: [16, flag],
    required: [19, texts],
    enum: [20, each(yaml)],
    additionalProperties: [
      21,
      { kind: "choice", choose: (value) => (typeof value === "boolean" ? [2, flag] : [1, message(() => schema)]) },
    ],
    type: [22, { kind: "wrapped", number: 1, item: text }],
    items: [23, { kind: "wrapped", number: 1, item: message(() => schema) }],
    allOf: [24, each(message(() => schema))],
    properties: [
      25,
      namedAs(
        1,
        message(() => schema),
      ),
    ],
  },
  extensions: 31,
};

const bodyParameter: Message = {
  fields: {
    description: [1, text],
    name: [2, text],
    in: [3, text],
    required: [4, flag],
    schema: [5, message(() => schema)],
  },
  extensions: 6,
};

const queryParameter: Message = {
  fields: {
    required: [1, flag],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [6, text],
    format: [7, text],
    uniqueItems: [20, flag],
  },
  extensions: 23,
};

const pathParameter: Message = {
  fields: {
    required: [1, flag],
    in: [2, text],
    description: [3, text],
    name: [4, text],
    type: [5, text],
    format: [6, text],
    uniqueItems: [19, flag],
  },
  extensions: 22,
};

const nonBodyParameter: Form = {
  kind: "choice",
  choose: (value) =>
    placeOf(value) === "path" ? [4, message(() => pathParameter)] : [3, message(() => queryParameter)],
};
const parameter: Form = {
  kind: "choice",
  choose: (value) => (placeOf(value) === "body" ? [1, message(() => bodyParameter)] : [2, nonBodyParameter]),
};
/** The other choice, a reference, does not occur. */
const parametersItem: Form = { kind: "choice", choose: () => [1, parameter] };

const response: Message = {
  fields: { description: [1, text], schema: [2, { kind: "choice", choose: () => [1, message(() => schema)] }] },
  extensions: 5,
};

const operation: Message = {
  fields: {
    tags: [1, texts],
    summary: [2, text],
    description: [3, text],
    operationId: [5, text],
    produces: [6, texts],
    consumes: [7, texts],
    parameters: [8, each(parametersItem)],
    responses: [9, namedAs(1, { kind: "choice", choose: () => [1, message(() => response)] })],
    schemes: [10, texts],
  },
  extensions: 13,
};

const pathItem: Message = {
  fields: {
    get: [2, message(() => operation)],
    put: [3, message(() => operation)],
    post: [4, message(() => operation)],
    delete: [5, message(() => operation)],
    patch: [8, message(() => operation)],
    parameters: [9, each(parametersItem)],
  },
  extensions: 10,
};

const info: Message = { fields: { title: [1, text], version: [2, text], description: [3, text] }, extensions: 7 };

const apiKeySecurity: Message = {
  fields: { type: [1, text], name: [2, text], in: [3, text], description: [4, text] },
  extensions: 5,
};

const document: Message = {
  fields: {
    swagger: [1, text],
    info: [2, message(() => info)],
    paths: [
      8,
      namedAs(
        2,
        message(() => pathItem),
      ),
    ],
    definitions: [
      9,
      namedAs(
        1,
        message(() => schema),
      ),
    ],
    security: [12, each(namedAs(1, { kind: "wrapped", number: 1, item: text }))],
    securityDefinitions: [13, namedAs(1, { kind: "choice", choose: () => [2, message(() => apiKeySecurity)] })],
  },
  extensions: 16,
};

/** The bytes of a document that buildDocumentV2 made. Throws for a key the messages have no field for. */
export function encodeGnosticV2(swagger: object): Buffer {
  const writer = new WireWriter();
  writeMessage(writer, document, swagger);
  return writer.finish();
}

function placeOf(value: unknown): unknown {
  return (value as { in?: unknown }).in;
}

// The writer fills its buffer from the end, so that everything is written last first.

function writeMessage(writer: WireWriter, of: Message, value: object): void {
  const extensions: [key: string, value: unknown][] = [];
  const fields: [number: number, form: Form, value: unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const known = Object.hasOwn(of.fields, key) ? of.fields[key] : undefined;
    if (known) fields.push([...known, inner]);
    else if (key.startsWith("x-") && of.extensions) extensions.push([key, inner]);
    else throw new Error(`OpenAPI messages have no field for ${key}`);
  }
  // Extensions have the highest number of every message, so that fields come in the order of their numbers.
  for (const [key, inner] of extensions.reverse()) writeNamed(writer, of.extensions ?? 0, key, yaml, inner);
  fields.sort(([left], [right]) => right - left);
  for (const [number, form, inner] of fields) writeField(writer, number, form, inner);
}

const lengthDelimited = 2;

function writeField(writer: WireWriter, number: number, form: Form, value: unknown): void {
  if (form.kind === "each") {
    for (const item of (value as readonly unknown[]).toReversed()) writeField(writer, number, form.item, item);
    return;
  }
  if (form.kind === "flag") {
    writer.byte(value ? 1 : 0);
    writer.uint32(number << 3);
    return;
  }
  if (form.kind === "text") writer.string(String(value));
  else {
    const before = writer.length;
    writeInside(writer, form, value);
    writer.uint32(writer.length - before);
  }
  writer.uint32((number << 3) | lengthDelimited);
}

function writeInside(writer: WireWriter, form: NestedForm, value: unknown): void {
  switch (form.kind) {
    case "yaml":
      writeField(writer, 2, text, `${JSON.stringify(value)}\n`);
      return;
    case "message":
      writeMessage(writer, form.message(), value as object);
      return;
    case "named":
      for (const [name, inner] of Object.entries(value as object).reverse()) {
        writeNamed(writer, form.number, name, form.value, inner);
      }
      return;
    case "choice": {
      const [number, chosen] = form.choose(value);
      writeField(writer, number, chosen, value);
      return;
    }
    case "wrapped":
      for (const item of Array.isArray(value) ? value.toReversed() : [value])
        writeField(writer, form.number, form.item, item);
      return;
  }
}

function writeNamed(writer: WireWriter, number: number, name: string, form: Form, value: unknown): void {
  const before = writer.length;
  writeField(writer, 2, form, value);
  writeField(writer, 1, text, name);
  writer.uint32(writer.length - before);
  writer.uint32((number << 3) | lengthDelimited);
}
