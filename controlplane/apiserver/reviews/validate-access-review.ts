/** Validation of access reviews, with upstream's paths and texts. Pure. */
import type {
  FieldSelectorAttributes,
  LabelSelectorAttributes,
  SubjectAccessReviewSpec,
} from "#pkg/api/authorization/v1.ts";
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";
import type { ObjectMeta } from "#pkg/api/meta/v1.ts";

type Spec = Partial<SubjectAccessReviewSpec> | undefined;

export function validateReviewSpec(
  spec: Spec,
  { needsSubject }: { readonly needsSubject: boolean },
): readonly FieldError[] {
  const path = new FieldPath("spec");
  const { resourceAttributes, nonResourceAttributes } = spec ?? {};
  const errors: FieldError[] = [];
  if (resourceAttributes && nonResourceAttributes) {
    const detail = "cannot be specified in combination with resourceAttributes";
    errors.push(fieldError.invalid(path.child("nonResourceAttributes"), nonResourceAttributes, detail));
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    const detail = "exactly one of nonResourceAttributes or resourceAttributes must be specified";
    errors.push(fieldError.invalid(path.child("resourceAttributes"), null, detail));
  }
  if (needsSubject && !spec?.user && !spec?.groups?.length) {
    errors.push(
      fieldError.invalid(path.child("user"), spec?.user ?? "", "at least one of user or group must be specified"),
    );
  }
  const attributesPath = path.child("resourceAttributes");
  errors.push(...validateSelector(resourceAttributes?.fieldSelector, attributesPath.child("fieldSelector")));
  errors.push(...validateSelector(resourceAttributes?.labelSelector, attributesPath.child("labelSelector")));
  return errors;
}

/** A review is not stored, so it carries nothing that only stored objects have. */
export function validateEmptyMetadata(
  metadata: ObjectMeta | undefined,
  { allowsNamespace }: { readonly allowsNamespace: boolean },
): readonly FieldError[] {
  const ignored = allowsNamespace ? ["namespace", "managedFields"] : ["managedFields"];
  const set = Object.entries(metadata ?? {}).filter(
    ([name, value]) => !ignored.includes(name) && value !== undefined && value !== null && value !== "",
  );
  if (set.length === 0) return [];
  const detail = allowsNamespace ? "must be empty except for namespace" : "must be empty";
  return [fieldError.invalid(new FieldPath("metadata"), metadata, detail)];
}

export function validateLocalScope(spec: Spec, namespace: string): readonly FieldError[] {
  const path = new FieldPath("spec");
  const errors: FieldError[] = [];
  const { resourceAttributes, nonResourceAttributes } = spec ?? {};
  if (resourceAttributes && (resourceAttributes.namespace ?? "") !== namespace) {
    const where = path.child("resourceAttributes", "namespace");
    errors.push(fieldError.invalid(where, resourceAttributes.namespace ?? "", "must match metadata.namespace"));
  }
  if (nonResourceAttributes) {
    const detail = "disallowed on this kind of request";
    errors.push(fieldError.invalid(path.child("nonResourceAttributes"), nonResourceAttributes, detail));
  }
  return errors;
}

function validateSelector(
  selector: FieldSelectorAttributes | LabelSelectorAttributes | undefined,
  path: FieldPath,
): readonly FieldError[] {
  if (!selector) return [];
  const hasRaw = Boolean(selector.rawSelector);
  const hasRequirements = Boolean(selector.requirements?.length);
  if (hasRaw && hasRequirements) {
    const detail = "may not specified at the same time as requirements";
    return [fieldError.invalid(path.child("rawSelector"), selector.rawSelector, detail)];
  }
  if (hasRaw || hasRequirements) return [];
  return [
    fieldError.required(
      path.child("requirements"),
      `when ${path} is specified, requirements or rawSelector is required`,
    ),
  ];
}
