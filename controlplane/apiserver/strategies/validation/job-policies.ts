/** When a Job counts as failed or as done early. Source: pkg/apis/batch/validation/validation.go (v1.36). */
import type {
  JobSpec,
  PodFailurePolicyOnExitCodesRequirement,
  PodFailurePolicyOnPodConditionsPattern,
  PodFailurePolicyRule,
  SuccessPolicyRule,
} from "#pkg/api/batch/v1.ts";
import { type FieldPath, omittedValue } from "#pkg/api/field.ts";
import { byteLength, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { countIndexes } from "./job-indexes.ts";

const actions = ["Count", "FailIndex", "FailJob", "Ignore"];
const operators = ["In", "NotIn"];
const statuses = ["False", "True", "Unknown"];
const mostRules = 20;
const mostExitCodes = 255;
const mostConditions = 20;
const longestIndexes = 64 * 1024;

export function validatePodFailurePolicy(spec: JobSpec, at: FieldPath, errors: FieldErrors): void {
  const rules = spec.podFailurePolicy?.rules ?? [];
  const rulesPath = at.child("rules");
  if (rules.length > mostRules) errors.tooMany(rulesPath, rules.length, mostRules);
  const { containers, initContainers = [] } = spec.template.spec;
  const names = new Set([...(containers ?? []), ...initContainers].map((container) => container.name));
  for (const [index, rule] of rules.entries()) {
    validateRule(rule, spec.backoffLimitPerIndex != null, names, rulesPath.index(index), errors);
  }
}

function validateRule(
  rule: PodFailurePolicyRule,
  countsPerIndex: boolean,
  containerNames: ReadonlySet<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { action, onExitCodes, onPodConditions } = rule;
  const actionPath = at.child("action");
  if (action === "FailIndex" && !countsPerIndex) {
    errors.invalid(actionPath, action, "requires the backoffLimitPerIndex to be set");
  } else errors.oneOf(actionPath, action, actions, validValues(actions));
  if (onExitCodes) validateExitCodes(onExitCodes, containerNames, at.child("onExitCodes"), errors);
  const hasConditions = (onPodConditions?.length ?? 0) > 0;
  validateConditions(onPodConditions ?? [], at.child("onPodConditions"), errors);
  if (onExitCodes && hasConditions) {
    errors.invalid(at, omittedValue, "specifying both OnExitCodes and OnPodConditions is not supported");
  }
  if (!onExitCodes && !hasConditions) {
    errors.invalid(at, omittedValue, "specifying one of OnExitCodes and OnPodConditions is required");
  }
}

function validValues(values: readonly string[]): string {
  return `valid values: [${values.map((value) => JSON.stringify(value)).join(" ")}]`;
}

function validateConditions(
  patterns: readonly PodFailurePolicyOnPodConditionsPattern[],
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (patterns.length > mostConditions) errors.tooMany(at, patterns.length, mostConditions);
  for (const [index, { type = "", status }] of patterns.entries()) {
    errors.problems(at.index(index).child("type"), type, qualifiedNameProblems(type));
    errors.oneOf(at.index(index).child("status"), status, statuses, validValues(statuses));
  }
}

function validateExitCodes(
  requirement: PodFailurePolicyOnExitCodesRequirement,
  containerNames: ReadonlySet<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { operator, containerName } = requirement;
  const values = requirement.values ?? [];
  errors.oneOf(at.child("operator"), operator, operators, validValues(operators));
  if (containerName != null && !containerNames.has(containerName)) {
    const why = "must be one of the container or initContainer names in the pod template";
    errors.invalid(at.child("containerName"), containerName, why);
  }
  const valuesPath = at.child("values");
  if (values.length === 0) errors.invalid(valuesPath, values, "at least one value is required");
  else if (values.length > mostExitCodes) errors.tooMany(valuesPath, values.length, mostExitCodes);
  const seen = new Set<number>();
  for (const [index, value] of values.entries()) {
    const path = valuesPath.index(index);
    if (operator === "In" && value === 0) errors.invalid(path, value, "must not be 0 for the In operator");
    if (seen.has(value)) errors.duplicate(path, value);
    seen.add(value);
  }
  const isOrdered = values.every((value, index) => index === 0 || (values[index - 1] ?? value) <= value);
  if (!isOrdered) errors.invalid(valuesPath, values, "must be ordered");
}

/** For Jobs with numbered completions only. */
export function validateSuccessPolicy(spec: JobSpec, at: FieldPath, errors: FieldErrors): void {
  const rules = spec.successPolicy?.rules ?? [];
  const rulesPath = at.child("rules");
  if (rules.length === 0) {
    errors.required(rulesPath, "at least one rules must be specified when the successPolicy is specified");
  }
  if (rules.length > mostRules) errors.tooMany(rulesPath, rules.length, mostRules);
  for (const [index, rule] of rules.entries()) {
    validateSuccessRule(rule, spec.completions ?? 0, rulesPath.index(index), errors);
  }
}

function validateSuccessRule(
  { succeededCount, succeededIndexes }: SuccessPolicyRule,
  completions: number,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (succeededCount == null && succeededIndexes == null) {
    errors.required(at, "at least one of succeededCount or succeededIndexes must be specified");
  }
  let total = 0;
  if (succeededIndexes != null) {
    const path = at.child("succeededIndexes");
    if (byteLength(succeededIndexes) > longestIndexes) errors.tooLong(path, longestIndexes);
    const counted = countIndexes(succeededIndexes, completions);
    if (typeof counted === "number") total = counted;
    else errors.invalid(path, succeededIndexes, `error parsing succeededIndexes: ${counted}`);
  }
  if (succeededCount == null) return;
  const path = at.child("succeededCount");
  errors.nonNegative(path, succeededCount);
  const most = (count: number, what: string) => {
    if (succeededCount > count) {
      errors.invalid(path, succeededCount, `must be less than or equal to ${count} (the number of ${what})`);
    }
  };
  most(completions, "specified completions");
  if (succeededIndexes != null) most(total, "indexes in the specified succeededIndexes field");
}
