/** Roles and bindings. Their names may hold colons: only what would break a URL path is refused. */
import type { FieldPath } from "#pkg/api/field.ts";
import { FieldPath as Path } from "#pkg/api/field.ts";
import { nameIsPathSegment } from "#pkg/api/names.ts";
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from "#pkg/api/rbac/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { plainEqual } from "./plain-equal.ts";
import { FieldErrors } from "./validation/field-errors.ts";
import { validateLabelSelector } from "./validation/label-selectors.ts";

const rbacGroup = "rbac.authorization.k8s.io";

export const roleStrategy = defineStrategy<Role>("rbac/v1.Role", {
  validateName: nameIsPathSegment,
  validate: (role) => validateRules(role.rules, true),
});

export const clusterRoleStrategy = defineStrategy<ClusterRole>("rbac/v1.ClusterRole", {
  validateName: nameIsPathSegment,
  validate: (role) => {
    const errors = validateRules(role.rules, false);
    if (role.aggregationRule) validateAggregation(role, errors);
    return errors;
  },
});

export const roleBindingStrategy = defineStrategy<RoleBinding>("rbac/v1.RoleBinding", {
  validateName: nameIsPathSegment,
  validate: (binding) => validateBinding(binding, true),
  validateUpdate: (next, current) => withFixedRole(validateBinding(next, true), next.roleRef, current.roleRef),
});

export const clusterRoleBindingStrategy = defineStrategy<ClusterRoleBinding>("rbac/v1.ClusterRoleBinding", {
  validateName: nameIsPathSegment,
  validate: (binding) => validateBinding(binding, false),
  validateUpdate: (next, current) => withFixedRole(validateBinding(next, false), next.roleRef, current.roleRef),
});

function validateRules(rules: readonly PolicyRule[] | undefined, isNamespaced: boolean): FieldErrors {
  const errors = new FieldErrors();
  for (const [index, rule] of (rules ?? []).entries())
    validateRule(rule, isNamespaced, new Path("rules").index(index), errors);
  return errors;
}

function validateRule(rule: PolicyRule, isNamespaced: boolean, at: FieldPath, errors: FieldErrors): void {
  if ((rule.verbs ?? []).length === 0) errors.required(at.child("verbs"), "verbs must contain at least one value");
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length > 0) {
    if (isNamespaced)
      errors.invalid(at.child("nonResourceURLs"), urls, "namespaced rules cannot apply to non-resource URLs");
    if ([rule.apiGroups, rule.resources, rule.resourceNames].some((list) => (list ?? []).length > 0)) {
      errors.invalid(
        at.child("nonResourceURLs"),
        urls,
        "rules cannot apply to both regular resources and non-resource URLs",
      );
    }
    return;
  }
  if ((rule.apiGroups ?? []).length === 0)
    errors.required(at.child("apiGroups"), "resource rules must supply at least one api group");
  if ((rule.resources ?? []).length === 0)
    errors.required(at.child("resources"), "resource rules must supply at least one resource");
}

function validateAggregation(role: ClusterRole, errors: FieldErrors): void {
  const at = new Path("aggregationRule", "clusterRoleSelectors");
  const selectors = role.aggregationRule?.clusterRoleSelectors ?? [];
  if (selectors.length === 0)
    errors.required(at, "at least one clusterRoleSelector required if aggregationRule is non-nil");
  for (const [index, selector] of selectors.entries()) validateLabelSelector(selector, at.index(index), errors);
}

interface Binding {
  readonly roleRef: RoleRef;
  readonly subjects?: readonly Subject[] | undefined;
}

function validateBinding(binding: Binding, isNamespaced: boolean): FieldErrors {
  const errors = new FieldErrors();
  const at = new Path("roleRef");
  const { apiGroup, kind, name } = binding.roleRef;
  if (apiGroup !== rbacGroup) errors.notSupported(at.child("apiGroup"), apiGroup ?? "", [rbacGroup]);
  const kinds = isNamespaced ? ["ClusterRole", "Role"] : ["ClusterRole"];
  if (!kinds.includes(kind)) errors.notSupported(at.child("kind"), kind, kinds);
  if (!name) errors.required(at.child("name"));
  else errors.problems(at.child("name"), name, nameIsPathSegment(name, false));
  for (const [index, subject] of (binding.subjects ?? []).entries()) {
    validateSubject(subject, isNamespaced, new Path("subjects").index(index), errors);
  }
  return errors;
}

function validateSubject(subject: Subject, isNamespaced: boolean, at: FieldPath, errors: FieldErrors): void {
  if (!subject.name) errors.required(at.child("name"));
  switch (subject.kind) {
    case "ServiceAccount":
      if (subject.name) errors.dnsSubdomain(at.child("name"), subject.name);
      if (subject.apiGroup) errors.notSupported(at.child("apiGroup"), subject.apiGroup, [""]);
      if (!isNamespaced && !subject.namespace) errors.required(at.child("namespace"));
      break;
    case "User":
    case "Group":
      if (subject.apiGroup !== rbacGroup)
        errors.notSupported(at.child("apiGroup"), subject.apiGroup ?? "", [rbacGroup]);
      break;
    default:
      errors.notSupported(at.child("kind"), subject.kind, ["ServiceAccount", "User", "Group"]);
  }
}

function withFixedRole(errors: FieldErrors, next: RoleRef, current: RoleRef): FieldErrors {
  if (!plainEqual(next, current)) errors.invalid(new Path("roleRef"), next, "cannot change roleRef");
  return errors;
}
