/** References to objects of any kind by group, kind and name: all of them become parts of a path. */
import type { FieldPath } from "#pkg/api/field.ts";
import { dns1123SubdomainProblems, pathSegmentProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";

interface TypedReference {
  readonly apiGroup?: string | undefined;
  readonly kind?: string | undefined;
  readonly name?: string | undefined;
}

/** The group may be absent, kind and name may not. */
export function validateTypedReference(reference: TypedReference, at: FieldPath, errors: FieldErrors): void {
  const { apiGroup, kind, name } = reference;
  if (apiGroup != null) errors.problems(at.child("apiGroup"), apiGroup, dns1123SubdomainProblems(apiGroup));
  validatePathPart(kind, at.child("kind"), errors);
  validatePathPart(name, at.child("name"), errors);
}

export function validatePathPart(text: string | undefined, at: FieldPath, errors: FieldErrors, detail = ""): void {
  errors.named(at, text, (value) => pathSegmentProblems(value), detail);
}
