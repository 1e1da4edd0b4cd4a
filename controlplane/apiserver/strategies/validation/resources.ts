/** Requests, limits and claims of containers, of pods as a whole, and of pod overhead. */
import type { ResourceClaim, ResourceRequirements } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import type { FieldErrors } from "./field-errors.ts";
import {
  allowsOvercommit,
  amountOf,
  isHugePages,
  isPodLevelResource,
  isWholeHugePages,
  validateAmount,
  validateContainerResourceName,
  validateResourceName,
} from "./resource-names.ts";

type NameRule = (name: string, at: FieldPath, errors: FieldErrors) => void;

/** `claimNames` are those of spec.resourceClaims. */
export function validateContainerResources(
  resources: ResourceRequirements | undefined,
  claimNames: ReadonlySet<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (resources) validateRequirements(resources, validateContainerResourceName, claimNames, at, errors);
}

export function validatePodLevelRequirements(
  resources: ResourceRequirements,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateRequirements(resources, validatePodLevelName, new Set(), at, errors);
}

function validatePodLevelName(name: string, at: FieldPath, errors: FieldErrors): void {
  const before = errors.list.length;
  validateResourceName(name, at, errors);
  if (errors.list.length === before && !isPodLevelResource(name)) {
    errors.notSupported(at, name, ["cpu", "hugepages-", "memory"]);
  }
}

function validateRequirements(
  resources: ResourceRequirements,
  nameRule: NameRule,
  claimNames: ReadonlySet<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  for (const [name, text] of Object.entries(limits)) {
    validateOne(name, text, nameRule, at.child("limits").key(name), errors);
  }
  for (const [name, text] of Object.entries(requests)) {
    validateOne(name, text, nameRule, at.child("requests").key(name), errors);
    validateAgainstLimit(name, text, limits[name], at, errors);
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isHugePages) && !names.includes("cpu") && !names.includes("memory")) {
    errors.forbidden(at, "HugePages require cpu or memory");
  }
  validateClaims(resources.claims, claimNames, at.child("claims"), errors);
}

function validateOne(name: string, text: string, nameRule: NameRule, at: FieldPath, errors: FieldErrors): void {
  const amount = amountOf(text);
  nameRule(name, at, errors);
  validateAmount(name, amount, at, errors);
  if (isHugePages(name) && !isWholeHugePages(name, amount)) {
    const shown = amount.toString();
    errors.invalid(at, shown, `${shown} is not positive integer multiple of ${name}`);
  }
}

function validateAgainstLimit(
  name: string,
  text: string,
  limitText: string | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (limitText === undefined) {
    if (!allowsOvercommit(name)) {
      errors.required(at.child("limits"), "Limit must be set for non overcommitable resources");
    }
    return;
  }
  const order = amountOf(text).compare(amountOf(limitText));
  const shown = amountOf(text).toString();
  const limit = `${name} limit of ${amountOf(limitText).toString()}`;
  if (order !== 0 && !allowsOvercommit(name)) errors.invalid(at.child("requests"), shown, `must be equal to ${limit}`);
  else if (order > 0) errors.invalid(at.child("requests"), shown, `must be less than or equal to ${limit}`);
}

/** Each claim, or each request of one, once; and only claims the pod has. */
function validateClaims(
  claims: readonly ResourceClaim[] | undefined,
  claimNames: ReadonlySet<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const seen = new Set<string>();
  for (const [index, { name, request }] of (claims ?? []).entries()) {
    const one = at.index(index);
    if (!name) {
      errors.required(one);
      continue;
    }
    if (request && !seen.has(name)) errors.dnsLabel(one.child("request"), request);
    const key = request ? `${name}/${request}` : name;
    if (seen.has(name)) errors.duplicate(one, name);
    else if (seen.has(key)) errors.duplicate(one, key);
    else if (!request) {
      for (const other of seen) if (other.startsWith(`${name}/`)) errors.duplicate(one, name);
    }
    seen.add(key);
    if (claimNames.has(name)) continue;
    const known = claimNames.size === 0 ? " which is empty" : `: ${[...claimNames].sort().join(", ")}`;
    errors.notFound(one, name, `must be one of the names in pod.spec.resourceClaims${known}`);
  }
}
