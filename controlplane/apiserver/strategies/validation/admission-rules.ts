/** What admission webhooks and policies look at. Source: pkg/apis/admissionregistration/validation (v1.36). */
import type * as admission from "#pkg/api/admissionregistration/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { pathSegmentProblems, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateLabelSelector } from "./label-selectors.ts";

export const failurePolicies = ["Fail", "Ignore"];
export const matchPolicies = ["Equivalent", "Exact"];
export const reinvocationPolicies = ["IfNeeded", "Never"];
const operations = ["*", "CONNECT", "CREATE", "DELETE", "UPDATE"];
const mutatingOperations = ["*", "CONNECT", "CREATE", "UPDATE"];
const scopes = ["*", "Cluster", "Namespaced"];
const mostConditions = 64;

export function validateRule(rule: admission.RuleWithOperations, at: FieldPath, errors: FieldErrors): void {
  const given = rule.operations ?? [];
  validateAlone(given, "operations", at.child("operations"), errors);
  for (const [index, operation] of given.entries()) {
    if (!operations.includes(operation))
      errors.notSupported(at.child("operations").index(index), operation, operations);
  }
  validateAlone(rule.apiGroups ?? [], "API groups", at.child("apiGroups"), errors);
  const versions = rule.apiVersions ?? [];
  validateAlone(versions, "API versions", at.child("apiVersions"), errors);
  for (const [index, version] of versions.entries()) errors.filled(at.child("apiVersions").index(index), version);
  validateResources(rule.resources ?? [], at.child("resources"), errors);
  if (rule.scope != null && !scopes.includes(rule.scope)) errors.notSupported(at.child("scope"), rule.scope, scopes);
}

/** At least one, and "*" only by itself. */
function validateAlone(list: readonly string[], what: string, at: FieldPath, errors: FieldErrors): void {
  if (list.length === 0) errors.required(at);
  if (list.length > 1 && list.includes("*")) {
    errors.invalid(at, list, `if '*' is present, must not specify other ${what}`);
  }
}

/** "*" and its kin may not stand beside what they cover. */
function validateResources(resources: readonly string[], at: FieldPath, errors: FieldErrors): void {
  if (resources.length === 0) errors.required(at);
  const [wholes, subs] = [new Set<string>(), new Set<string>()];
  let endsWithPlain = false;
  for (const [index, text] of resources.entries()) {
    if (!text) {
      errors.required(at.index(index));
      continue;
    }
    const slash = text.indexOf("/");
    if (slash < 0) {
      endsWithPlain = text !== "*";
      continue;
    }
    const [resource, sub] = [text.slice(0, slash), text.slice(slash + 1)];
    if (wholes.has(resource)) {
      errors.invalid(at.index(index), text, `if '${resource}/*' is present, must not specify ${text}`);
    }
    if (subs.has(sub)) errors.invalid(at.index(index), text, `if '*/${sub}' is present, must not specify ${text}`);
    if (sub === "*") wholes.add(resource);
    if (resource === "*") subs.add(sub);
  }
  if (resources.length > 1 && resources.includes("*/*")) {
    errors.invalid(at, resources, "if '*/*' is present, must not specify other resources");
  }
  if (resources.includes("*") && endsWithPlain) {
    errors.invalid(at, resources, "if '*' is present, must not specify other resources without subresources");
  }
}

/** The expressions themselves are compiled where they are evaluated. */
export function validateMatchConditions(
  conditions: readonly admission.MatchCondition[] | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const count = conditions?.length ?? 0;
  if (count > mostConditions) errors.tooMany(at, count, mostConditions);
  const names = new Set<string>();
  for (const [index, { name, expression }] of (conditions ?? []).entries()) {
    const one = at.index(index);
    errors.filled(one.child("expression"), expression?.trim());
    errors.named(one.child("name"), name, qualifiedNameProblems);
    if (name && names.has(name)) errors.duplicate(one.child("name"), name);
    names.add(name);
  }
}

export function validateMatchResources(
  match: admission.MatchResources | undefined,
  isMutating: boolean,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!match) return;
  const { matchPolicy, namespaceSelector, objectSelector, resourceRules = [], excludeResourceRules = [] } = match;
  errors.oneOf(at.child("matchPolicy"), matchPolicy, matchPolicies);
  for (const [name, selector] of Object.entries({ namespaceSelector, objectSelector })) {
    if (!selector) errors.required(at.child(name));
    validateLabelSelector(selector, at.child(name), errors);
  }
  for (const [name, rules] of Object.entries({ resourceRules, excludeResourceRules })) {
    for (const [index, rule] of rules.entries()) validateNamedRule(rule, at.child(name).index(index), errors);
  }
  if (!isMutating) return;
  for (const operation of resourceRules.flatMap((rule) => rule.operations ?? [])) {
    if (mutatingOperations.includes(operation)) continue;
    errors.notSupported(at.child("resourceRules", "operations"), operation, mutatingOperations);
  }
}

function validateNamedRule(rule: admission.NamedRuleWithOperations, at: FieldPath, errors: FieldErrors): void {
  const names = rule.resourceNames ?? [];
  for (const [index, name] of names.entries()) {
    const path = at.child("resourceNames").index(index);
    errors.problems(path, name, pathSegmentProblems(name));
    if (names.indexOf(name) < index) errors.duplicate(path, name);
  }
  validateRule(rule, at, errors);
}
