/** Spreading pods over domains: hosts, zones. Source: plugins/podtopologyspread (v1.36). */
import type { ClusterState, NodeState } from "../node-state.ts";
import type { PodFacts, SpreadConstraint } from "../pod-facts.ts";
import { fitsNodeAffinity } from "./node-affinity.ts";
import { type FilterPlugin, maxScore, type Rejection, type ScorePlugin } from "./plugin.ts";
import { isTolerated } from "./taints.ts";

type Matches = (labels: Readonly<Record<string, string>>) => boolean;

interface SoftConstraint {
  readonly topologyKey: string;
  readonly maxSkew: number;
  readonly matches: Matches;
}

/** What pods of a service or replica set get when they ask for no spreading themselves. */
const systemDefaults: readonly { readonly topologyKey: string; readonly maxSkew: number }[] = [
  { topologyKey: "kubernetes.io/hostname", maxSkew: 3 },
  { topologyKey: "topology.kubernetes.io/zone", maxSkew: 5 },
];

export const podTopologySpread: FilterPlugin & ScorePlugin = {
  name: "PodTopologySpread",
  weight: 2,
  prepare(pod, cluster) {
    const hard = pod.spread.filter((constraint) => constraint.hard);
    if (hard.length === 0) return undefined;
    const counted = hard.map((constraint) => ({ constraint, counts: countDomains(constraint, hard, pod, cluster) }));
    return (node) => {
      for (const { constraint, counts } of counted) {
        const rejection = judge(pod, node, constraint, counts);
        if (rejection) return [rejection];
      }
      return [];
    };
  },
  score(pod, nodes, cluster) {
    const constraints = softConstraints(pod, cluster);
    if (constraints.length === 0) return undefined;
    const raw = rawScores(pod, nodes, cluster, constraints);
    const values = raw.filter((value) => value !== undefined);
    const [lowest, highest] = [Math.min(...values), Math.max(...values)];
    // Fewer matching pods around is better; a node without the label is never better than one with it.
    return raw.map((value) => {
      if (value === undefined) return 0;
      return highest === 0 ? maxScore : Math.floor((maxScore * (highest + lowest - value)) / highest);
    });
  },
};

function judge(
  pod: PodFacts,
  node: NodeState,
  constraint: SpreadConstraint,
  counts: ReadonlyMap<string, number>,
): Rejection | undefined {
  const domain = node.labels[constraint.topologyKey];
  const reason = "node(s) didn't match pod topology spread constraints";
  if (domain === undefined) return { reason: `${reason} (missing required label)`, isResolvable: false };
  const least = counts.size < constraint.minDomains ? 0 : Math.min(...counts.values());
  const own = constraint.selector.matches(pod.labels) ? 1 : 0;
  const skew = (counts.get(domain) ?? 0) + own - (Number.isFinite(least) ? least : 0);
  return skew > constraint.maxSkew ? { reason, isResolvable: true } : undefined;
}

/** Matching pods per domain, over the nodes that take part: with all the keys, and as the policies say. */
function countDomains(
  constraint: SpreadConstraint,
  hard: readonly SpreadConstraint[],
  pod: PodFacts,
  cluster: ClusterState,
): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const node of cluster.nodes) {
    if (hard.some(({ topologyKey }) => node.labels[topologyKey] === undefined) || !takesPart(constraint, pod, node))
      continue;
    const domain = node.labels[constraint.topologyKey] ?? "";
    counts.set(
      domain,
      (counts.get(domain) ?? 0) + countMatching(node, pod, (labels) => constraint.selector.matches(labels)),
    );
  }
  return counts;
}

function takesPart({ honorsAffinity, honorsTaints }: SpreadConstraint, pod: PodFacts, node: NodeState): boolean {
  if (honorsAffinity && !fitsNodeAffinity(pod, node)) return false;
  if (!honorsTaints) return true;
  const taints = (node.node.spec?.taints ?? []).filter(
    ({ effect }) => effect === "NoSchedule" || effect === "NoExecute",
  );
  return taints.every((taint) => isTolerated(pod.pod.spec?.tolerations, taint));
}

/** Pods that are going do not count. */
function countMatching(node: NodeState, pod: PodFacts, matches: Matches): number {
  let count = 0;
  for (const existing of node.pods.values()) {
    if (existing.namespace !== pod.namespace || existing.pod.metadata.deletionTimestamp) continue;
    if (matches(existing.labels)) count++;
  }
  return count;
}

function softConstraints(pod: PodFacts, cluster: ClusterState): readonly SoftConstraint[] {
  if (pod.spread.length > 0) {
    return pod.spread
      .filter(({ hard }) => !hard)
      .map(({ topologyKey, maxSkew, selector }) => ({
        topologyKey,
        maxSkew,
        matches: (labels) => selector.matches(labels),
      }));
  }
  const matches = cluster.defaultSpreadSelector?.(pod);
  return matches ? systemDefaults.map((one) => ({ ...one, matches })) : [];
}

function rawScores(
  pod: PodFacts,
  nodes: readonly NodeState[],
  cluster: ClusterState,
  constraints: readonly SoftConstraint[],
): readonly (number | undefined)[] {
  const perConstraint = constraints.map(({ topologyKey, maxSkew, matches }) => {
    const isHost = topologyKey === "kubernetes.io/hostname";
    const counts = new Map<string, number>();
    if (!isHost) {
      for (const node of cluster.nodes) {
        const domain = node.labels[topologyKey];
        if (domain !== undefined) counts.set(domain, (counts.get(domain) ?? 0) + countMatching(node, pod, matches));
      }
    }
    const size = isHost ? nodes.length : counts.size;
    const weight = Math.log(size + 2);
    return (node: NodeState): number | undefined => {
      const domain = node.labels[topologyKey];
      if (domain === undefined) return pod.spread.length > 0 ? undefined : 0;
      const count = isHost ? countMatching(node, pod, matches) : (counts.get(domain) ?? 0);
      return count * weight + (maxSkew - 1);
    };
  });
  return nodes.map((node) => {
    let sum = 0;
    for (const scoreOf of perConstraint) {
      const part = scoreOf(node);
      if (part === undefined) return undefined;
      sum += part;
    }
    return Math.round(sum);
  });
}
