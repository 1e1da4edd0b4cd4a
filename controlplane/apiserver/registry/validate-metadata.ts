/**
 * Validation of metadata that all kinds share. Pure.
 * Rules, paths and texts: k8s.io/apimachinery/pkg/api/validation/objectmeta.go.
 */
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";
import type { ObjectMeta, OwnerReference } from "#pkg/api/meta/v1.ts";
import { labelValueProblems, type NameRule, nameIsLabel, qualifiedNameProblems } from "#pkg/api/names.ts";

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";

const maxAnnotationsBytes = 256 * 1024;
const path = new FieldPath("metadata");

/** Of a new object, whose name is already generated. */
export function validateMetadata(metadata: ObjectMeta, namespaced: boolean, nameRule: NameRule): FieldError[] {
  const errors: FieldError[] = [];
  if (metadata.generateName) {
    for (const problem of nameRule(metadata.generateName, true)) {
      errors.push(fieldError.invalid(path.child("generateName"), metadata.generateName, problem));
    }
  }
  if (!metadata.name) errors.push(fieldError.required(path.child("name"), "name or generateName is required"));
  else {
    for (const problem of nameRule(metadata.name, false)) {
      errors.push(fieldError.invalid(path.child("name"), metadata.name, problem));
    }
  }
  errors.push(...validateNamespace(metadata.namespace ?? "", namespaced));
  if ((metadata.generation ?? 0) < 0) {
    errors.push(
      fieldError.invalid(path.child("generation"), metadata.generation, "must be greater than or equal to 0"),
    );
  }
  return [
    ...errors,
    ...validateLabels(metadata.labels ?? {}, path.child("labels")),
    ...validateAnnotations(metadata.annotations ?? {}, path.child("annotations")),
    ...validateOwnerReferences(metadata.ownerReferences ?? [], path.child("ownerReferences")),
    ...validateFinalizers(metadata.finalizers ?? [], path.child("finalizers")),
  ];
}

/** Of a changed object. Fields that a client may leave out must have been filled in from `current`. */
export function validateMetadataUpdate(next: ObjectMeta, current: ObjectMeta): FieldError[] {
  const errors: FieldError[] = [];
  if (current.deletionTimestamp)
    errors.push(...validateNoNewFinalizers(next.finalizers ?? [], current.finalizers ?? []));
  if (!next.resourceVersion) {
    errors.push(fieldError.invalid(path.child("resourceVersion"), "", "must be specified for an update"));
  }
  if ((next.generation ?? 0) < (current.generation ?? 0)) {
    errors.push(fieldError.invalid(path.child("generation"), next.generation ?? 0, "must not be decremented"));
  }
  for (const name of immutableFields) {
    if ((next[name] ?? "") !== (current[name] ?? "")) {
      errors.push(fieldError.invalid(path.child(name), next[name] ?? null, "field is immutable"));
    }
  }
  return [
    ...errors,
    ...validateLabels(next.labels ?? {}, path.child("labels")),
    ...validateAnnotations(next.annotations ?? {}, path.child("annotations")),
    ...validateOwnerReferences(next.ownerReferences ?? [], path.child("ownerReferences")),
  ];
}

const immutableFields = [
  "name",
  "namespace",
  "uid",
  "creationTimestamp",
  "deletionTimestamp",
  "deletionGracePeriodSeconds",
] as const;

export function validateLabels(labels: Readonly<Record<string, string>>, labelsPath: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const [key, value] of Object.entries(labels)) {
    for (const problem of qualifiedNameProblems(key)) errors.push(fieldError.invalid(labelsPath, key, problem));
    for (const problem of labelValueProblems(value)) errors.push(fieldError.invalid(labelsPath, value, problem));
  }
  return errors;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>>,
  annotationsPath: FieldPath,
): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    // The rule is that of labels, but capital letters may stand anywhere.
    for (const problem of qualifiedNameProblems(key.toLowerCase())) {
      errors.push(fieldError.invalid(annotationsPath, key, problem));
    }
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (bytes > maxAnnotationsBytes) errors.push(fieldError.tooLong(annotationsPath, maxAnnotationsBytes));
  return errors;
}

function validateNamespace(namespace: string, namespaced: boolean): FieldError[] {
  const namespacePath = path.child("namespace");
  if (!namespaced) return namespace ? [fieldError.forbidden(namespacePath, "not allowed on this type")] : [];
  if (!namespace) return [fieldError.required(namespacePath)];
  return nameIsLabel(namespace, false).map((problem) => fieldError.invalid(namespacePath, namespace, problem));
}

function validateOwnerReferences(references: readonly OwnerReference[], referencesPath: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  let controller = "";
  for (const reference of references) {
    errors.push(...validateOwnerReference(reference, referencesPath));
    if (reference.controller !== true) continue;
    const name = `${reference.kind}/${reference.name}`;
    if (controller) {
      const why = `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`;
      errors.push(fieldError.invalid(referencesPath, references, why));
    } else controller = name;
  }
  return errors;
}

function validateOwnerReference(reference: OwnerReference, referencePath: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  const { apiVersion = "", kind = "", name = "", uid = "" } = reference;
  if (apiVersion === "" || apiVersion.endsWith("/")) {
    errors.push(fieldError.invalid(referencePath.child("apiVersion"), apiVersion, "version must not be empty"));
  }
  for (const [field, value] of Object.entries({ kind, name, uid })) {
    if (value === "") errors.push(fieldError.invalid(referencePath.child(field), value, "must not be empty"));
  }
  if (apiVersion === "v1" && kind === "Event") {
    errors.push(fieldError.invalid(referencePath, reference, "/v1, Kind=Event is disallowed from being an owner"));
  }
  return errors;
}

function validateFinalizers(finalizers: readonly string[], finalizersPath: FieldPath): FieldError[] {
  const errors: FieldError[] = [];
  for (const finalizer of finalizers) {
    for (const problem of qualifiedNameProblems(finalizer)) {
      errors.push(fieldError.invalid(finalizersPath, finalizer, problem));
    }
  }
  if (finalizers.includes(orphanFinalizer) && finalizers.includes(foregroundFinalizer)) {
    const why = `finalizer ${orphanFinalizer} and ${foregroundFinalizer} cannot be both set`;
    errors.push(fieldError.invalid(finalizersPath, finalizers, why));
  }
  return errors;
}

function validateNoNewFinalizers(next: readonly string[], current: readonly string[]): FieldError[] {
  const extra = [...new Set(next)].filter((finalizer) => !current.includes(finalizer)).sort();
  if (extra.length === 0) return [];
  const shown = `[]string{${extra.map((finalizer) => JSON.stringify(finalizer)).join(", ")}}`;
  return [
    fieldError.forbidden(
      path.child("finalizers"),
      `no new finalizers can be added if the object is being deleted, found new finalizers ${shown}`,
    ),
  ];
}
