/**
 * Ownership by selector: which objects a controller owns, adopts and lets go. Pure.
 * Source: pkg/controller/controller_ref_manager.go (v1.36).
 */
import type { LabelMatcher } from "#pkg/api/labels.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { OwnerReference } from "#pkg/api/meta/v1.ts";

export interface Claims<T> {
  readonly owned: readonly T[];
  /** Match the selector and have no controller. */
  readonly adopt: readonly T[];
  /** Are ours and match no longer. */
  readonly release: readonly T[];
}

export interface Claimant {
  readonly uid: string;
  /** An owner that is going adopts and releases nothing. */
  readonly isDeleting: boolean;
  readonly selector: LabelMatcher;
}

export function computeClaims<T extends KubeObject>(owner: Claimant, objects: readonly T[]): Claims<T> {
  const owned: T[] = [];
  const adopt: T[] = [];
  const release: T[] = [];
  for (const object of objects) {
    const controller = controllerOf(object);
    const matches = owner.selector.matches(object.metadata.labels);
    if (controller) {
      if (controller.uid !== owner.uid) continue;
      if (matches || owner.isDeleting) owned.push(object);
      else release.push(object);
    } else if (matches && !owner.isDeleting && !object.metadata.deletionTimestamp) {
      adopt.push(object);
    }
  }
  return { owned, adopt, release };
}

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find(({ controller }) => controller);
}

/** The reference that makes `owner` the controller of an object. */
export function controllerReference(owner: KubeObject, apiVersion: string, kind: string): OwnerReference {
  const { name = "", uid = "" } = owner.metadata;
  return { apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true };
}
