/**
 * Checks that an object has the form of its type: the check every applied configuration must pass. Messages are upstream's.
 * Source: structured-merge-diff typed validation.
 */
import type { JsonObject, ListSchema, ScalarSchema, StructSchema, ValueSchema } from "../patch/value-schema.ts";
import { isJsonObject } from "../patch/value-schema.ts";
import { itemElement } from "./list-items.ts";
import { fieldElement, formatPathElement } from "./path-element.ts";

/** Nobody reads more, and a body may have a hundred thousand wrong fields. */
const maxErrors = 50;

/** What is wrong, one text per field, such as `.spec.replicas: expected numeric (int or float), got string`. */
export function findTypeErrors(object: JsonObject, schema: StructSchema): readonly string[] {
  const errors: string[] = [];
  checkValue(object, schema, "", errors);
  return errors.length > maxErrors ? [...errors.slice(0, maxErrors), "and more"] : errors;
}

function checkValue(value: unknown, schema: ValueSchema, path: string, errors: string[]): void {
  if (value === null || value === undefined || errors.length > maxErrors) return;
  switch (schema.kind) {
    case "untyped":
      return;
    case "scalar":
      checkScalar(value, schema, path, errors);
      return;
    case "list":
      if (Array.isArray(value)) checkItems(value, schema, path, errors);
      else errors.push(`${path}: expected list, got ${describe(value)}`);
      return;
    case "map":
    case "struct":
      if (isJsonObject(value)) checkFields(value, schema, path, errors);
      else errors.push(`${path}: expected map, got ${describe(value)}`);
      return;
  }
}

function checkFields(
  object: JsonObject,
  schema: Extract<ValueSchema, { kind: "map" | "struct" }>,
  path: string,
  errors: string[],
): void {
  for (const key of Object.keys(object)) {
    if (errors.length > maxErrors) return;
    const inner = schema.kind === "map" ? schema.value : (schema.field(key)?.value ?? schema.additional);
    const innerPath = `${path}${formatPathElement(fieldElement(key))}`;
    if (inner) checkValue(object[key], inner, innerPath, errors);
    else errors.push(`${innerPath}: field not declared in schema`);
  }
}

function checkItems(items: readonly unknown[], list: ListSchema, path: string, errors: string[]): void {
  const seen = new Set<string>();
  for (const [position, item] of items.entries()) {
    let itemPath = `${path}[${position}]`;
    if (list.relation !== "atomic") {
      try {
        const element = itemElement(list, item);
        itemPath = `${path}${formatPathElement(element)}`;
        if (seen.has(element.text)) errors.push(`${path}: duplicate entries for key ${formatPathElement(element)}`);
        seen.add(element.text);
      } catch (thrown) {
        errors.push(`${path}: element ${position}: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
        return;
      }
    }
    checkValue(item, list.item, itemPath, errors);
  }
}

function checkScalar(value: unknown, schema: ScalarSchema, path: string, errors: string[]): void {
  switch (schema.scalar) {
    case "string":
      if (typeof value !== "string") errors.push(`${path}: expected string, got ${describe(value)}`);
      return;
    case "number":
      if (typeof value !== "number") errors.push(`${path}: expected numeric (int or float), got ${describe(value)}`);
      return;
    case "boolean":
      if (typeof value !== "boolean") errors.push(`${path}: expected boolean, got ${describe(value)}`);
      return;
    case "any":
      if (typeof value === "object") errors.push(`${path}: expected any scalar, got ${describe(value)}`);
      return;
  }
}

const longestShown = 100;

function describe(value: unknown): string {
  if (typeof value === "string") return "string";
  const text = JSON.stringify(value);
  return text.length > longestShown ? `${text.slice(0, longestShown)}…` : text;
}
