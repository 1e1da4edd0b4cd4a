/** Selectors of nodes and of topology, as pods, volumes and storage classes have them; taints and tolerations. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { labelValueProblems, nameIsSubdomain, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateOperator } from "./label-selectors.ts";

export function validateNodeSelector(selector: core.NodeSelector, at: FieldPath, errors: FieldErrors): void {
  const terms = selector.nodeSelectorTerms ?? [];
  const path = at.child("nodeSelectorTerms");
  if (terms.length === 0) errors.required(path, "must have at least one node selector term");
  for (const [index, term] of terms.entries()) validateNodeSelectorTerm(term, path.index(index), errors);
}

/** Preferred terms may hold values that no label can have: they only never match. */
export function validateNodeSelectorTerm(
  term: core.NodeSelectorTerm,
  at: FieldPath,
  errors: FieldErrors,
  isPreferred = false,
): void {
  for (const [index, requirement] of (term.matchExpressions ?? []).entries()) {
    const one = at.child("matchExpressions").index(index);
    validateOperator(requirement, one, errors, true);
    errors.problems(one.child("key"), requirement.key ?? "", qualifiedNameProblems(requirement.key ?? ""));
    for (const [position, value] of isPreferred ? [] : (requirement.values ?? []).entries()) {
      errors.problems(one.child("values").index(position), value, labelValueProblems(value));
    }
  }
  for (const [index, requirement] of (term.matchFields ?? []).entries()) {
    validateFieldRequirement(requirement, at.child("matchFields").index(index), errors);
  }
}

function validateFieldRequirement(
  { key, operator, values }: core.NodeSelectorRequirement,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (operator !== "In" && operator !== "NotIn") {
    errors.invalid(at.child("operator"), operator ?? "", "not a valid selector operator");
  } else if (values?.length !== 1) {
    errors.required(
      at.child("values"),
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
    );
  }
  if (key !== "metadata.name") {
    errors.invalid(at.child("key"), key ?? "", "not a valid field selector key");
    return;
  }
  for (const [index, value] of (values ?? []).entries()) {
    errors.problems(at.child("values").index(index), value, nameIsSubdomain(value, false));
  }
}

export const taintEffects = ["NoSchedule", "PreferNoSchedule", "NoExecute"];

export function validateTolerations(
  tolerations: readonly core.Toleration[] | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    const one = at.index(index);
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    if (key) errors.problems(one.child("key"), key, qualifiedNameProblems(key));
    else if (operator !== "Exists") {
      const why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"';
      errors.invalid(one.child("operator"), operator, why);
    }
    if (toleration.tolerationSeconds != null && effect !== "NoExecute") {
      errors.invalid(one.child("effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set");
    }
    validateTolerationValue(operator, value, one.child("operator"), errors);
    errors.supported(one.child("effect"), effect, taintEffects);
  }
}

function validateTolerationValue(operator: string, value: string, at: FieldPath, errors: FieldErrors): void {
  if (operator === "" || operator === "Equal") {
    const problems = labelValueProblems(value);
    if (problems.length > 0) errors.invalid(at, value, problems.join(";"));
  } else if (operator === "Exists") {
    if (value) errors.invalid(at, value, "value must be empty when `operator` is 'Exists'");
  } else if (operator === "Lt" || operator === "Gt") {
    errors.notSupported(at, operator, ["Equal", "Exists", "Lt", "Gt"]);
  } else errors.notSupported(at, operator, ["Equal", "Exists"]);
}

export function validateTaints(taints: readonly core.Taint[] | undefined, at: FieldPath, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, taint] of (taints ?? []).entries()) {
    const one = at.index(index);
    const { key = "", value = "", effect = "" } = taint;
    errors.problems(one.child("key"), key, qualifiedNameProblems(key));
    const problems = labelValueProblems(value);
    if (problems.length > 0) errors.invalid(one.child("value"), value, problems.join(";"));
    errors.oneOf(one.child("effect"), effect, taintEffects);
    const pair = `${effect}/${key}`;
    if (seen.has(pair)) errors.duplicate(one, taint, "taints must be unique by key and effect pair");
    seen.add(pair);
  }
}
