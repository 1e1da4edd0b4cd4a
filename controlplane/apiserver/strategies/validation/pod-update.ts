/**
 * What may change about a pod once it is made: nearly nothing through the pod itself, ephemeral containers and resources
 * through subresources of their own.
 */
import type * as core from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { inRangeProblems } from "#pkg/api/names.ts";
import { optionalTypeEqual, typeEqual } from "../type-equal.ts";
import { FieldErrors } from "./field-errors.ts";
import { validatePodAnew } from "./pod.ts";
import { mirrorAnnotation, validatePodAnnotationUpdate } from "./pod-annotations.ts";

const specPath = new FieldPath("spec");
const annotationsPath = new FieldPath("metadata", "annotations");
const changeable = [
  "`spec.containers[*].image`",
  "`spec.initContainers[*].image`",
  "`spec.activeDeadlineSeconds`",
  "`spec.tolerations` (only additions to existing tolerations)",
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
].join(",");

export function validatePodUpdate(next: core.Pod, current: core.Pod): FieldErrors {
  const errors = validatePodAnew(next);
  validatePodAnnotationUpdate(next.metadata.annotations, current.metadata.annotations, annotationsPath, errors);
  for (const list of ["containers", "initContainers"] as const) {
    if ((next.spec[list]?.length ?? 0) !== (current.spec[list]?.length ?? 0)) {
      errors.forbidden(specPath.child(list), "pod updates may not add or remove containers");
      return errors;
    }
  }
  if (!validateDeadline(next, current, errors)) return errors;
  validateAddedTolerations(next.spec.tolerations ?? [], current.spec.tolerations ?? [], errors);
  validateRemovedGates(next.spec, current.spec, errors);
  if (typeEqual("core/v1.PodSpec", next.spec, current.spec)) return errors;
  const masked = maskChangeable(next.spec, current.spec);
  if (current.spec.schedulingGates?.length) maskForGatedPod(masked, current.spec, errors);
  if (!typeEqual("core/v1.PodSpec", masked, current.spec)) {
    const changed = changedFields(masked, current.spec);
    errors.forbidden(specPath, `pod updates may not change fields other than ${changeable}\n${changed}`);
  }
  return errors;
}

/** The deadline may come, and come nearer. False: upstream looks no further. */
function validateDeadline(next: core.Pod, current: core.Pod, errors: FieldErrors): boolean {
  const path = specPath.child("activeDeadlineSeconds");
  const { activeDeadlineSeconds: after } = next.spec;
  const { activeDeadlineSeconds: before } = current.spec;
  if (after == null) {
    if (before != null) errors.invalid(path, null, "must not update from a positive integer to nil value");
    return true;
  }
  const problems = inRangeProblems(after, 0, 2 ** 31 - 1);
  errors.problems(path, after, problems);
  if (problems.length > 0) return false;
  if (before == null || after <= before) return true;
  errors.invalid(path, after, "must be less than or equal to previous value");
  return false;
}

function validateAddedTolerations(
  next: readonly core.Toleration[],
  current: readonly core.Toleration[],
  errors: FieldErrors,
): void {
  const isKept = (old: core.Toleration): boolean =>
    next.some((one) => {
      const sameSeconds = { ...old, tolerationSeconds: one.tolerationSeconds };
      return typeEqual("core/v1.Toleration", one, sameSeconds);
    });
  if (current.every(isKept)) return;
  errors.forbidden(
    specPath.child("tolerations"),
    "existing toleration can not be modified except its tolerationSeconds",
  );
}

function validateRemovedGates(next: core.PodSpec, current: core.PodSpec, errors: FieldErrors): void {
  const known = new Set((current.schedulingGates ?? []).map((gate) => gate.name));
  for (const [index, { name }] of (next.schedulingGates ?? []).entries()) {
    if (known.has(name)) continue;
    const path = specPath.child("schedulingGates").index(index).child("name");
    errors.forbidden(path, `only deletion is allowed, but found new scheduling gate '${name}'`);
  }
}

/** The new spec with everything that may change put back. */
function maskChangeable(next: core.PodSpec, current: core.PodSpec): core.PodSpec {
  const withOldImages = (list: "containers" | "initContainers"): core.Container[] =>
    (next[list] ?? []).map((container, index) => ({ ...container, image: current[list]?.[index]?.image }));
  const { terminationGracePeriodSeconds: grace } = current;
  return {
    ...next,
    containers: withOldImages("containers"),
    initContainers: withOldImages("initContainers"),
    activeDeadlineSeconds: current.activeDeadlineSeconds,
    schedulingGates: current.schedulingGates,
    tolerations: current.tolerations,
    terminationGracePeriodSeconds:
      grace !== undefined && grace < 0 && next.terminationGracePeriodSeconds === 1
        ? grace
        : next.terminationGracePeriodSeconds,
  };
}

/** While the scheduler may not look at a pod, where it may run can still be narrowed. */
function maskForGatedPod(masked: core.PodSpec, current: core.PodSpec, errors: FieldErrors): void {
  const selector = current.nodeSelector ?? {};
  for (const [key, value] of Object.entries(selector)) {
    if (masked.nodeSelector?.[key] === value) continue;
    const why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
    errors.invalid(specPath.child("nodeSelector"), masked.nodeSelector ?? {}, why);
    break;
  }
  masked.nodeSelector = current.nodeSelector;
  const before = current.affinity?.nodeAffinity;
  const after = masked.affinity?.nodeAffinity;
  if (optionalTypeEqual("core/v1.NodeAffinity", after, before)) return;
  validateNarrowedAffinity(after, before, errors);
  const rest = { ...masked.affinity, nodeAffinity: before };
  const isEmpty = Object.values(rest).every((value) => value == null);
  masked.affinity = isEmpty && !current.affinity ? undefined : rest;
}

export function validateNarrowedAffinity(
  next: core.NodeAffinity | undefined,
  current: core.NodeAffinity | undefined,
  errors: FieldErrors,
  at = specPath.child("affinity", "nodeAffinity"),
): void {
  const path = at.child("requiredDuringSchedulingIgnoredDuringExecution", "nodeSelectorTerms");
  const before = current?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  const after = next?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? [];
  if (before.length > 0 && before.length !== after.length) {
    errors.invalid(path, after, "no additions/deletions to non-empty NodeSelectorTerms list are allowed");
    return;
  }
  for (const [index, old] of before.entries()) {
    const term = after[index] ?? {};
    if (!hasOnlyAdditions(term, old)) {
      errors.invalid(path.index(index), term, "only additions are allowed (no mutations or deletions)");
    }
  }
}

function hasOnlyAdditions(next: core.NodeSelectorTerm, current: core.NodeSelectorTerm): boolean {
  const count = (term: core.NodeSelectorTerm): number =>
    (term.matchExpressions?.length ?? 0) + (term.matchFields?.length ?? 0);
  // A term without requirements matches nothing: adding one would make it match.
  if (count(current) === 0) return count(next) === 0;
  return (["matchExpressions", "matchFields"] as const).every((list) =>
    (current[list] ?? []).every((old, index) =>
      optionalTypeEqual("core/v1.NodeSelectorRequirement", next[list]?.[index], old),
    ),
  );
}

/** The names of the fields that differ, for the message: a diff would be read by nobody. */
function changedFields(next: core.PodSpec, current: core.PodSpec): string {
  const keys = [...new Set([...Object.keys(next), ...Object.keys(current)])] as (keyof core.PodSpec)[];
  const one = (spec: core.PodSpec, key: keyof core.PodSpec) => ({ [key]: spec[key] });
  return keys
    .filter((key) => !typeEqual("core/v1.PodSpec", one(next, key), one(current, key)))
    .map((key) => `changed: spec.${key}`)
    .join("\n");
}

export function validateEphemeralContainersUpdate(next: core.Pod, current: core.Pod): FieldErrors {
  const errors = validatePodAnew(next);
  validatePodAnnotationUpdate(next.metadata.annotations, current.metadata.annotations, annotationsPath, errors);
  if (current.metadata.annotations?.[mirrorAnnotation] !== undefined) {
    const refusal = new FieldErrors();
    refusal.forbidden(new FieldPath("[]"), "static pods do not support ephemeral containers");
    return refusal;
  }
  const path = specPath.child("ephemeralContainers");
  const byName = new Map((next.spec.ephemeralContainers ?? []).map((container) => [container.name, container]));
  for (const old of current.spec.ephemeralContainers ?? []) {
    const container = byName.get(old.name);
    const what = `existing ephemeral containers "${old.name}" may not be`;
    if (!container) errors.forbidden(path, `${what} removed\n`);
    else if (!typeEqual("core/v1.EphemeralContainer", container, old)) errors.forbidden(path, `${what} changed\n`);
  }
  return errors;
}
