/** Quotas: what they count, and which objects. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type { ResourceQuota, ResourceQuotaSpec, ScopedResourceSelectorRequirement } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { FieldErrors, immutableText } from "./field-errors.ts";
import { amountOf, isQuotaResource, validateAmount, validateResourceName } from "./resource-names.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const scopesPath = specPath.child("scopes");
const compute = ["cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"];
const ofPods = new Set(["pods", ...compute]);
const countedPods = new Set(["pods"]);
const ofClaims = new Set(["persistentvolumeclaims", "requests.storage"]);

/** What each scope can be applied to. */
const scopes: Readonly<Record<string, ReadonlySet<string>>> = {
  Terminating: ofPods,
  NotTerminating: ofPods,
  BestEffort: countedPods,
  NotBestEffort: ofPods,
  PriorityClass: ofPods,
  CrossNamespacePodAffinity: ofPods,
  VolumeAttributesClass: ofClaims,
};
const withoutValues = ["BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity"];
const opposites = [
  ["BestEffort", "NotBestEffort"],
  ["Terminating", "NotTerminating"],
] as const;

export function validateResourceQuota({ spec, status }: ResourceQuota): FieldErrors {
  const errors = new FieldErrors();
  validateSpec(spec, errors);
  validateUsage(status, errors);
  return errors;
}

export function validateResourceQuotaUpdate(next: ResourceQuota, current: ResourceQuota): FieldErrors {
  const errors = new FieldErrors();
  validateSpec(next.spec, errors);
  const [before, after] = [new Set(current.spec.scopes), new Set(next.spec.scopes)];
  if (before.symmetricDifference(after).size > 0) errors.invalid(scopesPath, next.spec.scopes, immutableText);
  return errors;
}

export function validateResourceQuotaStatus({ metadata, status }: ResourceQuota): FieldErrors {
  const errors = new FieldErrors();
  if (!metadata.resourceVersion) errors.required(new FieldPath("resourceVersion"));
  validateUsage(status, errors);
  return errors;
}

function validateUsage(status: ResourceQuota["status"], errors: FieldErrors): void {
  validateAmounts(status?.hard, statusPath.child("hard"), errors);
  validateAmounts(status?.used, statusPath.child("used"), errors);
}

function validateAmounts(
  amounts: Readonly<Record<string, string>> | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [name, text] of Object.entries(amounts ?? {})) {
    const path = at.key(name);
    validateResourceName(name, path, errors);
    if (!name.includes("/") && !isQuotaResource(name)) {
      errors.invalid(path, name, "must be a standard resource for quota");
    }
    validateAmount(name, amountOf(text), path, errors);
  }
}

function validateSpec(spec: ResourceQuotaSpec, errors: FieldErrors): void {
  validateAmounts(spec.hard, specPath.child("hard"), errors);
  const given = spec.scopes ?? [];
  for (const scope of given) {
    if (!Object.hasOwn(scopes, scope)) errors.invalid(scopesPath, given, "unsupported scope");
    validateReach(spec, scope, scopesPath, given, errors);
  }
  validateOpposites(spec, given, errors);
  if (spec.scopeSelector) validateSelector(spec, spec.scopeSelector.matchExpressions ?? [], errors);
}

function validateReach(
  spec: ResourceQuotaSpec,
  scope: string,
  at: FieldPath,
  shown: unknown,
  errors: FieldErrors,
): void {
  const reach = Object.hasOwn(scopes, scope) ? scopes[scope] : undefined;
  for (const name of Object.keys(spec.hard ?? {}).sort()) {
    if (isQuotaResource(name) && reach && !reach.has(name)) {
      errors.invalid(at, shown, "unsupported scope applied to resource");
    }
  }
}

function validateOpposites(spec: ResourceQuotaSpec, given: readonly string[], errors: FieldErrors): void {
  for (const [one, other] of opposites) {
    if (given.includes(one) && given.includes(other)) {
      errors.invalid(scopesPath, spec.scopes ?? [], "conflicting scopes");
    }
  }
}

function validateSelector(
  spec: ResourceQuotaSpec,
  requirements: readonly ScopedResourceSelectorRequirement[],
  errors: FieldErrors,
): void {
  const at = specPath.child("scopeSelector", "matchExpressions");
  for (const requirement of requirements) {
    const { scopeName } = requirement;
    if (!Object.hasOwn(scopes, scopeName)) errors.invalid(at.child("scopeName"), scopeName, "unsupported scope");
    validateReach(spec, scopeName, at, spec.scopeSelector, errors);
    validateRequirement(requirement, at, errors);
  }
  validateOpposites(
    spec,
    requirements.map((one) => one.scopeName),
    errors,
  );
}

function validateRequirement(
  { scopeName, operator, values = [] }: ScopedResourceSelectorRequirement,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (withoutValues.includes(scopeName) && operator !== "Exists") {
    const why =
      "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or ResourceQuotaScopeCrossNamespacePodAffinity";
    errors.invalid(at.child("operator"), operator, why);
  }
  const path = at.child("values");
  if (operator === "In" || operator === "NotIn") {
    const why = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector";
    if (values.length === 0) errors.required(path, why);
  } else if (operator === "Exists" || operator === "DoesNotExist") {
    const why = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector";
    if (values.length > 0) errors.invalid(path, values, why);
  } else errors.invalid(at.child("operator"), operator ?? "", "not a valid selector operator");
}
