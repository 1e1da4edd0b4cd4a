/** Affinity and anti-affinity between pods. Source: plugins/interpodaffinity (v1.36). */
import type { ClusterState, NodeState } from "../node-state.ts";
import type { AffinityTerm, PodFacts } from "../pod-facts.ts";
import { type FilterPlugin, maxScore, type Rejection, type ScorePlugin } from "./plugin.ts";

/** "key=value" of a topology domain to a count. */
type Domains = Map<string, number>;

/** Weight of an existing pod's required affinity towards the incoming pod, in scores. */
const hardPodAffinityWeight = 1;

export const interPodAffinity: FilterPlugin & ScorePlugin = {
  name: "InterPodAffinity",
  weight: 2,
  prepare(pod, cluster) {
    const keepAway = domainsOfExistingAntiAffinity(pod, cluster);
    if (pod.affinity.length + pod.antiAffinity.length + keepAway.size === 0) return undefined;
    const wanted = pod.affinity.map((term) => countMatches(term, cluster));
    const unwanted = pod.antiAffinity.map((term) => countMatches(term, cluster));
    // The first pod of a group that wants to be together has no one to be near yet, and may go anywhere.
    const isFirstOfGroup =
      wanted.every((domains) => domains.size === 0) &&
      pod.affinity.every((term) => term.matches(pod, cluster.namespaceLabels));
    return (node) => judge(pod, node, { keepAway, wanted, unwanted, isFirstOfGroup });
  },
  score(pod, nodes, cluster) {
    const weights = sumPreferences(pod, cluster);
    if (weights.size === 0) return undefined;
    const sums = nodes.map((node) => {
      let sum = 0;
      for (const [domain, weight] of weights) if (isInDomain(node, domain)) sum += weight;
      return sum;
    });
    const [lowest, highest] = [Math.min(...sums), Math.max(...sums)];
    return sums.map((sum) => (highest === lowest ? 0 : Math.floor((maxScore * (sum - lowest)) / (highest - lowest))));
  },
};

interface Prepared {
  readonly keepAway: Domains;
  readonly wanted: readonly Domains[];
  readonly unwanted: readonly Domains[];
  readonly isFirstOfGroup: boolean;
}

function judge(
  pod: PodFacts,
  node: NodeState,
  { keepAway, wanted, unwanted, isFirstOfGroup }: Prepared,
): readonly Rejection[] {
  const meetsAffinity = pod.affinity.every((term, index) => {
    const domain = domainOf(node, term.topologyKey);
    if (domain === undefined) return false;
    return isFirstOfGroup || (wanted[index]?.get(domain) ?? 0) > 0;
  });
  if (!meetsAffinity) return [{ reason: "node(s) didn't match pod affinity rules", isResolvable: false }];
  const meetsAntiAffinity = pod.antiAffinity.every((term, index) => {
    const domain = domainOf(node, term.topologyKey);
    return domain === undefined || !unwanted[index]?.get(domain);
  });
  if (!meetsAntiAffinity) return [{ reason: "node(s) didn't match pod anti-affinity rules", isResolvable: true }];
  for (const domain of keepAway.keys()) {
    if (isInDomain(node, domain))
      return [{ reason: "node(s) didn't satisfy existing pods anti-affinity rules", isResolvable: true }];
  }
  return [];
}

function domainsOfExistingAntiAffinity(pod: PodFacts, cluster: ClusterState): Domains {
  const domains: Domains = new Map();
  for (const node of cluster.nodes) {
    for (const existing of node.podsWithAffinity.values()) {
      for (const term of existing.antiAffinity) {
        const domain = domainOf(node, term.topologyKey);
        if (domain !== undefined && term.matches(pod, cluster.namespaceLabels)) add(domains, domain, 1);
      }
    }
  }
  return domains;
}

function countMatches(term: AffinityTerm, cluster: ClusterState): Domains {
  const domains: Domains = new Map();
  for (const node of cluster.nodes) {
    const domain = domainOf(node, term.topologyKey);
    if (domain === undefined) continue;
    for (const existing of node.pods.values())
      if (term.matches(existing, cluster.namespaceLabels)) add(domains, domain, 1);
  }
  return domains;
}

/** What the incoming pod prefers of the existing ones, and what they prefer of it. */
function sumPreferences(pod: PodFacts, cluster: ClusterState): Domains {
  const domains: Domains = new Map();
  const own = [
    ...pod.preferredAffinity.map((term) => ({ term, weight: term.weight })),
    ...pod.preferredAntiAffinity.map((term) => ({ term, weight: -term.weight })),
  ];
  for (const node of cluster.nodes) {
    const addWeight = (term: AffinityTerm, weight: number): void => {
      const domain = domainOf(node, term.topologyKey);
      if (domain !== undefined) add(domains, domain, weight);
    };
    for (const existing of own.length > 0 ? node.pods.values() : node.podsWithAffinity.values()) {
      for (const { term, weight } of own) if (term.matches(existing, cluster.namespaceLabels)) addWeight(term, weight);
      for (const term of existing.affinity)
        if (term.matches(pod, cluster.namespaceLabels)) addWeight(term, hardPodAffinityWeight);
      for (const term of existing.preferredAffinity)
        if (term.matches(pod, cluster.namespaceLabels)) addWeight(term, term.weight);
      for (const term of existing.preferredAntiAffinity)
        if (term.matches(pod, cluster.namespaceLabels)) addWeight(term, -term.weight);
    }
  }
  return domains;
}

function add(domains: Domains, domain: string, amount: number): void {
  domains.set(domain, (domains.get(domain) ?? 0) + amount);
}

function domainOf(node: NodeState, topologyKey: string): string | undefined {
  const value = node.labels[topologyKey];
  return value === undefined ? undefined : `${topologyKey}=${value}`;
}

function isInDomain(node: NodeState, domain: string): boolean {
  const [key = "", value] = domain.split("=");
  return node.labels[key] === value;
}
