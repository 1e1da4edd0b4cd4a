/**
 * Empties namespaces that are being deleted, and lets them go when nothing is left. Pods go first, and everything else only
 * after them, so that a network policy or a secret outlives the pods that count on it.
 * Source: pkg/controller/namespace/deletion/namespaced_resources_deleter.go (v1.36), KEP-5080.
 */
import type { Namespace } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import { type ControllerContext, disposeAll, ignoringNotFound, startLoop } from "../controller-context.ts";
import type { DiscoveredResource, DiscoverResources } from "../resource-discovery.ts";
import { canonicalJson } from "../template-hash.ts";
import { computeNamespaceConditions, type Emptying, type Remaining } from "./compute-namespace-conditions.ts";

const finalizer = "kubernetes";
/** How soon what is left is looked at again; pods that go are noticed at once. */
const recheckMs = 5_000;

export function startNamespaceController(context: ControllerContext, discover: DiscoverResources): AsyncDisposable {
  const { informers } = context;
  const namespaces = informers.for(resources.namespaces);
  const reconciler = new NamespaceReconciler(context, discover);
  const loop = startLoop(context, reconciler, 10);
  const enqueue = ({ metadata }: Stored<Namespace>): void => {
    if (metadata.deletionTimestamp) loop.enqueue(metadata.name);
  };
  const subscriptions = [
    namespaces.addHandler({ onAdd: enqueue, onUpdate: enqueue }),
    informers.for(resources.pods).addHandler({
      onDelete: ({ metadata }) => {
        const namespace = namespaces.get(metadata.namespace ?? "");
        if (namespace) enqueue(namespace);
      },
    }),
  ];
  informers.start();
  return disposeAll(loop, subscriptions);
}

class NamespaceReconciler {
  readonly name = "namespace";
  readonly #context: ControllerContext;
  readonly #discover: DiscoverResources;

  constructor(context: ControllerContext, discover: DiscoverResources) {
    this.#context = context;
    this.#discover = discover;
  }

  async reconcile(name: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const namespace = this.#context.informers.for(resources.namespaces).get(name);
    if (!namespace?.metadata.deletionTimestamp || !namespace.spec?.finalizers?.includes(finalizer)) return {};
    const emptying = await this.#empty(name, signal);
    await this.#report(namespace, emptying, signal);
    if (emptying.failures.length > 0)
      throw new BerthError("Unavailable", `namespace ${name} cannot be emptied: ${emptying.failures.join("; ")}`);
    if (emptying.failedGroups.length > 0 || emptying.remaining.some(({ count }) => count > 0))
      return { requeueAfterMs: recheckMs };
    await this.#finalize(name, namespace.metadata.uid, signal);
    return {};
  }

  async #empty(namespace: string, signal: AbortSignal): Promise<Emptying> {
    const discovery = await this.#discover(signal);
    const targets = discovery.resources.filter(({ namespaced, verbs }) => namespaced && verbs.includes("delete"));
    const isPods = ({ group, plural }: DiscoveredResource): boolean => group === "" && plural === "pods";
    const pods = await this.#emptyEach(namespace, targets.filter(isPods), signal);
    const { failedGroups } = discovery;
    if (pods.failures.length > 0 || pods.remaining.some(({ count }) => count > 0)) return { ...pods, failedGroups };
    const rest = await this.#emptyEach(
      namespace,
      targets.filter((target) => !isPods(target)),
      signal,
    );
    return { ...rest, failedGroups };
  }

  async #emptyEach(
    namespace: string,
    targets: readonly DiscoveredResource[],
    signal: AbortSignal,
  ): Promise<Omit<Emptying, "failedGroups">> {
    const remaining: Remaining[] = [];
    const failures: string[] = [];
    for (const target of targets) {
      try {
        remaining.push(await this.#emptyOne(namespace, target, signal));
      } catch (error) {
        if (signal.aborted) throw error;
        // A resource can go away between discovery and now, e.g. with its definition.
        if (!isStatus(error, "NotFound") && !isStatus(error, "MethodNotAllowed"))
          failures.push(`${target.plural}.${target.group}: ${messageOf(error)}`);
      }
    }
    return { remaining, failures };
  }

  async #emptyOne(namespace: string, target: DiscoveredResource, signal: AbortSignal): Promise<Remaining> {
    const inNamespace = this.#context.client.resource(target).in(namespace);
    const options = { propagationPolicy: "Background", signal } as const;
    const none = { group: target.group, plural: target.plural, count: 0, finalizers: new Map<string, number>() };
    if (!target.verbs.includes("list")) return none;
    const present = await inNamespace.list({ signal });
    if (present.items.length === 0) return none;
    if (target.verbs.includes("deletecollection")) await inNamespace.deleteCollection({}, options);
    else {
      for (const { metadata } of present.items)
        await ignoringNotFound(inNamespace.delete(metadata.name, { ...options, preconditions: { uid: metadata.uid } }));
    }
    const { items } = await inNamespace.list({ signal });
    const finalizers = new Map<string, number>();
    for (const name of items.flatMap(({ metadata }) => metadata.finalizers ?? []))
      finalizers.set(name, (finalizers.get(name) ?? 0) + 1);
    return { ...none, count: items.length, finalizers };
  }

  async #report(namespace: Stored<Namespace>, emptying: Emptying, signal: AbortSignal): Promise<void> {
    const { client, clock } = this.#context;
    const isClean = emptying.failures.length + emptying.failedGroups.length === 0;
    // A namespace that is empty is gone a moment later; nobody would read the report.
    if (isClean && emptying.remaining.every(({ count }) => count === 0)) return;
    const conditions = computeNamespaceConditions(namespace.status?.conditions, emptying, clock.now());
    if (canonicalJson(conditions) === canonicalJson(namespace.status?.conditions ?? [])) return;
    const body = { metadata: { uid: namespace.metadata.uid }, status: { conditions } };
    await ignoringNotFound(
      client.namespaces.patch(namespace.metadata.name, { type: "merge", body }, { subresource: "status", signal }),
    );
  }

  async #finalize(name: string, uid: string, signal: AbortSignal): Promise<void> {
    const { client } = this.#context;
    const release = async (): Promise<void> => {
      const live = await client.namespaces.get(name, { signal });
      if (live.metadata.uid !== uid) return;
      const finalizers = (live.spec?.finalizers ?? []).filter((one) => one !== finalizer);
      await client.namespaces.putSubresource(name, "finalize", { ...live, spec: { finalizers } }, { signal });
    };
    await ignoringNotFound(release());
  }
}
