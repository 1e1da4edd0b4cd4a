/**
 * One decision: which node takes this pod. Pure; ties are broken by the given random source.
 * Source: pkg/scheduler/schedule_one.go, framework/types.go FitError (v1.36).
 */
import { type Random, randomInt } from "#pkg/system/random.ts";
import type { ClusterState, NodeState } from "./node-state.ts";
import { interPodAffinity } from "./plugins/inter-pod-affinity.ts";
import { nodeAffinity, nodeName } from "./plugins/node-affinity.ts";
import {
  imageLocality,
  nodePorts,
  nodeResourcesBalancedAllocation,
  nodeResourcesFit,
} from "./plugins/node-resources.ts";
import type { FilterPlugin, Rejection, ScorePlugin } from "./plugins/plugin.ts";
import { podTopologySpread } from "./plugins/pod-topology-spread.ts";
import { nodeUnschedulable, taintToleration } from "./plugins/taints.ts";
import type { PodFacts } from "./pod-facts.ts";

/** In the order in which they judge: a node's first rejection is the one that counts. */
export const filterPlugins: readonly FilterPlugin[] = [
  nodeUnschedulable,
  nodeName,
  taintToleration,
  nodeAffinity,
  nodePorts,
  nodeResourcesFit,
  podTopologySpread,
  interPodAffinity,
];

export const scorePlugins: readonly ScorePlugin[] = [
  taintToleration,
  nodeAffinity,
  nodeResourcesFit,
  podTopologySpread,
  interPodAffinity,
  nodeResourcesBalancedAllocation,
  imageLocality,
];

export type Decision =
  | { readonly kind: "scheduled"; readonly node: string; readonly feasible: number }
  | {
      readonly kind: "unschedulable";
      readonly message: string;
      readonly rejections: ReadonlyMap<string, readonly Rejection[]>;
    };

export interface ScheduleOptions {
  readonly random: Random;
  /** Nodes are looked at from here on, so that each gets its turn when not all are. */
  readonly startIndex?: number;
}

/** Below this many nodes all are looked at; above, enough to choose well. */
const minFeasibleNodes = 100;

export function schedulePod(pod: PodFacts, cluster: ClusterState, options: ScheduleOptions): Decision {
  if (cluster.nodes.length === 0)
    return { kind: "unschedulable", message: "no nodes available to schedule pods", rejections: new Map() };
  const { feasible, rejections } = filterNodes(pod, cluster, options.startIndex ?? 0);
  if (feasible.length === 0)
    return { kind: "unschedulable", message: formatFitError(cluster.nodes.length, rejections), rejections };
  const best = feasible.length === 1 ? feasible : bestNodes(pod, feasible, cluster);
  const chosen = best[best.length === 1 ? 0 : randomInt(options.random, best.length)] ?? best[0];
  return { kind: "scheduled", node: chosen?.name ?? "", feasible: feasible.length };
}

/** Why the pod fits on this node or not: also for preemption's dry runs. */
export function prepareFilters(pod: PodFacts, cluster: ClusterState): (node: NodeState) => readonly Rejection[] {
  const judges = filterPlugins.flatMap((plugin) => plugin.prepare(pod, cluster) ?? []);
  return (node) => {
    for (const judge of judges) {
      const rejections = judge(node);
      if (rejections.length > 0) return rejections;
    }
    return [];
  };
}

function filterNodes(
  pod: PodFacts,
  cluster: ClusterState,
  startIndex: number,
): { readonly feasible: readonly NodeState[]; readonly rejections: ReadonlyMap<string, readonly Rejection[]> } {
  const judge = prepareFilters(pod, cluster);
  const enough = nodesToFind(cluster.nodes.length);
  const feasible: NodeState[] = [];
  const rejections = new Map<string, readonly Rejection[]>();
  for (let offset = 0; offset < cluster.nodes.length && feasible.length < enough; offset++) {
    const node = cluster.nodes[(startIndex + offset) % cluster.nodes.length];
    if (!node) continue;
    const found = judge(node);
    if (found.length === 0) feasible.push(node);
    else rejections.set(node.name, found);
  }
  return { feasible, rejections };
}

/** All of a small cluster; of a large one a share that shrinks from 50 % to 5 %, never fewer than 100. */
export function nodesToFind(nodes: number): number {
  if (nodes < minFeasibleNodes) return nodes;
  const percent = Math.max(5, 50 - Math.floor(nodes / 125));
  return Math.max(minFeasibleNodes, Math.floor((nodes * percent) / 100));
}

function bestNodes(pod: PodFacts, nodes: readonly NodeState[], cluster: ClusterState): readonly NodeState[] {
  const totals = scoreNodes(pod, nodes, cluster);
  const highest = Math.max(...totals);
  return nodes.filter((_node, index) => totals[index] === highest);
}

/** Weighted sums, in the order of `nodes`. */
export function scoreNodes(pod: PodFacts, nodes: readonly NodeState[], cluster: ClusterState): readonly number[] {
  const totals = nodes.map(() => 0);
  for (const plugin of scorePlugins) {
    const scores = plugin.score(pod, nodes, cluster);
    scores?.forEach((score, index) => {
      totals[index] = (totals[index] ?? 0) + score * plugin.weight;
    });
  }
  return totals;
}

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function formatFitError(nodes: number, rejections: ReadonlyMap<string, readonly Rejection[]>): string {
  const counts = new Map<string, number>();
  for (const list of rejections.values())
    for (const { reason } of list) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const reasons = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${reasons.join(", ")}.`;
}
