/**
 * Who owns whom, by uid, over all objects of the cluster. It holds what informers have shown; an owner that is not in it may
 * still exist, so absence here is a reason to ask the server and never a reason to delete.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import type { OwnerReference } from "#pkg/api/meta/v1.ts";
import { type ResourceRef, resourceKey } from "#pkg/kube/resources.ts";

export const foregroundFinalizer = "foregroundDeletion";
export const orphanFinalizer = "orphan";

export interface OwnerNode {
  readonly uid: string;
  readonly ref: ResourceRef;
  /** "" for objects without one. */
  readonly namespace: string;
  readonly name: string;
  readonly owners: readonly OwnerReference[];
  readonly isDeleting: boolean;
  readonly finalizers: readonly string[];
}

export function nodeOf(ref: ResourceRef, { metadata }: Stored<KubeObject>): OwnerNode {
  return {
    uid: metadata.uid,
    ref,
    namespace: metadata.namespace ?? "",
    name: metadata.name,
    owners: metadata.ownerReferences ?? [],
    isDeleting: metadata.deletionTimestamp !== undefined,
    finalizers: metadata.finalizers ?? [],
  };
}

/** Goes when those of its dependents that block it have gone. */
export function awaitsDependents(node: OwnerNode | undefined): boolean {
  return node?.isDeleting === true && node.finalizers.includes(foregroundFinalizer);
}

/** Goes when its dependents have been told that they have no owner any more. */
export function awaitsOrphaning(node: OwnerNode | undefined): boolean {
  return node?.isDeleting === true && node.finalizers.includes(orphanFinalizer);
}

/** Owners are looked for in the namespace of the dependent, or among objects without a namespace. */
export function isReachable(dependent: OwnerNode, owner: OwnerNode): boolean {
  return owner.namespace === "" || owner.namespace === dependent.namespace;
}

/** What a change gives reason to look at, and which dependents name an owner of another namespace. */
export interface Affected {
  readonly uids: readonly string[];
  readonly misplaced: readonly (readonly [dependent: OwnerNode, owner: OwnerNode])[];
}

export class OwnerGraph {
  readonly #nodes = new Map<string, OwnerNode>();
  readonly #dependents = new Map<string, Set<string>>();

  get size(): number {
    return this.#nodes.size;
  }

  get(uid: string): OwnerNode | undefined {
    return this.#nodes.get(uid);
  }

  dependentsOf(uid: string): readonly OwnerNode[] {
    return [...(this.#dependents.get(uid) ?? [])].flatMap((one) => this.#nodes.get(one) ?? []);
  }

  set(node: OwnerNode): Affected {
    const previous = this.#nodes.get(node.uid);
    if (previous) this.#unlink(previous);
    this.#nodes.set(node.uid, node);
    this.#link(node);
    const misplaced = this.#newlyMisplaced(node, previous);
    const uids = new Set(misplaced.map(([{ uid }]) => uid));
    if (awaitsOrphaning(node) && !awaitsOrphaning(previous)) uids.add(node.uid);
    if (awaitsDependents(node) && !awaitsDependents(previous)) {
      uids.add(node.uid);
      for (const dependent of this.dependentsOf(node.uid)) uids.add(dependent.uid);
    }
    if (!previous || !haveSameOwners(previous, node)) {
      if (node.owners.some((owner) => !this.#isHeldBy(owner.uid))) uids.add(node.uid);
      for (const owner of [...node.owners, ...(previous?.owners ?? [])]) {
        if (awaitsDependents(this.#nodes.get(owner.uid))) uids.add(owner.uid);
      }
    }
    return { uids: [...uids], misplaced };
  }

  remove(uid: string): Affected {
    const node = this.#nodes.get(uid);
    if (!node) return { uids: [], misplaced: [] };
    const dependents = this.dependentsOf(uid).map((dependent) => dependent.uid);
    this.#unlink(node);
    this.#nodes.delete(uid);
    const waiting = node.owners.flatMap((owner) => (awaitsDependents(this.#nodes.get(owner.uid)) ? owner.uid : []));
    return { uids: [...new Set([...dependents, ...waiting])], misplaced: [] };
  }

  /** Forgets the objects of a resource that is served no more, without a word on whether they exist. */
  dropResource(ref: ResourceRef): void {
    const key = resourceKey(ref);
    for (const node of this.#nodes.values()) {
      if (resourceKey(node.ref) !== key) continue;
      this.#unlink(node);
      this.#nodes.delete(node.uid);
    }
  }

  /** An owner that is there and stays. */
  #isHeldBy(uid: string): boolean {
    const owner = this.#nodes.get(uid);
    return owner !== undefined && !awaitsDependents(owner);
  }

  #newlyMisplaced(node: OwnerNode, previous: OwnerNode | undefined): readonly (readonly [OwnerNode, OwnerNode])[] {
    const asDependent = !previous || !haveSameOwners(previous, node) ? node.owners : [];
    const above = asDependent.flatMap(({ uid }) => {
      const owner = this.#nodes.get(uid);
      return owner && !isReachable(node, owner) ? [[node, owner] as const] : [];
    });
    if (previous) return above;
    const below = this.dependentsOf(node.uid).filter((dependent) => !isReachable(dependent, node));
    return [...above, ...below.map((dependent) => [dependent, node] as const)];
  }

  #link(node: OwnerNode): void {
    for (const { uid } of node.owners) {
      const known = this.#dependents.get(uid);
      if (known) known.add(node.uid);
      else this.#dependents.set(uid, new Set([node.uid]));
    }
  }

  #unlink(node: OwnerNode): void {
    for (const { uid } of node.owners) {
      const known = this.#dependents.get(uid);
      known?.delete(node.uid);
      if (known?.size === 0) this.#dependents.delete(uid);
    }
  }
}

function haveSameOwners(left: OwnerNode, right: OwnerNode): boolean {
  const asText = ({ owners }: OwnerNode): string =>
    JSON.stringify(owners.map(({ uid, blockOwnerDeletion }) => [uid, blockOwnerDeletion ?? false]));
  return left.owners === right.owners || asText(left) === asText(right);
}
