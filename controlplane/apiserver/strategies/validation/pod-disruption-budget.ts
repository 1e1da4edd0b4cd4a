/** Disruption budgets. Source: pkg/apis/policy/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateAtMostAll, validateIntOrPercent } from "./int-or-percent.ts";
import { validateConditions, validateLabelSelector } from "./label-selectors.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const evictionPolicies = ["AlwaysAllow", "IfHealthyBudget"];

export function validateBudget({ spec }: PodDisruptionBudget): FieldErrors {
  const errors = new FieldErrors();
  const { minAvailable, maxUnavailable, selector, unhealthyPodEvictionPolicy: policy } = spec;
  if (minAvailable != null && maxUnavailable != null) {
    errors.invalid(specPath, spec, "minAvailable and maxUnavailable cannot be both set");
  }
  for (const [name, value] of Object.entries({ minAvailable, maxUnavailable })) {
    if (value == null) continue;
    validateIntOrPercent(value, specPath.child(name), errors);
    validateAtMostAll(value, specPath.child(name), errors);
  }
  validateLabelSelector(selector, specPath.child("selector"), errors);
  if (policy != null && !evictionPolicies.includes(policy)) {
    errors.notSupported(specPath.child("unhealthyPodEvictionPolicy"), policy, evictionPolicies);
  }
  return errors;
}

export function validateBudgetStatus({ status }: PodDisruptionBudget): FieldErrors {
  const errors = new FieldErrors();
  validateConditions(status?.conditions, statusPath.child("conditions"), errors);
  for (const name of ["disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods"] as const) {
    errors.nonNegative(statusPath.child(name), status?.[name]);
  }
  return errors;
}
