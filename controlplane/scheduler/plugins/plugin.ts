/**
 * A scheduling rule. `prepare` runs once per pod over the whole cluster; what it returns judges single nodes. Pure.
 * Names, weights and texts are upstream's, because people search for them.
 */
import type { ClusterState, NodeState } from "../node-state.ts";
import type { PodFacts } from "../pod-facts.ts";

export interface Rejection {
  /** "node(s) didn't match …", "Insufficient cpu": counted and shown to people. */
  readonly reason: string;
  /** False: taking pods away from the node would not help. */
  readonly isResolvable: boolean;
}

export interface FilterPlugin {
  readonly name: string;
  /** undefined: the rule does not concern this pod. */
  prepare(pod: PodFacts, cluster: ClusterState): ((node: NodeState) => readonly Rejection[]) | undefined;
}

export interface ScorePlugin {
  readonly name: string;
  readonly weight: number;
  /** Scores for these nodes, 0 to 100 each; undefined: all the same. */
  score(pod: PodFacts, nodes: readonly NodeState[], cluster: ClusterState): readonly number[] | undefined;
}

export const maxScore = 100;

/** Spreads raw values over 0 to 100; with `reverse` the smallest is best. */
export function normalize(values: readonly number[], reverse = false): readonly number[] {
  const highest = Math.max(0, ...values);
  if (highest === 0) return values.map(() => (reverse ? maxScore : 0));
  return values.map((value) => {
    const scaled = Math.floor((value * maxScore) / highest);
    return reverse ? maxScore - scaled : scaled;
  });
}
