/** Deployments. Source: pkg/apis/apps/validation/validation.go (v1.36). */
import type { Deployment, DeploymentSpec, DeploymentStrategy, RollingUpdateDeployment } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { FieldErrors } from "./field-errors.ts";
import { intOrPercentNumber, validateAtMostAll, validateIntOrPercent } from "./int-or-percent.ts";
import { validateCollisionCount, validateCounts, validateOwnSelector, validateParts } from "./pod-controllers.ts";
import { validateReplicaTemplate } from "./replica-set.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");

export function validateDeployment({ spec }: Deployment): FieldErrors {
  const errors = new FieldErrors();
  errors.nonNegative(specPath.child("replicas"), spec.replicas);
  validateOwnSelector(spec.selector, "deployment", specPath.child("selector"), errors);
  validateReplicaTemplate(spec.template, spec.selector, errors);
  validateStrategy(spec.strategy, errors);
  errors.nonNegative(specPath.child("minReadySeconds"), spec.minReadySeconds);
  errors.nonNegative(specPath.child("revisionHistoryLimit"), spec.revisionHistoryLimit);
  validateDeadline(spec, errors);
  return errors;
}

export function validateDeploymentUpdate(next: Deployment, current: Deployment): FieldErrors {
  const errors = validateDeployment(next);
  errors.immutable(specPath.child("selector"), next.spec.selector, current.spec.selector);
  return errors;
}

function validateDeadline({ progressDeadlineSeconds, minReadySeconds = 0 }: DeploymentSpec, errors: FieldErrors): void {
  const at = specPath.child("progressDeadlineSeconds");
  errors.nonNegative(at, progressDeadlineSeconds);
  if (progressDeadlineSeconds != null && progressDeadlineSeconds <= minReadySeconds) {
    errors.invalid(at, progressDeadlineSeconds, "must be greater than minReadySeconds");
  }
}

function validateStrategy(strategy: DeploymentStrategy | undefined, errors: FieldErrors): void {
  const at = specPath.child("strategy");
  const update = strategy?.rollingUpdate;
  if (strategy?.type === "Recreate") {
    if (update) {
      errors.forbidden(at.child("rollingUpdate"), "may not be specified when strategy `type` is 'Recreate'");
    }
  } else if (strategy?.type === "RollingUpdate") {
    if (update) validateRollingUpdate(update, at.child("rollingUpdate"), errors);
    else errors.required(at.child("rollingUpdate"), "this should be defaulted and never be nil");
  } else errors.notSupported(at, strategy, ["Recreate", "RollingUpdate"]);
}

function validateRollingUpdate(update: RollingUpdateDeployment, at: FieldPath, errors: FieldErrors): void {
  const { maxUnavailable, maxSurge } = update;
  const unavailablePath = at.child("maxUnavailable");
  validateIntOrPercent(maxUnavailable, unavailablePath, errors);
  validateIntOrPercent(maxSurge, at.child("maxSurge"), errors);
  if (intOrPercentNumber(maxUnavailable) === 0 && intOrPercentNumber(maxSurge) === 0) {
    errors.invalid(unavailablePath, maxUnavailable, "may not be 0 when `maxSurge` is 0");
  }
  validateAtMostAll(maxUnavailable, unavailablePath, errors);
}

export function validateDeploymentStatusUpdate({ status }: Deployment, current: Deployment): FieldErrors {
  const errors = new FieldErrors();
  validateCounts(
    status,
    [
      "observedGeneration",
      "replicas",
      "updatedReplicas",
      "readyReplicas",
      "availableReplicas",
      "unavailableReplicas",
      "terminatingReplicas",
      "collisionCount",
    ],
    statusPath,
    errors,
  );
  validateParts(status, ["updatedReplicas", "readyReplicas", "availableReplicas"], "readyReplicas", statusPath, errors);
  validateCollisionCount(status, current.status, statusPath, errors);
  return errors;
}
