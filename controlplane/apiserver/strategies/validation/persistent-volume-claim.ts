/** Claims of storage. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type * as core from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";
import { dns1123SubdomainProblems, nameIsLabel, nameIsSubdomain, qualifiedNameProblems } from "#pkg/api/names.ts";
import { typeEqual } from "../type-equal.ts";
import { FieldErrors, negativeText, notPositiveText } from "./field-errors.ts";
import { validateAnnotationMap, validateLabelMap, validateLabelSelector } from "./label-selectors.ts";
import { amountOf, isNativeResource, validateAmount } from "./resource-names.ts";

export const accessModes = ["ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod"];
export const volumeModes = ["Block", "Filesystem"];
const betaClassAnnotation = "volume.beta.kubernetes.io/storage-class";
const spec = new FieldPath("spec");

export function validateClaim(claim: core.PersistentVolumeClaim): FieldErrors {
  const errors = new FieldErrors();
  validateClaimSpec(claim.spec, spec, errors);
  return errors;
}

/** The claim inside an ephemeral volume: labels and annotations are all its metadata may hold. */
export function validateClaimTemplate(
  template: core.PersistentVolumeClaimTemplate,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateTemplateMetadata(template.metadata ?? {}, at.child("metadata"), errors);
  validateClaimSpec(template.spec, at.child("spec"), errors);
}

export function validateTemplateMetadata(metadata: ObjectMeta, at: FieldPath, errors: FieldErrors): void {
  const { labels, annotations, ...others } = metadata;
  validateAnnotationMap(annotations, at.child("annotations"), errors);
  validateLabelMap(labels, at.child("labels"), errors);
  for (const [field, value] of Object.entries(others)) {
    if (value && !(Array.isArray(value) && value.length === 0)) errors.forbidden(at.child(field), "cannot be set");
  }
}

export function validateAccessModes(modes: readonly string[] | undefined, at: FieldPath, errors: FieldErrors): void {
  for (const mode of modes ?? []) if (!accessModes.includes(mode)) errors.notSupported(at, mode, accessModes);
  const isExclusive = modes?.includes("ReadWriteOncePod") ?? false;
  const hasOthers = (modes ?? []).some((mode) => mode !== "ReadWriteOncePod" && accessModes.includes(mode));
  if (isExclusive && hasOthers) errors.forbidden(at, "may not use ReadWriteOncePod with other access modes");
}

export function validateClaimSpec(claim: core.PersistentVolumeClaimSpec, at: FieldPath, errors: FieldErrors): void {
  if (!claim.accessModes?.length) errors.required(at.child("accessModes"), "at least 1 access mode is required");
  validateLabelSelector(claim.selector, at.child("selector"), errors);
  validateAccessModes(claim.accessModes, at.child("accessModes"), errors);
  validateRequestedStorage(claim.resources?.requests?.["storage"], at.child("resources").key("storage"), errors);
  validateClassName(claim.storageClassName, at.child("storageClassName"), errors);
  errors.supported(at.child("volumeMode"), claim.volumeMode, volumeModes);
  validateDataSources(claim, at, errors);
  validateClassName(claim.volumeAttributesClassName, at.child("volumeAttributesClassName"), errors);
}

function validateRequestedStorage(text: string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (text === undefined) {
    errors.required(at);
    return;
  }
  const amount = amountOf(text);
  if (amount.sign <= 0) errors.invalid(at, amount.toString(), notPositiveText);
  else validateAmount("storage", amount, at, errors);
}

/** Absent and empty are good. */
export function validateClassName(name: string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (name) errors.problems(at, name, nameIsSubdomain(name, false));
}

type DataSource = core.TypedLocalObjectReference & { readonly namespace?: string | undefined };

function validateDataSources(claim: core.PersistentVolumeClaimSpec, at: FieldPath, errors: FieldErrors): void {
  const { dataSource, dataSourceRef } = claim;
  if (dataSource) validateDataSource(dataSource, at.child("dataSource"), errors);
  if (dataSourceRef) validateDataSource(dataSourceRef, at.child("dataSourceRef"), errors);
  if (!dataSource || !dataSourceRef) return;
  if (dataSourceRef.namespace) {
    errors.invalid(
      at,
      at.child("dataSource").toString(),
      "may not be specified when dataSourceRef.namespace is specified",
    );
  } else if (!typeEqual("core/v1.TypedLocalObjectReference", dataSource, dataSourceRef)) {
    errors.invalid(at, at.child("dataSource").toString(), "must match dataSourceRef");
  }
}

function validateDataSource(source: DataSource, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("name"), source.name);
  errors.filled(at.child("kind"), source.kind);
  if (!source.apiGroup && source.kind !== "PersistentVolumeClaim") {
    errors.invalid(at, source.kind ?? "", "must be 'PersistentVolumeClaim' when referencing the default apiGroup");
  }
  if (source.apiGroup)
    errors.problems(at.child("apiGroup"), source.apiGroup, dns1123SubdomainProblems(source.apiGroup));
  if (source.namespace) errors.problems(at.child("namespace"), source.namespace, nameIsLabel(source.namespace, false));
}

/** A claim is fixed once made, except for its volume, its size and its attributes class. */
export function validateClaimUpdate(
  next: core.PersistentVolumeClaim,
  current: core.PersistentVolumeClaim,
): FieldErrors {
  const errors = validateClaim(next);
  const isBound = next.status?.phase === "Bound";
  const masked = { ...next.spec };
  if (!current.spec.volumeName) masked.volumeName = current.spec.volumeName;
  maskStorageClass(masked, next, current, errors);
  if (isBound) {
    masked.volumeAttributesClassName = current.spec.volumeAttributesClassName;
    if (masked.resources?.requests) {
      const { storage = "0" } = current.spec.resources?.requests ?? {};
      masked.resources = { ...masked.resources, requests: { ...masked.resources.requests, storage } };
    }
  }
  if (!typeEqual("core/v1.PersistentVolumeClaimSpec", masked, current.spec)) {
    errors.forbidden(
      spec,
      "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims",
    );
  }
  validateResize(next, current, errors);
  errors.immutable(new FieldPath("volumeMode"), next.spec.volumeMode, current.spec.volumeMode);
  validateAttributesClassChange(next, current, errors);
  return errors;
}

/** The class may move from the old annotation into its field, and be set where there was none. */
function maskStorageClass(
  masked: core.PersistentVolumeClaimSpec,
  next: core.PersistentVolumeClaim,
  current: core.PersistentVolumeClaim,
  errors: FieldErrors,
): void {
  const old = current.metadata.annotations?.[betaClassAnnotation];
  const wanted = next.metadata.annotations?.[betaClassAnnotation];
  const { storageClassName: before } = current.spec;
  const { storageClassName: after } = next.spec;
  if (old !== undefined && before == null && after === old && (wanted === undefined || wanted === old)) {
    masked.storageClassName = undefined;
    return;
  }
  errors.immutable(new FieldPath("metadata", "annotations", betaClassAnnotation), wanted, old);
  if (before == null && after != null && (old === undefined || after === old)) masked.storageClassName = undefined;
}

function validateResize(
  next: core.PersistentVolumeClaim,
  current: core.PersistentVolumeClaim,
  errors: FieldErrors,
): void {
  const wanted = amountOf(next.spec.resources?.requests?.["storage"]);
  if (wanted.compare(amountOf(current.spec.resources?.requests?.["storage"])) >= 0) return;
  if (wanted.compare(amountOf(current.status?.capacity?.["storage"])) <= 0) {
    errors.forbidden(spec.child("resources", "requests", "storage"), "field can not be less than status.capacity");
  }
}

function validateAttributesClassChange(
  next: core.PersistentVolumeClaim,
  current: core.PersistentVolumeClaim,
  errors: FieldErrors,
): void {
  const { volumeAttributesClassName: wanted } = next.spec;
  if (wanted || current.status?.currentVolumeAttributesClassName == null) return;
  if (wanted === (current.spec.volumeAttributesClassName ?? undefined)) return;
  const how = wanted == null ? "nil" : "empty string";
  errors.forbidden(
    spec.child("volumeAttributesClassName"),
    `update to ${how} is forbidden when status.currentVolumeAttributesClassName is not nil`,
  );
}

const resizeStates = [
  "ControllerResizeInProgress",
  "ControllerResizeInfeasible",
  "NodeResizeInProgress",
  "NodeResizeInfeasible",
  "NodeResizePending",
];

export function validateClaimStatusUpdate(next: core.PersistentVolumeClaim): FieldErrors {
  const errors = new FieldErrors();
  if (!next.spec.accessModes?.length) errors.required(new FieldPath("Spec", "accessModes"));
  const { capacity, allocatedResourceStatuses, allocatedResources } = next.status ?? {};
  const status = new FieldPath("status");
  for (const [name, text] of Object.entries(capacity ?? {})) {
    const amount = amountOf(text);
    if (amount.sign < 0) {
      const path = status.child("capacity").key(name);
      errors.invalid(path, Number(amount.value()), "must be a valid resource quantity");
    }
  }
  for (const [name, state] of Object.entries(allocatedResourceStatuses ?? {})) {
    const path = status.child("allocatedResourceStatuses");
    validateClaimResourceKey(name, path, errors);
    if (!resizeStates.includes(state)) errors.notSupported(path, name, resizeStates);
  }
  for (const [name, text] of Object.entries(allocatedResources ?? {})) {
    const path = status.child("allocatedResources");
    validateClaimResourceKey(name, path, errors);
    const amount = amountOf(text);
    if (amount.sign < 0) errors.invalid(path.key(name), amount.toString(), negativeText);
  }
  return errors;
}

function validateClaimResourceKey(name: string, at: FieldPath, errors: FieldErrors): void {
  const problems = qualifiedNameProblems(name);
  errors.problems(at, name, problems);
  if (problems.length === 0 && isNativeResource(name) && name !== "storage") errors.notSupported(at, name, ["storage"]);
}
