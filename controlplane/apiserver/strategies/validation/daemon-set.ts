/** DaemonSets. Source: pkg/apis/apps/validation/validation.go (v1.36). */
import type { DaemonSet, DaemonSetUpdateStrategy, RollingUpdateDaemonSet } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { FieldErrors } from "./field-errors.ts";
import { intOrPercentNumber, validateAtMostAll, validateIntOrPercent } from "./int-or-percent.ts";
import { selectsEverything, validateLabelSelector } from "./label-selectors.ts";
import { validatePodTemplate } from "./pod.ts";
import {
  matcherOf,
  validateCollisionCount,
  validateCounts,
  validateEndless,
  validateMatch,
} from "./pod-controllers.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");

export function validateDaemonSet({ spec }: DaemonSet): FieldErrors {
  const errors = new FieldErrors();
  const { selector, template } = spec;
  const at = specPath.child("template");
  validateLabelSelector(selector, specPath.child("selector"), errors);
  const matcher = matcherOf(selector);
  if (matcher) validateMatch(matcher, template, at, errors);
  if (selector && selectsEverything(selector)) {
    errors.invalid(specPath.child("selector"), selector, "empty selector is invalid for daemonset");
  }
  validatePodTemplate(template, at, errors);
  validateEndless(template, "DaemonSet", at, errors);
  errors.nonNegative(specPath.child("minReadySeconds"), spec.minReadySeconds);
  validateStrategy(spec.updateStrategy, errors);
  errors.nonNegative(specPath.child("revisionHistoryLimit"), spec.revisionHistoryLimit);
  return errors;
}

export function validateDaemonSetUpdate(next: DaemonSet, current: DaemonSet): FieldErrors {
  const errors = new FieldErrors();
  errors.immutable(specPath.child("selector"), next.spec.selector, current.spec.selector);
  errors.add(...validateDaemonSet(next).list);
  return errors;
}

function validateStrategy(strategy: DaemonSetUpdateStrategy | undefined, errors: FieldErrors): void {
  const at = specPath.child("updateStrategy");
  if (strategy?.type === "OnDelete") return;
  if (strategy?.type !== "RollingUpdate") errors.notSupported(at, strategy, ["RollingUpdate", "OnDelete"]);
  else if (!strategy.rollingUpdate) errors.required(at.child("rollingUpdate"));
  else validateRollingUpdate(strategy.rollingUpdate, at.child("rollingUpdate"), errors);
}

/** A pod is replaced either before or after its successor has started. */
function validateRollingUpdate(update: RollingUpdateDaemonSet, at: FieldPath, errors: FieldErrors): void {
  const { maxUnavailable, maxSurge } = update;
  const unavailablePath = at.child("maxUnavailable");
  const surgePath = at.child("maxSurge");
  validateIntOrPercent(maxUnavailable, unavailablePath, errors);
  validateIntOrPercent(maxSurge, surgePath, errors);
  validateAtMostAll(maxUnavailable, unavailablePath, errors);
  validateAtMostAll(maxSurge, surgePath, errors);
  const hasUnavailable = intOrPercentNumber(maxUnavailable) !== 0;
  const hasSurge = intOrPercentNumber(maxSurge) !== 0;
  if (hasUnavailable && hasSurge) {
    errors.invalid(surgePath, maxSurge, "may not be set when maxUnavailable is non-zero");
  }
  if (!hasUnavailable && !hasSurge) errors.required(unavailablePath, "cannot be 0 when maxSurge is 0");
}

export function validateDaemonSetStatusUpdate({ status }: DaemonSet, current: DaemonSet): FieldErrors {
  const errors = new FieldErrors();
  validateCounts(
    status,
    [
      "currentNumberScheduled",
      "numberMisscheduled",
      "desiredNumberScheduled",
      "numberReady",
      "observedGeneration",
      "updatedNumberScheduled",
      "numberAvailable",
      "numberUnavailable",
      "collisionCount",
    ],
    statusPath,
    errors,
  );
  validateCollisionCount(status, current.status, statusPath, errors);
  return errors;
}
