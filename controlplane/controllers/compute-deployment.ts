/**
 * What a Deployment does next, as data: scaling of its replica sets so that never too few pods are available and never too
 * many exist. Pure.
 * Source: pkg/controller/deployment (rolling.go, sync.go, util/deployment_util.go, v1.36).
 */
import type { Deployment, ReplicaSet } from "#pkg/api/apps/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";

export type DeploymentSet = Stored<ReplicaSet>;

export interface ScaleAction {
  readonly set: DeploymentSet;
  readonly replicas: number;
}

export interface RollingLimits {
  readonly maxSurge: number;
  readonly maxUnavailable: number;
}

/** "25%" of the replicas, rounded up for surge and down for unavailable; both 0 would never move, so one may be missing. */
export function rollingLimits(deployment: Deployment): RollingLimits {
  const replicas = deployment.spec?.replicas ?? 1;
  if (deployment.spec?.strategy?.type === "Recreate") return { maxSurge: 0, maxUnavailable: 0 };
  const rolling = deployment.spec?.strategy?.rollingUpdate;
  const maxSurge = scaledValue(rolling?.maxSurge ?? "25%", replicas, Math.ceil);
  const maxUnavailable = scaledValue(rolling?.maxUnavailable ?? "25%", replicas, Math.floor);
  return { maxSurge, maxUnavailable: maxSurge === 0 && maxUnavailable === 0 ? 1 : Math.min(maxUnavailable, replicas) };
}

function scaledValue(value: number | string, total: number, round: (value: number) => number): number {
  if (typeof value === "number") return value;
  return value.endsWith("%") ? round((Number.parseInt(value, 10) * total) / 100) : Number.parseInt(value, 10);
}

/** One step of a rolling update: first the new set up, then the old ones down. */
export function computeRollout(
  deployment: Deployment,
  newSet: DeploymentSet,
  oldSets: readonly DeploymentSet[],
): readonly ScaleAction[] {
  const up = computeNewSetSize(deployment, newSet, oldSets);
  if (up !== sizeOf(newSet)) return [{ set: newSet, replicas: up }];
  return computeOldSetSizes(deployment, newSet, oldSets);
}

/** As many new pods as the surge allows. */
export function computeNewSetSize(
  deployment: Deployment,
  newSet: DeploymentSet,
  oldSets: readonly DeploymentSet[],
): number {
  const wanted = deployment.spec?.replicas ?? 1;
  const current = sizeOf(newSet);
  if (deployment.spec?.strategy?.type === "Recreate") return wanted;
  if (current >= wanted) return wanted;
  const total = current + sum(oldSets, sizeOf);
  const allowed = wanted + rollingLimits(deployment).maxSurge;
  if (total >= allowed) return current;
  return current + Math.min(allowed - total, wanted - current);
}

function computeOldSetSizes(
  deployment: Deployment,
  newSet: DeploymentSet,
  oldSets: readonly DeploymentSet[],
): readonly ScaleAction[] {
  const total = sum([newSet, ...oldSets], sizeOf);
  if (sum(oldSets, sizeOf) === 0) return [];
  const minAvailable = (deployment.spec?.replicas ?? 1) - rollingLimits(deployment).maxUnavailable;
  const newUnavailable = sizeOf(newSet) - availableOf(newSet);
  const budget = total - minAvailable - newUnavailable;
  if (budget <= 0) return [];
  // Pods that serve nobody go first, so that they do not hold the rollout up.
  const sizes = new Map(oldSets.map((set) => [set, sizeOf(set)]));
  const cleaned = scaleDown(byAge(oldSets), sizes, budget, (set) => sizeOf(set) - availableOf(set));
  const available = sum([newSet, ...oldSets], availableOf);
  const left = Math.min(budget - cleaned, available - minAvailable);
  if (left > 0) scaleDown(byAge(oldSets), sizes, left, (set) => sizes.get(set) ?? 0);
  return oldSets.flatMap((set) => {
    const replicas = sizes.get(set) ?? 0;
    return replicas === sizeOf(set) ? [] : { set, replicas };
  });
}

/** Takes up to `budget` pods from the sets in turn, at most `most(set)` from each; returns how many it took. */
function scaleDown(
  sets: readonly DeploymentSet[],
  sizes: Map<DeploymentSet, number>,
  budget: number,
  most: (set: DeploymentSet) => number,
): number {
  let taken = 0;
  for (const set of sets) {
    const take = Math.max(Math.min(budget - taken, most(set), sizes.get(set) ?? 0), 0);
    sizes.set(set, (sizes.get(set) ?? 0) - take);
    taken += take;
  }
  return taken;
}

/**
 * The deployment itself was scaled while several sets are active: each keeps its share. What rounding leaves over goes to
 * the largest, the newest of equals.
 */
export function computeProportionalScaling(
  deployment: Deployment,
  sets: readonly DeploymentSet[],
): readonly ScaleAction[] {
  const wanted = deployment.spec?.replicas ?? 1;
  const active = sets.filter((set) => sizeOf(set) > 0);
  if (active.length <= 1) {
    const only = active[0] ?? byAge(sets).at(-1);
    return only && sizeOf(only) !== wanted ? [{ set: only, replicas: wanted }] : [];
  }
  const total = sum(active, sizeOf);
  const allowed = wanted > 0 ? wanted + rollingLimits(deployment).maxSurge : 0;
  const toAdd = allowed - total;
  if (toAdd === 0) return [];
  const ordered = active.toSorted((a, b) => sizeOf(b) - sizeOf(a) || (toAdd > 0 ? compareAge(b, a) : compareAge(a, b)));
  const sizes = new Map<DeploymentSet, number>();
  let added = 0;
  for (const set of ordered) {
    const share = proportion(set, deployment, allowed, toAdd, added);
    sizes.set(set, sizeOf(set) + share);
    added += share;
  }
  const first = ordered[0];
  if (first) sizes.set(first, Math.max((sizes.get(first) ?? 0) + toAdd - added, 0));
  return ordered.flatMap((set) => {
    const replicas = sizes.get(set) ?? 0;
    return replicas === sizeOf(set) ? [] : { set, replicas };
  });
}

/** This set's part of the change, never more than what is left of it. */
function proportion(set: DeploymentSet, deployment: Deployment, allowed: number, toAdd: number, added: number): number {
  const noted = Number(set.metadata.annotations?.[annotations.maxReplicas]);
  const before = Number.isFinite(noted) && noted > 0 ? noted : (deployment.status?.replicas ?? allowed);
  const share = Math.round((sizeOf(set) * allowed) / Math.max(before, 1)) - sizeOf(set);
  const left = toAdd - added;
  return toAdd > 0 ? Math.max(Math.min(share, left), 0) : Math.min(Math.max(share, left), 0);
}

export const annotations = {
  revision: "deployment.kubernetes.io/revision",
  revisionHistory: "deployment.kubernetes.io/revision-history",
  desiredReplicas: "deployment.kubernetes.io/desired-replicas",
  maxReplicas: "deployment.kubernetes.io/max-replicas",
} as const;

/** True when spec.replicas changed since the sets were last scaled. */
export function isScalingEvent(deployment: Deployment, sets: readonly DeploymentSet[]): boolean {
  return sets.some((set) => {
    const noted = set.metadata.annotations?.[annotations.desiredReplicas];
    return sizeOf(set) > 0 && noted !== undefined && Number(noted) !== (deployment.spec?.replicas ?? 1);
  });
}

/** Old sets beyond revisionHistoryLimit that have nothing left, oldest revision first. */
export function computeHistoryCleanup(
  deployment: Deployment,
  oldSets: readonly DeploymentSet[],
): readonly DeploymentSet[] {
  const limit = deployment.spec?.revisionHistoryLimit ?? 10;
  const removable = oldSets.filter(
    (set) => sizeOf(set) === 0 && (set.status?.replicas ?? 0) === 0 && !set.metadata.deletionTimestamp,
  );
  const excess = oldSets.length - limit;
  return excess <= 0 ? [] : removable.toSorted((a, b) => revisionOf(a) - revisionOf(b)).slice(0, excess);
}

export function revisionOf(set: DeploymentSet): number {
  return Number(set.metadata.annotations?.[annotations.revision] ?? 0) || 0;
}

export function sizeOf(set: ReplicaSet): number {
  return set.spec?.replicas ?? 1;
}

export function availableOf(set: ReplicaSet): number {
  return set.status?.availableReplicas ?? 0;
}

export function byAge(sets: readonly DeploymentSet[]): readonly DeploymentSet[] {
  return sets.toSorted(compareAge);
}

function compareAge(a: DeploymentSet, b: DeploymentSet): number {
  const [left, right] = [a.metadata.creationTimestamp, b.metadata.creationTimestamp];
  if (left !== right) return left < right ? -1 : 1;
  return a.metadata.name < b.metadata.name ? -1 : 1;
}

function sum(sets: readonly DeploymentSet[], of: (set: DeploymentSet) => number): number {
  return sets.reduce((total, set) => total + of(set), 0);
}
