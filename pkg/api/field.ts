/**
 * Field paths and field errors: how validation says what is wrong with which field. Types and text shapes are those of
 * k8s.io/apimachinery/pkg/util/validation/field, because clients and people read them.
 */

export type FieldErrorType =
  | "FieldValueRequired"
  | "FieldValueInvalid"
  | "FieldValueDuplicate"
  | "FieldValueNotFound"
  | "FieldValueNotSupported"
  | "FieldValueForbidden"
  | "FieldValueTooLong"
  | "FieldValueTooMany"
  | "FieldValueTooFew"
  | "FieldValueTooShort"
  | "FieldValueTypeInvalid"
  | "InternalError";

export interface FieldError {
  readonly type: FieldErrorType;
  /** `spec.containers[0].name`, `metadata.labels[app]`. */
  readonly field: string;
  /** `Invalid value: "x": why`: the text without the path. */
  readonly causeMessage: string;
  /** `spec.x: Invalid value: "x": why`: the text with the path. */
  readonly message: string;
}

/** An immutable path into an object: `new FieldPath("spec").child("containers").index(0).child("name")`. */
export class FieldPath {
  readonly #text: string;

  constructor(...names: readonly string[]) {
    this.#text = names.join(".");
  }

  child(...names: readonly string[]): FieldPath {
    return new FieldPath(...(this.#text ? [this.#text, ...names] : names));
  }

  index(position: number): FieldPath {
    return new FieldPath(`${this.#text}[${position}]`);
  }

  key(key: string): FieldPath {
    return new FieldPath(`${this.#text}[${key}]`);
  }

  toString(): string {
    return this.#text;
  }
}

/** Given as an invalid value, it leaves the value out of the text. */
export const omittedValue: unique symbol = Symbol("omitted");

export const fieldError = {
  required: (path: FieldPath, detail = ""): FieldError => make("FieldValueRequired", path, "Required value", detail),
  invalid: (path: FieldPath, value: unknown, detail: string): FieldError =>
    make(
      "FieldValueInvalid",
      path,
      value === omittedValue ? "Invalid value" : `Invalid value: ${printValue(value)}`,
      detail,
    ),
  duplicate: (path: FieldPath, value: unknown, detail = ""): FieldError =>
    make("FieldValueDuplicate", path, `Duplicate value: ${printValue(value)}`, detail),
  notFound: (path: FieldPath, value: unknown, detail = ""): FieldError =>
    make("FieldValueNotFound", path, `Not found: ${printValue(value)}`, detail),
  /** The supported values are listed in the order given. */
  notSupported: (path: FieldPath, value: unknown, supported: readonly string[]): FieldError =>
    make(
      "FieldValueNotSupported",
      path,
      `Unsupported value: ${printValue(value)}`,
      supported.length === 0 ? "" : `supported values: ${supported.map((one) => JSON.stringify(one)).join(", ")}`,
    ),
  forbidden: (path: FieldPath, detail: string): FieldError => make("FieldValueForbidden", path, "Forbidden", detail),
  tooLong: (path: FieldPath, maxLength: number, unit: "byte" | "character" = "byte"): FieldError =>
    make("FieldValueTooLong", path, "Too long", `may not be more than ${counted(maxLength, unit)}`),
  tooShort: (path: FieldPath, minLength: number): FieldError =>
    make("FieldValueTooShort", path, "Too short", `must be at least ${counted(minLength, "character")}`),
  tooMany: (path: FieldPath, actual: number, max: number): FieldError =>
    make("FieldValueTooMany", path, `Too many: ${actual}`, `must have at most ${counted(max, "item")}`),
  tooFew: (path: FieldPath, actual: number, min: number): FieldError =>
    make("FieldValueTooFew", path, `Too few: ${actual}`, `must have at least ${counted(min, "item")}`),
  typeInvalid: (path: FieldPath, value: unknown, detail: string): FieldError =>
    make("FieldValueTypeInvalid", path, `Invalid value: ${printValue(value)}`, detail),
  internal: (path: FieldPath, detail: string): FieldError => make("InternalError", path, "Internal error", detail),
};

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

function make(type: FieldErrorType, path: FieldPath, what: string, detail: string): FieldError {
  const causeMessage = detail ? `${what}: ${detail}` : what;
  const field = path.toString();
  return { type, field, causeMessage, message: field ? `${field}: ${causeMessage}` : causeMessage };
}

/** Strings are quoted, the rest is JSON, as Go prints them in these texts. */
function printValue(value: unknown): string {
  if (value === undefined || value === null) return "null";
  return JSON.stringify(value);
}
