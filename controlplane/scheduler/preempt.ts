/**
 * Preemption: which pods would have to go so that a more important one fits. Pure: a dry run on copies of nodes.
 * Source: plugins/defaultpreemption, framework/preemption (v1.36).
 */

import { labelSelectorMatcher } from "#pkg/api/labels.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import type { ClusterState, NodeState } from "./node-state.ts";
import type { Rejection } from "./plugins/plugin.ts";
import type { PodFacts } from "./pod-facts.ts";
import { formatFitError, prepareFilters } from "./schedule-pod.ts";

export interface PreemptionCandidate {
  readonly node: string;
  /** Most important first. */
  readonly victims: readonly PodFacts[];
  readonly budgetViolations: number;
}

export type PreemptionResult =
  | { readonly kind: "preempt"; readonly candidate: PreemptionCandidate }
  /** Text to put behind the reason why the pod did not fit. */
  | { readonly kind: "none"; readonly message: string };

export function computePreemption(
  pod: PodFacts,
  cluster: ClusterState,
  rejections: ReadonlyMap<string, readonly Rejection[]>,
  budgets: readonly PodDisruptionBudget[],
): PreemptionResult {
  if (pod.pod.spec?.preemptionPolicy === "Never") {
    return none(`preemption: not eligible due to preemptionPolicy=Never.`);
  }
  const reasons = new Map<string, readonly Rejection[]>();
  const candidates: PreemptionCandidate[] = [];
  for (const node of cluster.nodes) {
    const why = rejections.get(node.name) ?? [];
    if (why.length === 0 || why.some(({ isResolvable }) => !isResolvable)) {
      reasons.set(node.name, [{ reason: "Preemption is not helpful for scheduling", isResolvable: false }]);
      continue;
    }
    const candidate = dryRun(pod, node, cluster, budgets);
    if (candidate) candidates.push(candidate);
    else reasons.set(node.name, [{ reason: "No preemption victims found for incoming pod", isResolvable: false }]);
  }
  const best = chooseCandidate(candidates);
  return best
    ? { kind: "preempt", candidate: best }
    : none(`preemption: ${formatFitError(cluster.nodes.length, reasons)}`);
}

/** Takes every less important pod away, then puts back as many as still leave room: the most important first. */
function dryRun(
  pod: PodFacts,
  node: NodeState,
  cluster: ClusterState,
  budgets: readonly PodDisruptionBudget[],
): PreemptionCandidate | undefined {
  const trial = node.clone();
  const lessImportant = [...node.pods.values()].filter((one) => one.priority < pod.priority);
  if (lessImportant.length === 0) return undefined;
  for (const one of lessImportant) trial.remove(one.key);
  const trialCluster = { ...cluster, nodes: cluster.nodes.map((one) => (one === node ? trial : one)) };
  const fits = (): boolean => prepareFilters(pod, trialCluster)(trial).length === 0;
  if (!fits()) return undefined;
  const { violating, others } = splitByBudget(lessImportant.toSorted(byImportance), budgets);
  const victims: PodFacts[] = [];
  let budgetViolations = 0;
  const reprieve = (one: PodFacts): boolean => {
    trial.add(one);
    if (fits()) return true;
    trial.remove(one.key);
    victims.push(one);
    return false;
  };
  for (const one of violating) if (!reprieve(one)) budgetViolations++;
  for (const one of others) reprieve(one);
  return victims.length === 0
    ? undefined
    : { node: node.name, victims: victims.toSorted(byImportance), budgetViolations };
}

/** Pods whose going would break a budget, in order of importance; each that goes uses the budget up. */
function splitByBudget(
  pods: readonly PodFacts[],
  budgets: readonly PodDisruptionBudget[],
): { readonly violating: readonly PodFacts[]; readonly others: readonly PodFacts[] } {
  const allowed = budgets.map((budget) => budget.status?.disruptionsAllowed ?? 0);
  const violating: PodFacts[] = [];
  const others: PodFacts[] = [];
  for (const pod of pods) {
    let breaks = false;
    for (const [index, budget] of budgets.entries()) {
      const selector = budget.spec?.selector;
      if (
        budget.metadata.namespace !== pod.namespace ||
        !selector ||
        !labelSelectorMatcher(selector).matches(pod.labels)
      )
        continue;
      if (budget.status?.disruptedPods?.[pod.pod.metadata.name ?? ""] !== undefined) continue;
      allowed[index] = (allowed[index] ?? 0) - 1;
      if ((allowed[index] ?? 0) < 0) breaks = true;
    }
    (breaks ? violating : others).push(pod);
  }
  return { violating, others };
}

/** Fewest budget violations, then the least important victims, the smallest sum, the fewest, the youngest. */
function chooseCandidate(candidates: readonly PreemptionCandidate[]): PreemptionCandidate | undefined {
  const sumOf = ({ victims }: PreemptionCandidate): number =>
    victims.reduce((sum, { priority }) => sum + priority + 2 ** 31, 0);
  const order = (a: PreemptionCandidate, b: PreemptionCandidate): number =>
    a.budgetViolations - b.budgetViolations ||
    (a.victims[0]?.priority ?? 0) - (b.victims[0]?.priority ?? 0) ||
    sumOf(a) - sumOf(b) ||
    a.victims.length - b.victims.length ||
    compareText(startOf(b.victims[0]), startOf(a.victims[0]));
  return candidates.toSorted(order)[0];
}

function byImportance(a: PodFacts, b: PodFacts): number {
  return b.priority - a.priority || compareText(startOf(a), startOf(b));
}

function startOf(pod: PodFacts | undefined): string {
  return pod?.pod.status?.startTime ?? "9";
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function none(message: string): PreemptionResult {
  return { kind: "none", message };
}
