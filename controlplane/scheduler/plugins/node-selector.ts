/** Node selector terms: labels and fields of a node. Source: k8s.io/component-helpers/scheduling/corev1/nodeaffinity. */
import type { Node, NodeSelectorRequirement, NodeSelectorTerm } from "#pkg/api/core/v1.ts";

/** Terms are alternatives; what is inside a term must all hold; a term without requirements matches nothing. */
export function matchesNodeTerms(terms: readonly NodeSelectorTerm[], node: Node): boolean {
  return terms.some((term) => matchesNodeTerm(term, node));
}

export function matchesNodeTerm(term: NodeSelectorTerm, node: Node): boolean {
  const { matchExpressions = [], matchFields = [] } = { ...term };
  if ((matchExpressions?.length ?? 0) + (matchFields?.length ?? 0) === 0) return false;
  const labels = node.metadata.labels ?? {};
  const fields: Readonly<Record<string, string>> = { "metadata.name": node.metadata.name ?? "" };
  return (
    (matchExpressions ?? []).every((one) => holds(one, labels)) &&
    (matchFields ?? []).every((one) => holds(one, fields))
  );
}

function holds(
  { key, operator, values = [] }: NodeSelectorRequirement,
  labels: Readonly<Record<string, string>>,
): boolean {
  const value = labels[key];
  const listed = values ?? [];
  switch (operator) {
    case "In":
      return value !== undefined && listed.includes(value);
    case "NotIn":
      return value === undefined || !listed.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
    case "Gt":
      return compareIntegers(value, listed[0], (a, b) => a > b);
    case "Lt":
      return compareIntegers(value, listed[0], (a, b) => a < b);
    default:
      return false;
  }
}

function compareIntegers(
  value: string | undefined,
  bound: string | undefined,
  compare: (a: bigint, b: bigint) => boolean,
): boolean {
  const isInteger = (text: string | undefined): text is string => text !== undefined && /^[+-]?\d+$/.test(text);
  return isInteger(value) && isInteger(bound) && compare(BigInt(value), BigInt(bound));
}
