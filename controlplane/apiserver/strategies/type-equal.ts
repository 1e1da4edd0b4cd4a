/**
 * Semantic equality of API objects: what upstream means when it says a field "did not change". Quantities are equal by
 * amount, absent and empty lists are equal, and a zero value equals an absent one exactly where Go would not keep them
 * apart (fields that are no pointers).
 * Source: k8s.io/apimachinery/pkg/api/equality on the Go types.
 */
import { parseQuantity, QuantityError } from "#pkg/api/quantity.ts";
import { type Field, isBuiltin } from "#pkg/api/schema/field.ts";
import { fieldsOf } from "#pkg/api/schema/schema.ts";
import { plainEqual } from "./plain-equal.ts";

/** Compares two values of a type of the schema table, such as "core/v1.PodSpec". Absent structs equal empty ones. */
export function typeEqual(typeName: string, one: unknown, other: unknown): boolean {
  if (one === other) return true;
  const left = recordOf(one);
  const right = recordOf(other);
  for (const [name, field] of fieldsOf(typeName)) if (!fieldEqual(field, left[name], right[name])) return false;
  return true;
}

/** As typeEqual, for a pointer to the type: absent differs from empty. */
export function optionalTypeEqual(typeName: string, one: unknown, other: unknown): boolean {
  if (one == null || other == null) return one == null && other == null;
  return typeEqual(typeName, one, other);
}

/** Compares two lists of structs of a type. */
export function listTypeEqual(
  typeName: string,
  one: readonly unknown[] | undefined,
  other: readonly unknown[] | undefined,
) {
  const [left, right] = [one ?? [], other ?? []];
  return left.length === right.length && left.every((item, index) => typeEqual(typeName, item, right[index]));
}

/** Compares two maps of quantities. */
export function resourceListEqual(one: unknown, other: unknown): boolean {
  return mapEqual(recordOf(one), recordOf(other), quantityEqual);
}

function fieldEqual(field: Field, one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (field.shape === "list") {
    const [left, right] = [listOf(one), listOf(other)];
    return left.length === right.length && left.every((item, index) => valueEqual(field, item, right[index]));
  }
  if (field.shape === "map") return mapEqual(recordOf(one), recordOf(other), (a, b) => valueEqual(field, a, b));
  if (field.pointer && (one == null || other == null)) return one == null && other == null;
  return valueEqual(field, one, other);
}

function valueEqual({ type }: Field, one: unknown, other: unknown): boolean {
  if (!isBuiltin(type)) return typeEqual(type, one, other);
  if (type === "quantity") return quantityEqual(one, other);
  return plainEqual(zeroed(one), zeroed(other));
}

function zeroed(value: unknown): unknown {
  return value === "" || value === 0 || value === false ? undefined : value;
}

function quantityEqual(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  try {
    return parseQuantity((one ?? 0) as string | number).equals(parseQuantity((other ?? 0) as string | number));
  } catch (thrown) {
    if (thrown instanceof QuantityError) return false;
    throw thrown;
  }
}

function mapEqual(
  one: Readonly<Record<string, unknown>>,
  other: Readonly<Record<string, unknown>>,
  equal: (a: unknown, b: unknown) => boolean,
): boolean {
  const keys = Object.keys(one);
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && equal(one[key], other[key]))
  );
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
