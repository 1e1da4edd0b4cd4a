/**
 * What a delete request does to an object. Pure.
 *
 *   no grace, no finalizers                 remove
 *   finalizers (its own, or put on for the  mark: deletionTimestamp now, grace 0; the last finalizer's removal removes it
 *     propagation policy)
 *   grace > 0                               mark: deletionTimestamp now + grace; who runs it deletes again with grace 0
 *   already marked                          a shorter grace moves deletionTimestamp forward; nothing else changes
 *
 * Source: k8s.io/apiserver/pkg/registry/rest/delete.go and registry/generic/registry/store.go.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { DeleteOptions } from "./resource-registry.ts";
import type { Strategy } from "./strategy.ts";
import { foregroundFinalizer, orphanFinalizer } from "./validate-metadata.ts";

export type Deletion =
  | { readonly kind: "remove" }
  | { readonly kind: "mark"; readonly object: KubeObject }
  /** It is being deleted already, and nothing more is to do. */
  | { readonly kind: "pending" };

export type DeletionRequest = Pick<DeleteOptions, "gracePeriodSeconds" | "propagationPolicy" | "orphanDependents">;

export function computeDeletion(
  current: KubeObject,
  request: DeletionRequest,
  strategy: Strategy,
  nowMs: number,
): Deletion {
  const grace = computeGrace(current, request, strategy, nowMs);
  if (grace.kind === "pending") return grace;
  const finalizers = computeFinalizers(current, request, strategy);
  const isHeld = finalizers.length > 0 || strategy.isHeld?.(current) === true;
  if (grace.kind === "now" && !isHeld) return { kind: "remove" };
  if (grace.kind === "graceful" && grace.seconds === 0 && !isHeld) return { kind: "remove" };
  const object = withDeletionMark(current, grace, finalizers, nowMs);
  strategy.prepareForDeletion?.(object);
  return { kind: "mark", object };
}

/** True when an update leaves nothing that holds a deleted object, so that it goes away with that update. */
export function isFinishedByUpdate(next: KubeObject, current: KubeObject, strategy: Strategy): boolean {
  if (!current.metadata.deletionTimestamp || (next.metadata.finalizers?.length ?? 0) > 0) return false;
  return (current.metadata.deletionGracePeriodSeconds ?? 0) === 0 && strategy.isHeld?.(next) !== true;
}

type Grace =
  | { readonly kind: "now" }
  | { readonly kind: "pending" }
  | { readonly kind: "graceful"; readonly seconds: number; readonly untilMs: number };

function computeGrace(current: KubeObject, request: DeletionRequest, strategy: Strategy, nowMs: number): Grace {
  if (!strategy.gracePeriodSeconds) return { kind: "now" };
  const requested = atLeastOne(request.gracePeriodSeconds);
  const { deletionTimestamp, deletionGracePeriodSeconds: granted } = current.metadata;
  if (deletionTimestamp) {
    if (granted === undefined) return { kind: "now" };
    if (requested === undefined || requested >= granted) return { kind: "pending" };
    const beganMs = Date.parse(deletionTimestamp) - granted * 1000;
    return { kind: "graceful", seconds: requested, untilMs: beganMs + requested * 1000 };
  }
  const seconds = atLeastOne(strategy.gracePeriodSeconds(current, requested));
  return seconds === undefined ? { kind: "now" } : { kind: "graceful", seconds, untilMs: nowMs + seconds * 1000 };
}

/** A negative grace period counts as one second, as upstream has it. */
function atLeastOne(seconds: number | undefined): number | undefined {
  return seconds !== undefined && seconds < 0 ? 1 : seconds;
}

/** The finalizers with those of the propagation policy put on or taken off. */
function computeFinalizers(current: KubeObject, request: DeletionRequest, strategy: Strategy): readonly string[] {
  const finalizers = current.metadata.finalizers ?? [];
  const others = finalizers.filter((one) => one !== orphanFinalizer && one !== foregroundFinalizer);
  const policy = computePropagation(finalizers, request, strategy);
  if (policy === "Orphan") return [...others, orphanFinalizer];
  return policy === "Foreground" ? [...others, foregroundFinalizer] : others;
}

function computePropagation(
  finalizers: readonly string[],
  request: DeletionRequest,
  strategy: Strategy,
): "Orphan" | "Foreground" | "Background" {
  if (request.orphanDependents !== undefined) return request.orphanDependents ? "Orphan" : "Background";
  if (request.propagationPolicy !== undefined) return request.propagationPolicy;
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  if (finalizers.includes(foregroundFinalizer)) return "Foreground";
  return strategy.defaultPropagation ?? "Background";
}

function withDeletionMark(
  current: KubeObject,
  grace: Exclude<Grace, { kind: "pending" }>,
  finalizers: readonly string[],
  nowMs: number,
): KubeObject {
  const metadata = { ...current.metadata };
  if (finalizers.length > 0) metadata.finalizers = [...finalizers];
  else delete metadata.finalizers;
  const wasMarked = metadata.deletionTimestamp !== undefined;
  const bumps =
    grace.kind === "graceful" ? !wasMarked : !wasMarked && metadata.deletionGracePeriodSeconds === undefined;
  if (bumps && metadata.generation) metadata.generation += 1;
  if (grace.kind === "graceful") {
    metadata.deletionTimestamp = formatTime(grace.untilMs);
    metadata.deletionGracePeriodSeconds = grace.seconds;
  } else {
    const isLater = wasMarked && Date.parse(metadata.deletionTimestamp ?? "") > nowMs;
    if (!wasMarked || isLater) metadata.deletionTimestamp = formatTime(nowMs);
    metadata.deletionGracePeriodSeconds = 0;
  }
  return { ...current, metadata };
}
