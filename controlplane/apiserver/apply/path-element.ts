/**
 * One step of a path to a field: a field's name, a list item by its key fields or by its value, or by its index.
 * `text` is the form in FieldsV1 (`f:spec`, `k:{"name":"a"}`, `v:"x"`, `i:0`), made canonical, and serves as identity.
 * Source: structured-merge-diff fieldpath, and KEP-555.
 */

export type KeyField = readonly [name: string, value: unknown];

export type PathElement =
  | { readonly type: "f"; readonly text: string; readonly name: string }
  /** Fields sorted by name. */
  | { readonly type: "k"; readonly text: string; readonly fields: readonly KeyField[] }
  | { readonly type: "v"; readonly text: string; readonly value: unknown }
  | { readonly type: "i"; readonly text: string; readonly index: number };

export function fieldElement(name: string): PathElement {
  let element = internedFields.get(name);
  if (!element) {
    element = { type: "f", text: `f:${name}`, name };
    // Names of declared fields are few; names that clients choose (labels, keys) must not pile up.
    if (internedFields.size < maxInterned) internedFields.set(name, element);
  }
  return element;
}

const internedFields = new Map<string, PathElement>();
const maxInterned = 5_000;

export function keyElement(fields: readonly KeyField[]): PathElement {
  const sorted = fields.length < 2 ? fields : [...fields].sort((left, right) => compareText(left[0], right[0]));
  const body = sorted.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  return { type: "k", text: `k:{${body}}`, fields: sorted };
}

export function valueElement(value: unknown): PathElement {
  return { type: "v", text: `v:${JSON.stringify(value)}`, value };
}

export function indexElement(index: number): PathElement {
  return { type: "i", text: `i:${index}`, index };
}

/** Reads a FieldsV1 key. Undefined: a type of element from the future, to be ignored. Throws when malformed. */
export function parsePathElement(text: string): PathElement | undefined {
  if (text.length < 2 || text[1] !== ":") throw new Error(`missing colon: ${text}`);
  const body = text.slice(2);
  switch (text[0]) {
    case "f":
      return fieldElement(body);
    case "k": {
      const fields: unknown = JSON.parse(body);
      if (typeof fields !== "object" || fields === null || Array.isArray(fields)) throw new Error(`not a key: ${text}`);
      return keyElement(Object.entries(fields));
    }
    case "v":
      return valueElement(JSON.parse(body));
    case "i":
      if (!/^-?[0-9]{1,15}$/.test(body)) throw new Error(`not an index: ${text}`);
      return indexElement(Number(body));
    default:
      return undefined;
  }
}

/** As people and conflict messages see it: `.spec`, `[name="a"]`, `[="x"]`, `[0]`. */
export function formatPathElement(element: PathElement): string {
  switch (element.type) {
    case "f":
      return `.${element.name}`;
    case "k":
      return `[${element.fields.map(([name, value]) => `${name}=${JSON.stringify(value)}`).join(",")}]`;
    case "v":
      return `[=${JSON.stringify(element.value)}]`;
    case "i":
      return `[${element.index}]`;
  }
}

export function formatPath(path: readonly PathElement[]): string {
  return path.map(formatPathElement).join("");
}

const typeOrder = { f: 0, k: 1, v: 2, i: 3 } as const;

/** The order of FieldsV1: fields, keys, values, indexes; each kind by what it holds. */
export function comparePathElements(left: PathElement, right: PathElement): number {
  if (left.type === "f" && right.type === "f") return compareText(left.name, right.name);
  if (left.type === "k" && right.type === "k") return compareKeys(left.fields, right.fields);
  if (left.type === "v" && right.type === "v") return compareScalars(left.value, right.value);
  if (left.type === "i" && right.type === "i") return left.index - right.index;
  return typeOrder[left.type] - typeOrder[right.type];
}

function compareKeys(left: readonly KeyField[], right: readonly KeyField[]): number {
  for (let at = 0; at < left.length && at < right.length; at++) {
    const [leftName, leftValue] = left[at]!;
    const [rightName, rightValue] = right[at]!;
    const order = compareText(leftName, rightName) || compareScalars(leftValue, rightValue);
    if (order !== 0) return order;
  }
  return left.length - right.length;
}

/** Numbers before texts before booleans before the rest. */
function compareScalars(left: unknown, right: unknown): number {
  if (typeof left === "number" && typeof right === "number") return left - right;
  if (typeof left === "string" && typeof right === "string") return compareText(left, right);
  if (typeof left === "boolean" && typeof right === "boolean") return Number(left) - Number(right);
  const order = rankOf(left) - rankOf(right);
  return order !== 0 ? order : compareText(JSON.stringify(left), JSON.stringify(right));
}

function rankOf(value: unknown): number {
  switch (typeof value) {
    case "number":
      return 0;
    case "string":
      return 1;
    case "boolean":
      return 2;
    default:
      return value === null ? 5 : Array.isArray(value) ? 3 : 4;
  }
}

/** By code point, as bytes of UTF-8 compare; JavaScript's own order differs above U+FFFF. */
export function compareText(left: string, right: string): number {
  if (left === right) return 0;
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) {
    const leftUnit = left.charCodeAt(at);
    const rightUnit = right.charCodeAt(at);
    if (leftUnit !== rightUnit) return byCodePoint(leftUnit) - byCodePoint(rightUnit);
  }
  return left.length - right.length;
}

/** Moves surrogates behind all other units. */
function byCodePoint(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
