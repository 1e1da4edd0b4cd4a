/** What kinds that keep pods running have in common: a selector, a template whose pods it selects, counts in the status. */
import type { PodTemplateSpec } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { type LabelMatcher, LabelSelectorError, labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { LabelSelector } from "#pkg/api/meta/v1.ts";
import type { FieldErrors } from "./field-errors.ts";
import { selectsEverything, validateLabelSelector } from "./label-selectors.ts";

/** `ownerText` is the kind as the text for a selector of everything calls it. */
export function validateOwnSelector(
  selector: LabelSelector | undefined,
  ownerText: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!selector) {
    errors.required(at);
    return;
  }
  validateLabelSelector(selector, at, errors);
  if (selectsEverything(selector)) errors.invalid(at, selector, `empty selector is invalid for ${ownerText}`);
}

/** Undefined when the selector is none. */
export function matcherOf(selector: LabelSelector | undefined): LabelMatcher | undefined {
  try {
    return labelSelectorMatcher(selector);
  } catch (error) {
    if (error instanceof LabelSelectorError) return undefined;
    throw error;
  }
}

/** `at` is the template. */
export function validateMatch(matcher: LabelMatcher, template: PodTemplateSpec, at: FieldPath, errors: FieldErrors) {
  const { labels } = template.metadata ?? {};
  if (matcher.matches(labels ?? {})) return;
  errors.invalid(at.child("metadata", "labels"), labels, "`selector` does not match template `labels`");
}

/** Pods of such an owner are started anew for as long as it exists. */
export function validateEndless(template: PodTemplateSpec, kind: string, at: FieldPath, errors: FieldErrors): void {
  const { restartPolicy, activeDeadlineSeconds } = template.spec;
  if (restartPolicy !== "Always") {
    errors.notSupported(at.child("spec", "restartPolicy"), restartPolicy ?? "", ["Always"]);
  }
  if (activeDeadlineSeconds != null) {
    errors.forbidden(at.child("spec", "activeDeadlineSeconds"), `activeDeadlineSeconds in ${kind} is not Supported`);
  }
}

type Counts = Readonly<Record<string, unknown>>;

export function validateCounts<T extends object>(
  status: T | undefined,
  fields: readonly (keyof T & string)[],
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const field of fields) errors.nonNegative(at.child(field), countOf(status as Counts | undefined, field));
}

/** No count of replicas of some sort may be greater than that of all replicas. */
export function validateParts<T extends object>(
  status: T | undefined,
  parts: readonly (keyof T & string)[],
  readyText: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const counts = status as Counts | undefined;
  const all = countOf(counts, "replicas");
  for (const part of parts) {
    const count = countOf(counts, part);
    if (count > all) errors.invalid(at.child(part), count, "cannot be greater than status.replicas");
  }
  const available = countOf(counts, "availableReplicas");
  if (available > countOf(counts, "readyReplicas")) {
    errors.invalid(at.child("availableReplicas"), available, `cannot be greater than ${readyText}`);
  }
}

interface Collisions {
  readonly collisionCount?: number | undefined;
}

/** It only grows: names made from it were given to objects. */
export function validateCollisionCount(
  next: Collisions | undefined,
  current: Collisions | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const before = current?.collisionCount;
  const after = next?.collisionCount;
  if (before == null || (after ?? -1) >= before) return;
  errors.invalid(at.child("collisionCount"), after ?? 0, "cannot be decremented");
}

function countOf(counts: Counts | undefined, field: string): number {
  const value = counts?.[field];
  return typeof value === "number" ? value : 0;
}
