/** Priority classes. Source: pkg/apis/scheduling/validation and pkg/apis/scheduling/v1/helpers.go (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";
import { FieldErrors } from "./field-errors.ts";

const systemPrefix = "system-";
const highestOfUsers = 1_000_000_000;
const systemValues: Readonly<Record<string, number>> = {
  "system-node-critical": 2_000_001_000,
  "system-cluster-critical": 2_000_000_000,
};
const valuePath = new FieldPath("value");

export function validatePriorityClass(priorityClass: PriorityClass): FieldErrors {
  const errors = new FieldErrors();
  const { metadata, value = 0, preemptionPolicy: policy } = priorityClass;
  if (metadata.name?.startsWith(systemPrefix)) {
    const fault = systemClassFault(priorityClass);
    if (fault) {
      const why = `priority class names with '${systemPrefix}' prefix are reserved for system use only. error: ${fault}`;
      errors.forbidden(new FieldPath("metadata", "name"), why);
    }
  } else if (value > highestOfUsers) {
    errors.forbidden(valuePath, `maximum allowed value of a user defined priority is ${highestOfUsers}`);
  }
  const policyPath = new FieldPath("preemptionPolicy");
  if (policy != null) errors.oneOf(policyPath, policy, ["PreemptLowerPriority", "Never"]);
  return errors;
}

function systemClassFault({ metadata, value = 0, globalDefault = false }: PriorityClass): string | undefined {
  const name = metadata.name ?? "";
  const known = Object.hasOwn(systemValues, name) ? systemValues[name] : undefined;
  if (known === undefined) return `${name} is not a known system priority class`;
  if (value !== known) return `value of ${name} PriorityClass must be ${known}`;
  return globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}

export function validatePriorityClassUpdate(next: PriorityClass, current: PriorityClass): FieldErrors {
  const errors = new FieldErrors();
  if ((next.value ?? 0) !== (current.value ?? 0)) errors.forbidden(valuePath, "may not be changed in an update.");
  errors.immutable(new FieldPath("preemptionPolicy"), next.preemptionPolicy, current.preemptionPolicy);
  return errors;
}
