/** Resources of a node: whether a pod fits, and which node it leaves best balanced. Source: plugins/noderesources (v1.36). */
import type { NodeState } from "../node-state.ts";
import type { PodFacts } from "../pod-facts.ts";
import { type FilterPlugin, maxScore, type Rejection, type ScorePlugin } from "./plugin.ts";

/** What scores look at, each with the same weight. */
const scored = ["cpu", "memory"] as const;

export const nodeResourcesFit: FilterPlugin & ScorePlugin = {
  name: "NodeResourcesFit",
  weight: 1,
  prepare: (pod) => (node) => insufficient(pod, node),
  /** Least allocated: the emptier the node would be, the better. */
  score(pod, nodes) {
    return nodes.map((node) => {
      const parts = scored.map((name) => {
        const allocatable = node.allocatable.get(name) ?? 0;
        const wanted = (node.scoredRequested.get(name) ?? 0) + (pod.scoredRequests.get(name) ?? 0);
        return allocatable === 0 || wanted > allocatable
          ? 0
          : Math.floor(((allocatable - wanted) * maxScore) / allocatable);
      });
      return Math.floor(parts.reduce((sum, part) => sum + part, 0) / parts.length);
    });
  },
};

export function insufficient(pod: PodFacts, node: NodeState): readonly Rejection[] {
  const rejections: Rejection[] = [];
  if (node.pods.size + 1 > node.maxPods) rejections.push({ reason: "Too many pods", isResolvable: true });
  for (const [name, amount] of pod.requests) {
    if (amount === 0) continue;
    const allocatable = node.allocatable.get(name) ?? 0;
    if (amount + (node.requested.get(name) ?? 0) <= allocatable) continue;
    rejections.push({ reason: `Insufficient ${name}`, isResolvable: amount <= allocatable });
  }
  return rejections;
}

/** Prefers the node whose resources end up used evenly, by how much this pod makes that better or worse. */
export const nodeResourcesBalancedAllocation: ScorePlugin = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  score(pod, nodes) {
    if (scored.every((name) => !pod.requests.get(name))) return undefined;
    return nodes.map((node) => {
      const without = balance(node, undefined);
      const withPod = balance(node, pod);
      const score = maxScore / 2 + (maxScore / 2 + withPod - without) / 2;
      return Math.floor(Math.min(Math.max(score, 0), maxScore));
    });
  },
};

/** 100 when all fractions are the same, less by their standard deviation. */
function balance(node: NodeState, pod: PodFacts | undefined): number {
  const fractions = scored.flatMap((name) => {
    const allocatable = node.allocatable.get(name) ?? 0;
    if (allocatable === 0) return [];
    return Math.min(((node.requested.get(name) ?? 0) + (pod?.requests.get(name) ?? 0)) / allocatable, 1);
  });
  if (fractions.length < 2) return maxScore;
  const mean = fractions.reduce((sum, one) => sum + one, 0) / fractions.length;
  const variance = fractions.reduce((sum, one) => sum + (one - mean) ** 2, 0) / fractions.length;
  return (1 - Math.sqrt(variance)) * maxScore;
}

export const nodePorts: FilterPlugin = {
  name: "NodePorts",
  prepare: ({ hostPorts }) => {
    if (hostPorts.length === 0) return undefined;
    return (node) =>
      hostPorts.some((port) => node.usesPort(port))
        ? [{ reason: "node(s) didn't have free ports for the requested pod ports", isResolvable: true }]
        : [];
  },
};

const smallestImageBytes = 23 * 1024 * 1024;
const largestImageBytes = 1000 * 1024 * 1024;

/** Prefers nodes that have the images; one that only few nodes have counts less, so that pods do not pile up there. */
export const imageLocality: ScorePlugin = {
  name: "ImageLocality",
  weight: 1,
  score({ pod }, nodes, cluster) {
    const images = [...(pod.spec?.initContainers ?? []), ...(pod.spec?.containers ?? [])].map(({ image }) =>
      withTag(image ?? ""),
    );
    const spread = images.map(
      (image) => cluster.nodes.filter((node) => imageBytes(node, image) > 0).length / Math.max(cluster.nodes.length, 1),
    );
    if (spread.every((part) => part === 0)) return undefined;
    const highest = largestImageBytes * images.length;
    return nodes.map((node) => {
      const sum = images.reduce((total, image, index) => total + imageBytes(node, image) * (spread[index] ?? 0), 0);
      const clamped = Math.min(Math.max(sum, smallestImageBytes), highest);
      return Math.floor((maxScore * (clamped - smallestImageBytes)) / (highest - smallestImageBytes));
    });
  },
};

function imageBytes(node: NodeState, image: string): number {
  return node.node.status?.images?.find(({ names }) => names?.includes(image))?.sizeBytes ?? 0;
}

function withTag(image: string): string {
  const lastPart = image.slice(image.lastIndexOf("/") + 1);
  return lastPart.includes(":") || image.includes("@") ? image : `${image}:latest`;
}
