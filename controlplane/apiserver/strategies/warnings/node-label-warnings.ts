/** Labels of nodes that have newer names. Source: pkg/api/node (v1.36). */
import type { NodeSelectorTerm } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { labelValueProblems } from "#pkg/api/names.ts";

const deprecated: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
  "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
  "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
  "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
  "app.kubernetes.io/created-by": "deprecated since v1.9",
  "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
  "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
};

export function nodeLabelDeprecation(label: string): string | undefined {
  return Object.hasOwn(deprecated, label) ? deprecated[label] : undefined;
}

/** Values that no label can have are refused in required terms, and only warned of in preferred ones. */
export function nodeTermWarnings(term: NodeSelectorTerm, at: FieldPath, isPreferred: boolean): readonly string[] {
  return (term.matchExpressions ?? []).flatMap(({ key, values }, index) => {
    const path = at.child("matchExpressions").index(index);
    const text = nodeLabelDeprecation(key);
    const old = text ? [`${path.child("key")}: ${key} is ${text}`] : [];
    const unmatchable = (isPreferred ? (values ?? []) : []).flatMap((value, position) =>
      labelValueProblems(value).length === 0
        ? []
        : labelValueProblems(value).map(
            (problem) => `${path.child("values").index(position)}: ${value} is invalid, ${problem}`,
          ),
    );
    return [...old, ...unmatchable];
  });
}
