/** ReplicaSets, and ReplicationControllers, which came before them. Source: pkg/apis/{apps,core}/validation (v1.36). */
import type { ReplicaSet, ReplicaSetStatus } from "#pkg/api/apps/v1.ts";
import type { PodTemplateSpec, ReplicationController, ReplicationControllerStatus } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { labelMapMatcher } from "#pkg/api/labels.ts";
import type { LabelSelector } from "#pkg/api/meta/v1.ts";
import { FieldErrors } from "./field-errors.ts";
import { validatePodTemplate } from "./pod.ts";
import {
  matcherOf,
  validateCounts,
  validateEndless,
  validateMatch,
  validateOwnSelector,
  validateParts,
} from "./pod-controllers.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");

export function validateReplicaSet({ spec }: ReplicaSet): FieldErrors {
  const errors = new FieldErrors();
  errors.nonNegative(specPath.child("replicas"), spec.replicas);
  errors.nonNegative(specPath.child("minReadySeconds"), spec.minReadySeconds);
  // Deployments' text, as upstream has it.
  validateOwnSelector(spec.selector, "deployment", specPath.child("selector"), errors);
  if (spec.template) validateReplicaTemplate(spec.template, spec.selector, errors);
  return errors;
}

export function validateReplicaSetUpdate(next: ReplicaSet, current: ReplicaSet): FieldErrors {
  const errors = validateReplicaSet(next);
  errors.immutable(specPath.child("selector"), next.spec.selector, current.spec.selector);
  return errors;
}

/** The template of a ReplicaSet, or of a Deployment for those it makes. */
export function validateReplicaTemplate(
  template: PodTemplateSpec,
  selector: LabelSelector | undefined,
  errors: FieldErrors,
): void {
  const at = specPath.child("template");
  const matcher = matcherOf(selector);
  if (!matcher) {
    errors.invalid(specPath.child("selector"), selector, "invalid label selector");
    return;
  }
  validateMatch(matcher, template, at, errors);
  validatePodTemplate(template, at, errors);
  validateEndless(template, "ReplicaSet", at, errors);
}

export function validateReplicaStatus(status: ReplicaSetStatus | ReplicationControllerStatus | undefined): FieldErrors {
  const errors = new FieldErrors();
  const counts: readonly (keyof ReplicaSetStatus & keyof ReplicationControllerStatus)[] = [
    "replicas",
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
    "observedGeneration",
  ];
  validateCounts(status, counts, statusPath, errors);
  validateCounts<ReplicaSetStatus>(status, ["terminatingReplicas"], statusPath, errors);
  const parts: readonly (keyof ReplicaSetStatus & keyof ReplicationControllerStatus)[] = [
    "fullyLabeledReplicas",
    "readyReplicas",
    "availableReplicas",
  ];
  validateParts(status, parts, "readyReplicas", statusPath, errors);
  return errors;
}

export function validateReplicationController({ spec }: ReplicationController): FieldErrors {
  const errors = new FieldErrors();
  errors.nonNegative(specPath.child("minReadySeconds"), spec.minReadySeconds);
  if (Object.keys(spec.selector ?? {}).length === 0) errors.required(specPath.child("selector"));
  if (spec.replicas == null) errors.required(specPath.child("replicas"));
  errors.nonNegative(specPath.child("replicas"), spec.replicas);
  const at = specPath.child("template");
  const { template } = spec;
  if (!template) {
    errors.required(at);
    return errors;
  }
  validateMatch(labelMapMatcher(spec.selector), template, at, errors);
  validatePodTemplate(template, at, errors);
  validateEndless(template, "ReplicationController", at, errors);
  return errors;
}
