/** StatefulSets. Source: pkg/apis/apps/validation/validation.go (v1.36). */
import type {
  StatefulSet,
  StatefulSetPersistentVolumeClaimRetentionPolicy,
  StatefulSetSpec,
  StatefulSetUpdateStrategy,
} from "#pkg/api/apps/v1.ts";
import type { PodTemplateSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { typeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { intOrPercentNumber, validateAtMostAll, validateIntOrPercent } from "./int-or-percent.ts";
import { validateClaimSpec } from "./persistent-volume-claim.ts";
import { validatePodTemplate } from "./pod.ts";
import {
  matcherOf,
  validateCollisionCount,
  validateCounts,
  validateEndless,
  validateMatch,
  validateOwnSelector,
  validateParts,
} from "./pod-controllers.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const templatePath = specPath.child("template");

interface Leniency {
  /** What can not change any more was judged when the object was made. */
  readonly isUpdate: boolean;
  readonly ignoresTemplate: boolean;
}

export function validateStatefulSet({ spec }: StatefulSet): FieldErrors {
  return validateSpec(spec, { isUpdate: false, ignoresTemplate: false });
}

export function validateStatefulSetUpdate(next: StatefulSet, current: StatefulSet): FieldErrors {
  // A set that is faulty already can be repaired step by step.
  const ignoresTemplate = !validateSpec(current.spec, { isUpdate: true, ignoresTemplate: false }).isEmpty;
  const errors = validateSpec(next.spec, { isUpdate: true, ignoresTemplate });
  if (!typeEqual("apps/v1.StatefulSetSpec", fixedPart(next.spec), fixedPart(current.spec))) {
    const free =
      "'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds'";
    errors.forbidden(specPath, `updates to statefulset spec for fields other than ${free} are forbidden`);
  }
  return errors;
}

function fixedPart(spec: StatefulSetSpec): Partial<StatefulSetSpec> {
  const {
    replicas: _replicas,
    ordinals: _ordinals,
    template: _template,
    updateStrategy: _strategy,
    revisionHistoryLimit: _limit,
    persistentVolumeClaimRetentionPolicy: _policy,
    minReadySeconds: _seconds,
    ...fixed
  } = spec;
  return fixed;
}

function validateSpec(spec: StatefulSetSpec, leniency: Leniency): FieldErrors {
  const errors = new FieldErrors();
  const { podManagementPolicy: management } = spec;
  const managementPath = specPath.child("podManagementPolicy");
  if (!management) errors.required(managementPath);
  else if (management !== "OrderedReady" && management !== "Parallel") {
    errors.invalid(managementPath, management, "must be 'OrderedReady' or 'Parallel'");
  }
  validateStrategy(spec.updateStrategy, errors);
  validateRetention(spec.persistentVolumeClaimRetentionPolicy, errors);
  if (!leniency.isUpdate) validateClaims(spec, errors);
  errors.nonNegative(specPath.child("replicas"), spec.replicas);
  errors.nonNegative(specPath.child("minReadySeconds"), spec.minReadySeconds);
  errors.nonNegative(specPath.child("ordinals.start"), spec.ordinals?.start);
  if (!leniency.isUpdate && spec.serviceName) errors.dnsLabel(specPath.child("serviceName"), spec.serviceName);
  validateOwnSelector(spec.selector, "statefulset", specPath.child("selector"), errors);
  const matcher = matcherOf(spec.selector);
  if (matcher) {
    validateMatch(matcher, spec.template, templatePath, errors);
    if (!leniency.ignoresTemplate) validatePodTemplate(asControllerFillsIt(spec), templatePath, errors);
  } else errors.invalid(specPath.child("selector"), spec.selector, "");
  validateEndless(spec.template, "StatefulSet", templatePath, errors);
  return errors;
}

/** Names and volumes that every pod gets from the set itself, whatever the template says. */
function asControllerFillsIt({ template, volumeClaimTemplates }: StatefulSetSpec): PodTemplateSpec {
  const claims = volumeClaimTemplates ?? [];
  const { subdomain: _, hostname: __, ...spec } = template.spec;
  if (claims.length === 0) return { ...template, spec };
  const names = [...new Set(claims.map((claim) => claim.metadata.name ?? ""))];
  const own = names.map((name) => ({ name, persistentVolumeClaim: { claimName: name } }));
  const others = (spec.volumes ?? []).filter((volume) => !names.includes(volume.name));
  return { ...template, spec: { ...spec, volumes: [...own, ...others] } };
}

function validateClaims(spec: StatefulSetSpec, errors: FieldErrors): void {
  for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
    validateClaimSpec(claim.spec, specPath.child("volumeClaimTemplates").index(index).child("spec"), errors);
  }
}

function validateStrategy(strategy: StatefulSetUpdateStrategy | undefined, errors: FieldErrors): void {
  const at = specPath.child("updateStrategy");
  const rollingPath = at.child("rollingUpdate");
  const update = strategy?.rollingUpdate;
  if (!strategy?.type) errors.required(at);
  else if (strategy.type === "OnDelete") {
    if (update) errors.invalid(rollingPath, update, "only allowed for updateStrategy 'RollingUpdate'");
  } else if (strategy.type !== "RollingUpdate") {
    errors.invalid(at, strategy, "must be 'RollingUpdate' or 'OnDelete'");
  } else if (update) {
    errors.nonNegative(rollingPath.child("partition"), update.partition);
    const { maxUnavailable } = update;
    if (maxUnavailable == null) return;
    const unavailablePath = rollingPath.child("maxUnavailable");
    validateIntOrPercent(maxUnavailable, unavailablePath, errors);
    if (intOrPercentNumber(maxUnavailable) === 0) errors.invalid(unavailablePath, maxUnavailable, "cannot be 0");
    validateAtMostAll(maxUnavailable, unavailablePath, errors);
  }
}

function validateRetention(
  policy: StatefulSetPersistentVolumeClaimRetentionPolicy | undefined,
  errors: FieldErrors,
): void {
  if (!policy) return;
  const at = specPath.child("persistentVolumeClaimRetentionPolicy");
  const policies = ["Retain", "Delete"];
  for (const field of ["whenDeleted", "whenScaled"] as const) {
    const value = policy[field] ?? "";
    if (!policies.includes(value)) errors.notSupported(at.child(field), value, policies);
  }
}

export function validateStatefulSetStatusUpdate({ status }: StatefulSet, current: StatefulSet): FieldErrors {
  const errors = new FieldErrors();
  const parts = ["readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas"] as const;
  validateCounts(status, ["replicas", ...parts, "observedGeneration", "collisionCount"], statusPath, errors);
  validateParts(status, parts, "status.readyReplicas", statusPath, errors);
  validateCollisionCount(status, current.status, statusPath, errors);
  return errors;
}
