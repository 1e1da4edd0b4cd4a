/**
 * The garbage collector: deletes what lost its owners, lets owners in foreground deletion go when their dependents have gone,
 * and tells the dependents of owners in orphaning deletion that they have none. It deletes nothing without having asked the
 * server whether the owner is really gone.
 * Source: pkg/controller/garbagecollector (v1.36).
 */
import { formatApiVersion, type KubeObject, parseApiVersion, type Stored } from "#pkg/api/meta/object.ts";
import type { OwnerReference } from "#pkg/api/meta/v1.ts";
import { isStatus } from "#pkg/api/status.ts";
import { type Controller, startController } from "#pkg/kube/controller.ts";
import type { InformerHandlers } from "#pkg/kube/informer.ts";
import { LruCache } from "#pkg/kube/lru-cache.ts";
import type { ResourceRef } from "#pkg/kube/resources.ts";
import { type ControllerContext, ignoringNotFound } from "../controller-context.ts";
import type { DiscoverResources } from "../resource-discovery.ts";
import { blockingDependents, computeCollection, type OwnerState } from "./compute-collection.ts";
import {
  type Affected,
  awaitsDependents,
  awaitsOrphaning,
  foregroundFinalizer,
  isReachable,
  nodeOf,
  OwnerGraph,
  type OwnerNode,
  orphanFinalizer,
} from "./owner-graph.ts";
import { isBuiltIn, ResourceMonitors } from "./resource-monitors.ts";

const workers = 20;
const absentRemembered = 500;

export function startGarbageCollector(context: ControllerContext, discover: DiscoverResources): AsyncDisposable {
  const { clock, random, log } = context;
  const collector = new GarbageCollector(context);
  const monitors = new ResourceMonitors(context, {
    discover,
    handlersFor: (ref) => collector.handlersFor(ref),
    onGone: (ref) => collector.forgetResource(ref),
    onResources: (refs) => collector.setResources(refs),
  });
  const loop = startController({
    reconciler: collector,
    clock,
    random,
    log,
    workers,
    waitForSync: (signal) => monitors.waitForSync(signal),
  });
  collector.feed(loop);
  return {
    async [Symbol.asyncDispose]() {
      // Together: a loop that still waits for the monitors ends with them.
      await Promise.all([loop[Symbol.asyncDispose](), monitors[Symbol.asyncDispose]()]);
    },
  };
}

class GarbageCollector {
  readonly name = "garbage-collector";
  readonly #context: ControllerContext;
  readonly #graph = new OwnerGraph();
  /** Owners that the server said are not there. */
  readonly #absent = new LruCache<true>(absentRemembered);
  /** Objects with an owner of a kind that nobody serves, as yet. */
  readonly #unresolved = new Set<string>();
  #byKind = new Map<string, ResourceRef>();
  #loop: Controller | undefined;
  #early: string[] = [];

  constructor(context: ControllerContext) {
    this.#context = context;
  }

  feed(loop: Controller): void {
    this.#loop = loop;
    for (const uid of this.#early.splice(0)) loop.enqueue(uid);
  }

  setResources(refs: readonly ResourceRef[]): void {
    this.#byKind = new Map(refs.map((ref) => [`${ref.group}/${ref.kind}`, ref]));
    const waiting = [...this.#unresolved];
    this.#unresolved.clear();
    for (const uid of waiting) this.#enqueue(uid);
  }

  forgetResource(ref: ResourceRef): void {
    this.#graph.dropResource(ref);
  }

  handlersFor(ref: ResourceRef): InformerHandlers<KubeObject> {
    const onObject = (object: Stored<KubeObject>): void => this.#lookAt(this.#graph.set(nodeOf(ref, object)));
    return {
      onAdd: onObject,
      onUpdate: onObject,
      onDelete: ({ metadata: { uid } }) => {
        this.#absent.set(uid, true);
        this.#unresolved.delete(uid);
        this.#lookAt(this.#graph.remove(uid));
      },
    };
  }

  async reconcile(uid: string, signal: AbortSignal): Promise<object> {
    const node = this.#graph.get(uid);
    if (!node) return {};
    if (awaitsOrphaning(node)) await this.#orphanDependents(node, signal);
    else if (awaitsDependents(node)) await this.#releaseOwner(node, signal);
    else if (!node.isDeleting && node.owners.length > 0) await this.#collect(node, signal);
    return {};
  }

  #lookAt({ uids, misplaced }: Affected): void {
    for (const [dependent, owner] of misplaced) this.#reportMisplaced(dependent, owner);
    for (const uid of uids) this.#enqueue(uid);
  }

  #enqueue(uid: string): void {
    if (this.#loop) this.#loop.enqueue(uid);
    else this.#early.push(uid);
  }

  async #collect(node: OwnerNode, signal: AbortSignal): Promise<void> {
    // All owners known and staying: nothing to ask the server.
    if (node.owners.every((owner) => this.#stateInGraph(node, owner) === "solid")) return;
    const live = await this.#readLive(node, signal);
    if (!live || live.metadata.deletionTimestamp) return;
    const owners: (readonly [OwnerReference, OwnerState])[] = [];
    for (const owner of live.metadata.ownerReferences ?? []) {
      const state = await this.#stateOf(node, owner, signal);
      if (state === "unknown") return;
      owners.push([owner, state]);
    }
    const collection = computeCollection(live.metadata.finalizers ?? [], owners, this.#graph.dependentsOf(node.uid));
    switch (collection.kind) {
      case "keep":
        return;
      case "forgetOwners":
        return await this.#forgetOwners(node, collection.uids, signal);
      case "delete": {
        if (collection.unblocksOwners) await this.#unblockOwners(node, signal);
        const { uid, resourceVersion } = live.metadata;
        // With the version: an owner that was added meanwhile keeps the object.
        const preconditions = collection.unblocksOwners ? { uid } : { uid, resourceVersion };
        const options = { propagationPolicy: collection.policy, preconditions, signal };
        await ignoringNotFound(this.#client(node).delete(node.name, options));
      }
    }
  }

  #stateInGraph(node: OwnerNode, { uid }: OwnerReference): OwnerState | undefined {
    const owner = this.#graph.get(uid);
    if (!owner || !isReachable(node, owner)) return undefined;
    return awaitsDependents(owner) ? "waiting" : "solid";
  }

  async #stateOf(node: OwnerNode, owner: OwnerReference, signal: AbortSignal): Promise<OwnerState | "unknown"> {
    const known = this.#stateInGraph(node, owner);
    if (known) return known;
    const { group } = parseApiVersion(owner.apiVersion);
    const ref = this.#byKind.get(`${group}/${owner.kind}`);
    // Nobody can tell whether the owner exists; the object is looked at again when more is served.
    if (!ref || (ref.namespaced && node.namespace === "")) {
      this.#unresolved.add(node.uid);
      return "unknown";
    }
    const namespace = ref.namespaced ? node.namespace : "";
    const key = [owner.uid, ref.group, ref.kind, namespace, owner.name].join("|");
    if (this.#absent.get(owner.uid) || this.#absent.get(key)) return "absent";
    try {
      const live = await this.#context.client.resource(ref).in(namespace).get(owner.name, { signal });
      if (live.metadata.uid === owner.uid) return awaitsDependents(nodeOf(ref, live)) ? "waiting" : "solid";
    } catch (error) {
      if (!isStatus(error, "NotFound")) throw error;
    }
    this.#absent.set(key, true);
    return "absent";
  }

  async #releaseOwner(node: OwnerNode, signal: AbortSignal): Promise<void> {
    const blocking = blockingDependents(node, this.#graph.dependentsOf(node.uid));
    if (blocking.length === 0) await this.#removeFinalizer(node, foregroundFinalizer, signal);
    for (const dependent of blocking) if (!dependent.isDeleting) this.#enqueue(dependent.uid);
  }

  async #orphanDependents(node: OwnerNode, signal: AbortSignal): Promise<void> {
    const dependents = this.#graph.dependentsOf(node.uid);
    await Promise.all(dependents.map((dependent) => this.#forgetOwners(dependent, [node.uid], signal)));
    await this.#removeFinalizer(node, orphanFinalizer, signal);
  }

  async #removeFinalizer(node: OwnerNode, finalizer: string, signal: AbortSignal): Promise<void> {
    const live = await this.#readLive(node, signal);
    if (!live?.metadata.finalizers?.includes(finalizer)) return;
    const finalizers = live.metadata.finalizers.filter((one) => one !== finalizer);
    await this.#patchMetadata(node, live, { finalizers: finalizers.length > 0 ? finalizers : null }, signal);
  }

  async #forgetOwners(node: OwnerNode, uids: readonly string[], signal: AbortSignal): Promise<void> {
    if (isBuiltIn(node.ref)) {
      const ownerReferences = uids.map((uid) => ({ $patch: "delete", uid }));
      const body = { metadata: { uid: node.uid, ownerReferences } };
      await ignoringNotFound(this.#client(node).patch(node.name, { type: "strategic", body }, { signal }));
      return;
    }
    const live = await this.#readLive(node, signal);
    const owners = live?.metadata.ownerReferences?.filter(({ uid }) => !uids.includes(uid));
    if (live && owners) await this.#patchMetadata(node, live, { ownerReferences: owners }, signal);
  }

  async #unblockOwners(node: OwnerNode, signal: AbortSignal): Promise<void> {
    const live = await this.#readLive(node, signal);
    const owners = live?.metadata.ownerReferences?.map((owner) => ({ ...owner, blockOwnerDeletion: false }));
    if (live && owners) await this.#patchMetadata(node, live, { ownerReferences: owners }, signal);
  }

  /** A list that is replaced as a whole must be of the version it was read in. */
  async #patchMetadata(node: OwnerNode, live: Stored<KubeObject>, change: object, signal: AbortSignal): Promise<void> {
    const { uid, resourceVersion } = live.metadata;
    const body = { metadata: { uid, resourceVersion, ...change } };
    await ignoringNotFound(this.#client(node).patch(node.name, { type: "merge", body }, { signal }));
  }

  /** Gone, or replaced by another object of the same name: either way nothing of ours. */
  async #readLive(node: OwnerNode, signal: AbortSignal): Promise<Stored<KubeObject> | undefined> {
    try {
      const live = await this.#client(node).get(node.name, { signal });
      return live.metadata.uid === node.uid ? live : undefined;
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #client({ ref, namespace }: OwnerNode) {
    return this.#context.client.resource(ref).in(namespace);
  }

  #reportMisplaced(dependent: OwnerNode, owner: OwnerNode): void {
    const about = {
      apiVersion: formatApiVersion(dependent.ref),
      kind: dependent.ref.kind,
      metadata: { name: dependent.name, namespace: dependent.namespace, uid: dependent.uid },
    };
    const { ref, name, uid } = owner;
    const what = `[${formatApiVersion(ref)}/${ref.kind}, namespace: ${dependent.namespace}, name: ${name}, uid: ${uid}]`;
    const message = `ownerRef ${what} does not exist in namespace "${dependent.namespace}"`;
    this.#context.events.event(about, "Warning", "OwnerRefInvalidNamespace", message);
  }
}
