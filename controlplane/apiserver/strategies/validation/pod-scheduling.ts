/** Where a pod may run: affinity, topology spread, scheduling gates. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import type { LabelSelector } from "#pkg/api/meta/v1.ts";
import { nameIsLabel, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateLabelSelector } from "./label-selectors.ts";
import { validateNodeSelector, validateNodeSelectorTerm } from "./node-selectors.ts";

const required = "requiredDuringSchedulingIgnoredDuringExecution";
const preferred = "preferredDuringSchedulingIgnoredDuringExecution";

export function validateAffinity(affinity: core.Affinity | undefined, at: FieldPath, errors: FieldErrors): void {
  if (!affinity) return;
  const { nodeAffinity, podAffinity, podAntiAffinity } = affinity;
  if (nodeAffinity) validateNodeAffinity(nodeAffinity, at.child("nodeAffinity"), errors);
  if (podAffinity) validatePodAffinity(podAffinity, at.child("podAffinity"), errors);
  if (podAntiAffinity) validatePodAffinity(podAntiAffinity, at.child("podAntiAffinity"), errors);
}

function validateNodeAffinity(affinity: core.NodeAffinity, at: FieldPath, errors: FieldErrors): void {
  const { [required]: must, [preferred]: should } = affinity;
  if (must) validateNodeSelector(must, at.child(required), errors);
  for (const [index, { weight, preference }] of (should ?? []).entries()) {
    const one = at.child(preferred).index(index);
    validateWeight(weight, one.child("weight"), errors);
    validateNodeSelectorTerm(preference ?? {}, one.child("preference"), errors, true);
  }
}

function validatePodAffinity(
  affinity: core.PodAffinity | core.PodAntiAffinity,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { [required]: must, [preferred]: should } = affinity;
  for (const [index, term] of (must ?? []).entries()) {
    validatePodAffinityTerm(term, at.child(required).index(index), errors);
  }
  for (const [index, { weight, podAffinityTerm }] of (should ?? []).entries()) {
    const one = at.child(preferred).index(index);
    validateWeight(weight, one.child("weight"), errors);
    validatePodAffinityTerm(podAffinityTerm ?? { topologyKey: "" }, one.child("podAffinityTerm"), errors);
  }
}

function validateWeight(weight: number | undefined, at: FieldPath, errors: FieldErrors): void {
  if (!weight || weight < 0 || weight > 100) errors.invalid(at, weight ?? 0, "must be in the range 1-100");
}

function validatePodAffinityTerm(term: core.PodAffinityTerm, at: FieldPath, errors: FieldErrors): void {
  validateLabelSelector(term.labelSelector, at.child("labelSelector"), errors);
  validateLabelSelector(term.namespaceSelector, at.child("namespaceSelector"), errors);
  for (const name of term.namespaces ?? []) {
    errors.problems(at.child("namespace"), name, nameIsLabel(name, false));
  }
  validateLabelKeys(term.matchLabelKeys, term.mismatchLabelKeys, term.labelSelector, at, errors);
  const { topologyKey = "" } = term;
  errors.filled(at.child("topologyKey"), topologyKey, "can not be empty");
  errors.problems(at.child("topologyKey"), topologyKey, qualifiedNameProblems(topologyKey));
}

/** Keys whose values are taken from the pod's own labels when it is created. */
function validateLabelKeys(
  match: readonly string[] = [],
  mismatch: readonly string[] = [],
  selector: LabelSelector | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [field, keys] of [
    ["matchLabelKeys", match],
    ["mismatchLabelKeys", mismatch],
  ] as const) {
    if (keys.length > 0 && !selector) {
      errors.forbidden(at.child(field), "must not be specified when labelSelector is not set");
      continue;
    }
    for (const [index, key] of keys.entries()) {
      errors.problems(at.child(field).index(index), key, qualifiedNameProblems(key));
    }
  }
  // On creation the keys have been added to the selector once; a second occurrence is the client's.
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const index = match.indexOf(key);
    if (index >= 0 && seen.has(key)) {
      errors.invalid(at.index(index), key, "exists in both matchLabelKeys and labelSelector");
    }
    seen.add(key);
  }
  for (const [index, key] of match.entries()) {
    if (mismatch.includes(key)) {
      const path = at.child("matchLabelKeys").index(index);
      errors.invalid(path, key, "exists in both matchLabelKeys and mismatchLabelKeys");
    }
  }
}

const scheduleActions = ["DoNotSchedule", "ScheduleAnyway"];

export function validateTopologySpread(
  constraints: readonly core.TopologySpreadConstraint[] | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [index, constraint] of (constraints ?? []).entries()) {
    const one = at.index(index);
    const { topologyKey, whenUnsatisfiable: action = "", minDomains } = constraint;
    errors.positive(one.child("maxSkew"), constraint.maxSkew);
    errors.filled(one.child("topologyKey"), topologyKey, "can not be empty");
    if (!scheduleActions.includes(action)) {
      errors.notSupported(one.child("whenUnsatisfiable"), action, scheduleActions);
    }
    const twin = (constraints ?? [])
      .slice(index + 1)
      .find((other) => other.topologyKey === topologyKey && other.whenUnsatisfiable === action);
    if (twin) errors.duplicate(one.child("{topologyKey, whenUnsatisfiable}"), `{${topologyKey}, ${action}}`);
    if (minDomains != null) {
      errors.positive(one.child("minDomains"), minDomains);
      if (action !== "DoNotSchedule") {
        const why = `can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ${action}`;
        errors.invalid(one.child("minDomains"), minDomains, why);
      }
    }
    errors.supported(one.child("nodeAffinityPolicy"), constraint.nodeAffinityPolicy, ["Honor", "Ignore"]);
    errors.supported(one.child("nodeTaintsPolicy"), constraint.nodeTaintsPolicy, ["Honor", "Ignore"]);
    validateLabelKeys(constraint.matchLabelKeys, [], constraint.labelSelector, one, errors);
    validateLabelSelector(constraint.labelSelector, one.child("labelSelector"), errors);
  }
}

export function validateSchedulingGates(
  gates: readonly core.PodSchedulingGate[] | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const seen = new Set<string>();
  for (const [index, { name = "" }] of (gates ?? []).entries()) {
    errors.problems(at.index(index), name, qualifiedNameProblems(name));
    if (seen.has(name)) errors.duplicate(at.index(index), name);
    seen.add(name);
  }
}
