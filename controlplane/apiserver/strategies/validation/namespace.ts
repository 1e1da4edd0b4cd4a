/** Namespaces: their finalizers, and that phase and deletion mark agree. */
import type { Namespace } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { qualifiedNameProblems } from "#pkg/api/names.ts";
import { isStandardFinalizer } from "../define-strategy.ts";
import { FieldErrors } from "./field-errors.ts";

const finalizersPath = new FieldPath("spec", "finalizers");

export function validateNamespace(namespace: Namespace): FieldErrors {
  const errors = new FieldErrors();
  for (const name of namespace.spec?.finalizers ?? []) validateFinalizer(name, finalizersPath, errors);
  return errors;
}

export function validateFinalize(next: Namespace): FieldErrors {
  const errors = new FieldErrors();
  for (const [index, name] of (next.spec?.finalizers ?? []).entries()) {
    validateFinalizer(name, finalizersPath.index(index), errors);
  }
  return errors;
}

function validateFinalizer(name: string, at: FieldPath, errors: FieldErrors): void {
  errors.problems(at, name, qualifiedNameProblems(name));
  if (!name.includes("/") && !isStandardFinalizer(name)) {
    errors.invalid(at, name, "name is neither a standard finalizer name nor is it fully qualified");
  }
}

export function validateNamespaceStatus({ metadata, status }: Namespace): FieldErrors {
  const errors = new FieldErrors();
  const path = new FieldPath("status", "Phase");
  const phase = status?.phase ?? "";
  if (!metadata.deletionTimestamp && phase !== "Active") {
    errors.invalid(path, phase, "may only be 'Active' if `deletionTimestamp` is empty");
  }
  if (metadata.deletionTimestamp && phase !== "Terminating") {
    errors.invalid(path, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty");
  }
  return errors;
}
