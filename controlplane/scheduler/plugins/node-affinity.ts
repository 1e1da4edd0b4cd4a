/** nodeSelector, node affinity and spec.nodeName. */

import type { NodeState } from "../node-state.ts";
import type { PodFacts } from "../pod-facts.ts";
import { matchesNodeTerm, matchesNodeTerms } from "./node-selector.ts";
import { type FilterPlugin, normalize, type ScorePlugin } from "./plugin.ts";

/** What the pod requires of its node by labels: nodeSelector and required affinity. */
export function fitsNodeAffinity({ pod, requiredNodeTerms }: PodFacts, { node, labels }: NodeState): boolean {
  for (const [key, value] of Object.entries(pod.spec?.nodeSelector ?? {})) if (labels[key] !== value) return false;
  return requiredNodeTerms === undefined || matchesNodeTerms(requiredNodeTerms, node);
}

export const nodeAffinity: FilterPlugin & ScorePlugin = {
  name: "NodeAffinity",
  weight: 2,
  prepare: (facts) => {
    if (!facts.pod.spec?.nodeSelector && facts.requiredNodeTerms === undefined) return undefined;
    return (node) =>
      fitsNodeAffinity(facts, node)
        ? []
        : [{ reason: "node(s) didn't match Pod's node affinity/selector", isResolvable: false }];
  },
  score({ pod }, nodes) {
    const preferred = pod.spec?.affinity?.nodeAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    if (preferred.length === 0) return undefined;
    const sums = nodes.map(({ node }) =>
      preferred.reduce((sum, { weight, preference }) => sum + (matchesNodeTerm(preference, node) ? weight : 0), 0),
    );
    return normalize(sums);
  },
};

export const nodeName: FilterPlugin = {
  name: "NodeName",
  prepare: ({ pod }) => {
    const wanted = pod.spec?.nodeName;
    if (!wanted) return undefined;
    return (node) =>
      node.name === wanted ? [] : [{ reason: "node(s) didn't match the requested node name", isResolvable: false }];
  },
};
