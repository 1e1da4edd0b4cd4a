/** Leases. Source: pkg/apis/coordination/validation (v1.36). */
import type { Lease } from "#pkg/api/coordination/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { qualifiedNameProblems } from "#pkg/api/names.ts";
import { FieldErrors, negativeText } from "./field-errors.ts";

const at = new FieldPath("spec");
const strategies = ["OldestEmulationVersion"];

export function validateLease({ spec }: Lease): FieldErrors {
  const errors = new FieldErrors();
  const { leaseDurationSeconds: seconds, leaseTransitions: transitions, strategy, preferredHolder } = spec;
  if (seconds != null && seconds <= 0)
    errors.invalid(at.child("leaseDurationSeconds"), seconds, "must be greater than 0");
  if (transitions != null && transitions < 0) {
    errors.invalid(at.child("leaseTransitions"), transitions, negativeText);
  }
  if (strategy != null) validateStrategy(strategy, errors);
  if (preferredHolder && !strategy) {
    errors.forbidden(at.child("preferredHolder"), "may only be specified if `strategy` is defined");
  }
  return errors;
}

/** Strategies of others carry a domain. */
function validateStrategy(strategy: string, errors: FieldErrors): void {
  // The field's name stands twice in upstream's path.
  const path = at.child("strategy", "strategy");
  if (strategy.includes("/")) errors.problems(path, strategy, qualifiedNameProblems(strategy));
  else if (!strategies.includes(strategy)) errors.notSupported(path, strategy, strategies);
}
