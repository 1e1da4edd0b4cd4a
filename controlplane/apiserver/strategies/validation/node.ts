/** Nodes. Source: pkg/apis/core/validation/validation.go (v1.36). */
import type { Node } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { legacyBlockProblems, parseBlock } from "#pkg/api/ip-address.ts";
import { byteLength, dns1123SubdomainMaxLength } from "#pkg/api/names.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateTaints } from "./node-selectors.ts";
import { amountOf, validateAmount } from "./resource-names.ts";

const metadataPath = new FieldPath("metadata");
const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const podCidrsPath = specPath.child("podCIDRs");
const avoidPods = "scheduler.alpha.kubernetes.io/preferAvoidPods";

export function validateNode(node: Node): FieldErrors {
  const errors = new FieldErrors();
  validateAnnotations(node, errors);
  validateTaints(node.spec.taints, metadataPath.child("taints"), errors);
  validateAmounts(node, errors);
  const swap = node.status?.nodeInfo?.swap?.capacity;
  if (swap != null) errors.positive(metadataPath.child("nodeSwapStatus", "capacity"), swap);
  validateDeclaredFeatures(node, errors);
  validatePodCidrs(node.spec.podCIDRs ?? [], errors);
  return errors;
}

export function validateNodeUpdate(next: Node, current: Node): FieldErrors {
  const errors = validateNode(next);
  errors.add(...validateNodeChange(next, current).list);
  return errors;
}

/** What counts for the status subresource too. */
export function validateNodeChange(next: Node, current: Node): FieldErrors {
  const errors = new FieldErrors();
  validateAnnotations(next, errors);
  validateAmounts(next, errors);
  validateDeclaredFeatures(next, errors);
  validateAddresses(next, errors);
  const before = current.spec.podCIDRs ?? [];
  const after = next.spec.podCIDRs ?? [];
  if (before.length > 0 && (before.length !== after.length || before.some((text, index) => text !== after[index]))) {
    errors.forbidden(podCidrsPath, 'node updates may not change podCIDR except from "" to valid');
  }
  if (current.spec.providerID && current.spec.providerID !== next.spec.providerID) {
    errors.forbidden(specPath.child("providerID"), 'node updates may not change providerID except from "" to valid');
  }
  validateTaints(next.spec.taints, metadataPath.child("taints"), errors);
  if ((next.spec.externalID ?? "") !== (current.spec.externalID ?? "")) {
    errors.forbidden(specPath.child("externalID"), "may not be updated");
  }
  return errors;
}

/** The annotation of old schedulers is JSON. */
function validateAnnotations({ metadata }: Node, errors: FieldErrors): void {
  const text = metadata.annotations?.[avoidPods];
  if (!text) return;
  try {
    JSON.parse(text);
  } catch {
    errors.invalid(metadataPath.child("annotations", "AvoidPods"), avoidPods, "must be JSON");
  }
}

function validateAmounts({ status }: Node, errors: FieldErrors): void {
  for (const list of ["capacity", "allocatable"] as const) {
    for (const [name, text] of Object.entries(status?.[list] ?? {})) {
      validateAmount(name, amountOf(text), statusPath.child(list, name), errors);
    }
  }
}

function validateAddresses({ status }: Node, errors: FieldErrors): void {
  const seen = new Set<string>();
  for (const [index, address] of (status?.addresses ?? []).entries()) {
    const text = JSON.stringify([address.type ?? "", address.address ?? ""]);
    if (seen.has(text)) errors.duplicate(statusPath.child("addresses").index(index), address);
    seen.add(text);
  }
}

function validateDeclaredFeatures({ status }: Node, errors: FieldErrors): void {
  const at = statusPath.child("declaredFeatures");
  const features = status?.declaredFeatures ?? [];
  for (const [index, name] of features.entries()) {
    const problem = featureNameProblem(name);
    if (problem) errors.invalid(at.index(index), name, problem);
    const following = features[index + 1];
    if (following === name) errors.duplicate(at.index(index + 1), following);
    else if (following !== undefined && name > following) {
      errors.invalid(at.index(index + 1), following, "list must be sorted alphabetically");
    }
  }
}

function featureNameProblem(name: string): string | undefined {
  if (byteLength(name) > dns1123SubdomainMaxLength) {
    return `invalid feature name ${JSON.stringify(name)}: must be no more than ${dns1123SubdomainMaxLength} characters`;
  }
  if (/^[A-Z][a-zA-Z0-9]*(\/[a-zA-Z][a-zA-Z0-9]*)*$/.test(name)) return undefined;
  return `invalid feature name ${JSON.stringify(name)}: must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or MyFeature/mySubFeature), and contain only alphanumeric characters and slashes`;
}

/** One range, or one of each family. */
function validatePodCidrs(ranges: readonly string[], errors: FieldErrors): void {
  for (const [index, text] of ranges.entries()) {
    errors.problems(podCidrsPath.index(index), text, legacyBlockProblems(text));
  }
  if (ranges.length < 2) return;
  const families = new Set(ranges.map((text) => parseBlock(text)?.family));
  if (families.size < 2 || ranges.length > 2) {
    errors.invalid(podCidrsPath, ranges, "may specify no more than one CIDR for each IP family");
  }
}
