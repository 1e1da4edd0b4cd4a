/**
 * What becomes of an object, given what its owners are. Pure.
 * Source: pkg/controller/garbagecollector/garbagecollector.go attemptToDeleteItem (v1.36).
 */
import type { OwnerReference } from "#pkg/api/meta/v1.ts";
import { awaitsDependents, foregroundFinalizer, type OwnerNode, orphanFinalizer } from "./owner-graph.ts";

/** `solid`: there and staying; `waiting`: there, and waits for its dependents to go; `absent`: gone. */
export type OwnerState = "solid" | "waiting" | "absent";

export type Collection =
  | { readonly kind: "keep" }
  /** One owner is enough to live for; the others are forgotten. */
  | { readonly kind: "forgetOwners"; readonly uids: readonly string[] }
  | {
      readonly kind: "delete";
      readonly policy: "Foreground" | "Background" | "Orphan";
      /** A circle of objects that block each other would never go. */
      readonly unblocksOwners: boolean;
    };

export function computeCollection(
  finalizers: readonly string[],
  owners: readonly (readonly [OwnerReference, OwnerState])[],
  dependents: readonly OwnerNode[],
): Collection {
  if (owners.length === 0) return { kind: "keep" };
  const inState = (wanted: OwnerState): readonly string[] =>
    owners.filter(([, state]) => state === wanted).map(([{ uid }]) => uid);
  const lost = [...inState("absent"), ...inState("waiting")];
  if (inState("solid").length > 0) return lost.length === 0 ? { kind: "keep" } : { kind: "forgetOwners", uids: lost };
  if (inState("waiting").length > 0 && dependents.length > 0) {
    return { kind: "delete", policy: "Foreground", unblocksOwners: dependents.some(awaitsDependents) };
  }
  return { kind: "delete", policy: policyOf(finalizers), unblocksOwners: false };
}

/** The dependents for which an owner in foreground deletion waits. */
export function blockingDependents(owner: OwnerNode, dependents: readonly OwnerNode[]): readonly OwnerNode[] {
  return dependents.filter(({ owners }) => owners.some((one) => one.uid === owner.uid && one.blockOwnerDeletion));
}

/** What whoever made the object asked for. */
function policyOf(finalizers: readonly string[]): "Foreground" | "Background" | "Orphan" {
  if (finalizers.includes(orphanFinalizer)) return "Orphan";
  return finalizers.includes(foregroundFinalizer) ? "Foreground" : "Background";
}
