/** A pod as a whole: on creation, and the parts of it that every update is judged by again. */
import type * as core from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { nameIsSubdomain } from "#pkg/api/names.ts";
import { validateImageSpaces } from "./containers.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateAnnotationMap, validateLabelMap } from "./label-selectors.ts";
import { mirrorAnnotation, validatePodAnnotations, validateProfilesMatch } from "./pod-annotations.ts";
import { templateOwner, validatePodSpec } from "./pod-spec.ts";

const metadataPath = new FieldPath("metadata");
const specPath = new FieldPath("spec");

export function validatePod(pod: core.Pod): FieldErrors {
  const errors = validatePodAnew(pod);
  const { spec } = pod;
  if (spec.ephemeralContainers?.length) {
    errors.forbidden(specPath.child("ephemeralContainers"), "cannot be set on create");
  }
  if (spec.nodeName && spec.schedulingGates?.length) {
    errors.forbidden(specPath.child("nodeName"), "cannot be set until all schedulingGates have been cleared");
  }
  validateProfilesMatch(pod.metadata, spec, specPath, errors);
  return errors;
}

/** What must hold for a pod at any time. */
export function validatePodAnew(pod: core.Pod): FieldErrors {
  const errors = new FieldErrors();
  const { spec, metadata } = pod;
  validatePodAnnotations(metadata.annotations, spec, metadataPath.child("annotations"), errors);
  const isMirror = metadata.annotations?.[mirrorAnnotation] !== undefined;
  validatePodSpec(spec, { podName: metadata.name, isPod: true, isMirror }, specPath, errors);
  if (!spec.serviceAccountName) validateNoTokens(spec, errors);
  for (const list of ["containers", "initContainers"] as const) {
    for (const [index, container] of (spec[list] ?? []).entries()) {
      validateImageSpaces(container, specPath.child(list).index(index), errors);
    }
  }
  return errors;
}

function validateNoTokens(spec: core.PodSpec, errors: FieldErrors): void {
  for (const [index, { projected }] of (spec.volumes ?? []).entries()) {
    for (const [position, { serviceAccountToken }] of (projected?.sources ?? []).entries()) {
      if (!serviceAccountToken) continue;
      const path = specPath.child("volumes").index(index).child("projected", "sources").index(position);
      errors.forbidden(path.child("serviceAccountToken"), "must not be specified when serviceAccountName is not set");
    }
  }
}

/** The template of a controller, at `at`. */
export function validatePodTemplate(template: core.PodTemplateSpec, at: FieldPath, errors: FieldErrors): void {
  const { metadata, spec } = template;
  validateLabelMap(metadata?.labels, at.child("labels"), errors);
  validateAnnotationMap(metadata?.annotations, at.child("annotations"), errors);
  validatePodAnnotations(metadata?.annotations, spec, at.child("annotations"), errors);
  validatePodSpec(spec, templateOwner, at.child("spec"), errors);
  validateProfilesMatch(metadata, spec, at.child("spec"), errors);
  if (spec.ephemeralContainers?.length) {
    errors.forbidden(at.child("spec", "ephemeralContainers"), "ephemeral containers not allowed in pod template");
  }
}

/** What a scheduler sends to put a pod on a node. */
export function validateBinding({ target }: core.Binding): FieldErrors {
  const errors = new FieldErrors();
  const path = new FieldPath("target");
  if (target?.kind && target.kind !== "Node") errors.notSupported(path.child("kind"), target.kind, ["Node", "<empty>"]);
  if (!target?.name) errors.required(path.child("name"));
  else errors.problems(path.child("name"), target.name, nameIsSubdomain(target.name, false));
  return errors;
}
