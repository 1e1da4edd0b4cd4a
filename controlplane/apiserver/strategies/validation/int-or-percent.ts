/** Numbers that may be given as a share: 3 or "25%". Absent counts as 0. */
import type { FieldPath } from "#pkg/api/field.ts";
import type { IntOrString } from "#pkg/api/meta/scalars.ts";
import { percentProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";

type Share = IntOrString | undefined;

export function validateIntOrPercent(value: Share, at: FieldPath, errors: FieldErrors): void {
  if (typeof value === "string") errors.problems(at, value, percentProblems(value));
  else errors.nonNegative(at, value);
}

export function validateAtMostAll(value: Share, at: FieldPath, errors: FieldErrors): void {
  if (isPercent(value) && numberIn(value) > 100) errors.invalid(at, value, "must not be greater than 100%");
}

/** The number itself, of a share without its sign; 0 for any other text. */
export function intOrPercentNumber(value: Share): number {
  if (typeof value === "number") return value;
  if (isPercent(value)) return numberIn(value);
  return value && /^[+-]?\d+$/.test(value) ? Number(value) : 0;
}

function isPercent(value: Share): value is string {
  return typeof value === "string" && percentProblems(value).length === 0;
}

function numberIn(percent: string): number {
  return Number(percent.slice(0, -1));
}
