/** Label selectors, label maps and conditions, wherever they stand in an object. */
import type { FieldPath } from "#pkg/api/field.ts";
import type { Condition, LabelSelector } from "#pkg/api/meta/v1.ts";
import { byteLength, conditionReasonProblems, labelValueProblems, qualifiedNameProblems } from "#pkg/api/names.ts";
import { validateAnnotations, validateLabels } from "../../registry/validate-metadata.ts";
import type { FieldErrors } from "./field-errors.ts";

interface Requirement {
  readonly key: string;
  readonly operator: string;
  readonly values?: readonly string[] | undefined;
}

export function validateLabelMap(
  labels: Readonly<Record<string, string>> | undefined,
  at: FieldPath,
  errors: FieldErrors,
) {
  errors.add(...validateLabels(labels ?? {}, at));
}

export function validateAnnotationMap(
  annotations: Readonly<Record<string, string>> | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.add(...validateAnnotations(annotations ?? {}, at));
}

/** An absent selector is good; whether it may be absent is the caller's matter. */
export function validateLabelSelector(selector: LabelSelector | undefined, at: FieldPath, errors: FieldErrors): void {
  if (!selector) return;
  validateLabelMap(selector.matchLabels, at.child("matchLabels"), errors);
  for (const [index, requirement] of (selector.matchExpressions ?? []).entries()) {
    validateRequirement(requirement, at.child("matchExpressions").index(index), errors);
  }
}

function validateRequirement(requirement: Requirement, at: FieldPath, errors: FieldErrors): void {
  validateOperator(requirement, at, errors);
  errors.problems(at.child("key"), requirement.key ?? "", qualifiedNameProblems(requirement.key ?? ""));
  for (const [index, value] of (requirement.values ?? []).entries()) {
    errors.problems(at.child("values").index(index), value, labelValueProblems(value));
  }
}

/** The number of values an operator wants; "Gt" and "Lt" are for node selectors only. */
export function validateOperator(
  { operator, values }: Requirement,
  at: FieldPath,
  errors: FieldErrors,
  allowsComparison = false,
): void {
  const count = values?.length ?? 0;
  if (operator === "In" || operator === "NotIn") {
    if (count === 0) errors.required(at.child("values"), "must be specified when `operator` is 'In' or 'NotIn'");
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    if (count > 0) {
      errors.forbidden(at.child("values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    }
  } else if (allowsComparison && (operator === "Gt" || operator === "Lt")) {
    if (count !== 1) {
      errors.required(at.child("values"), "must be specified single value when `operator` is 'Lt' or 'Gt'");
    }
  } else errors.invalid(at.child("operator"), operator ?? "", "not a valid selector operator");
}

/** Selects every object, or is absent. */
export function selectsEverything(selector: LabelSelector | undefined): boolean {
  const labels = Object.keys(selector?.matchLabels ?? {}).length;
  return labels === 0 && (selector?.matchExpressions?.length ?? 0) === 0;
}

/** The conditions of newer kinds, in the form of meta/v1. */
export function validateConditions(
  conditions: readonly Condition[] | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const seen = new Set<string>();
  for (const [index, condition] of (conditions ?? []).entries()) {
    const one = at.index(index);
    const type = condition.type ?? "";
    if (seen.has(type)) errors.duplicate(one.child("type"), type);
    seen.add(type);
    validateCondition(condition, one, errors);
  }
}

function validateCondition(condition: Condition, at: FieldPath, errors: FieldErrors): void {
  const { type = "", status = "", reason = "", message = "", observedGeneration = 0 } = condition;
  errors.problems(at.child("type"), type, qualifiedNameProblems(type));
  const statuses = ["False", "True", "Unknown"];
  if (!statuses.includes(status)) errors.notSupported(at.child("status"), status, statuses);
  if (observedGeneration < 0) {
    errors.invalid(at.child("observedGeneration"), observedGeneration, "must be greater than or equal to zero");
  }
  if (!condition.lastTransitionTime) errors.required(at.child("lastTransitionTime"));
  errors.named(at.child("reason"), reason, conditionReasonProblems);
  if (byteLength(reason) > 1024) errors.tooLong(at.child("reason"), 1024);
  if (byteLength(message) > 32 * 1024) errors.tooLong(at.child("message"), 32 * 1024);
}
