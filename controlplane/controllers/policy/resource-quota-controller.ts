/**
 * Counts what is there against quotas. The server charges what is made; this counts from scratch when a quota is new or
 * changed, when something goes, and every five minutes.
 * Source: pkg/controller/resourcequota (v1.36).
 */
import type { Pod, ResourceQuota } from "#pkg/api/core/v1.ts";
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import { isPodFinished } from "#pkg/api/pod-status.ts";
import { addAmounts, formatAmounts, maskAmounts, parseAmounts, type QuotaAmounts } from "#pkg/api/quota/amounts.ts";
import { countName, quotaEvaluatorFor, scopesOf } from "#pkg/api/quota/evaluator.ts";
import { isStatus } from "#pkg/api/status.ts";
import type { Controller } from "#pkg/kube/controller.ts";
import { objectKey } from "#pkg/kube/object-store.ts";
import { type ResourceRef, resourceKey, resources } from "#pkg/kube/resources.ts";
import { type ControllerContext, ignoringNotFound, startLoop } from "../controller-context.ts";
import type { DiscoverResources } from "../resource-discovery.ts";
import { canonicalJson } from "../template-hash.ts";

const resyncMs = 5 * 60_000;
/** After somebody else wrote the quota while it was counted. */
const retryMs = 50;

export function startResourceQuotaController(context: ControllerContext, discover: DiscoverResources): AsyncDisposable {
  const { informers } = context;
  const reconciler = new QuotaReconciler(context, discover);
  const loop = startLoop(context, reconciler, 5);
  reconciler.feed(loop);
  const subscription = informers.for(resources.resourceQuotas).addHandler({
    onAdd: (quota) => loop.enqueue(objectKey(quota)),
    onUpdate: (quota) => {
      if (needsCount(quota)) loop.enqueue(objectKey(quota));
    },
  });
  informers.start();
  return {
    async [Symbol.asyncDispose]() {
      subscription[Symbol.dispose]();
      reconciler[Symbol.dispose]();
      await loop[Symbol.asyncDispose]();
    },
  };
}

/** The status does not speak of all that the quota limits. */
function needsCount({ spec, status }: ResourceQuota): boolean {
  const hard = spec?.hard ?? {};
  const isSame = canonicalJson(hard) === canonicalJson(status?.hard ?? {});
  return !isSame || Object.keys(hard).some((name) => !Object.hasOwn(status?.used ?? {}, name));
}

/** What objects of one resource use of a quota. Pure. */
export function computeUse(
  quota: ResourceQuota,
  ref: ResourceRef,
  objects: readonly KubeObject[],
  nowMs: number,
): QuotaAmounts {
  const evaluator = quotaEvaluatorFor(ref.group, ref.plural);
  let used: QuotaAmounts = new Map();
  if (!evaluator) return used;
  const scopes = scopesOf(quota);
  for (const object of objects) {
    if (scopes.every((selector) => evaluator.matchesScope(selector, object)))
      used = addAmounts(used, evaluator.usage(object, nowMs));
  }
  return used;
}

class QuotaReconciler implements Disposable {
  readonly name = "resourcequota";
  readonly #context: ControllerContext;
  readonly #discover: DiscoverResources;
  /** Resources that some quota counts, and that are therefore followed. */
  readonly #followed = new Map<string, Disposable>();
  #loop: Controller | undefined;

  constructor(context: ControllerContext, discover: DiscoverResources) {
    this.#context = context;
    this.#discover = discover;
  }

  feed(loop: Controller): void {
    this.#loop = loop;
  }

  [Symbol.dispose](): void {
    for (const subscription of this.#followed.values()) subscription[Symbol.dispose]();
  }

  async reconcile(key: string, signal: AbortSignal): Promise<{ readonly requeueAfterMs?: number }> {
    const { client, clock, informers } = this.#context;
    const cached = informers.for(resources.resourceQuotas).get(key);
    if (!cached || cached.metadata.deletionTimestamp) return {};
    const quotas = client.resourceQuotas.in(cached.metadata.namespace);
    // First the quota, then what it counts, both from the server: what is made in between is charged to the quota, and the
    // write below fails. Caches that lag by different times would let more be made than there is room for.
    const quota = await quotas.get(cached.metadata.name, { signal });
    const hard = quota.spec?.hard ?? {};
    const none = new Map([...parseAmounts(hard)].map(([name, amount]) => [name, amount.sub(amount)] as const));
    let used: QuotaAmounts = none;
    for (const ref of await this.#countedBy(quota, signal)) {
      const objects = await this.#objects(ref, quota.metadata.namespace ?? "", signal);
      used = addAmounts(used, computeUse(quota, ref, objects, clock.now()));
    }
    const status = { hard, used: formatAmounts(maskAmounts(used, Object.keys(hard))) };
    const known = { hard: quota.status?.hard ?? {}, used: formatAmounts(parseAmounts(quota.status?.used)) };
    if (canonicalJson(status) !== canonicalJson(known)) {
      try {
        await ignoringNotFound(quotas.updateStatus({ ...quota, status }, { signal }));
      } catch (error) {
        if (!isStatus(error, "Conflict")) throw error;
        return { requeueAfterMs: retryMs };
      }
    }
    return { requeueAfterMs: resyncMs };
  }

  /** The resources whose objects count for a name of the quota. */
  async #countedBy({ spec }: ResourceQuota, signal: AbortSignal): Promise<readonly ResourceRef[]> {
    const names = Object.keys(spec?.hard ?? {});
    const counts = (ref: ResourceRef): boolean =>
      ref.namespaced && names.some((name) => quotaEvaluatorFor(ref.group, ref.plural)?.counts(name));
    const builtIn = (Object.values(resources) as readonly ResourceRef[]).filter(counts);
    const known = new Set(builtIn.map(({ group, plural }) => countName(group, plural)));
    if (names.every((name) => !name.startsWith("count/") || known.has(name))) return builtIn;
    const discovery = await this.#discover(signal);
    const others = discovery.resources.filter((ref) => counts(ref) && !known.has(countName(ref.group, ref.plural)));
    return [...builtIn, ...others.filter(({ verbs }) => verbs.includes("list"))];
  }

  async #objects(ref: ResourceRef, namespace: string, signal: AbortSignal): Promise<readonly Stored<KubeObject>[]> {
    const { client, informers } = this.#context;
    const isBuiltIn = (Object.values(resources) as readonly ResourceRef[]).includes(ref);
    if (!isBuiltIn) return (await client.resource(ref).in(namespace).list({ signal })).items;
    const informer = informers.for(ref);
    const key = resourceKey(ref);
    if (!this.#followed.has(key)) {
      const recount = (object: Stored<KubeObject>): void => this.#recount(object.metadata.namespace ?? "");
      const onUpdate = (object: Stored<KubeObject>, previous: Stored<KubeObject>): void => {
        if (frees(ref, object, previous)) recount(object);
      };
      this.#followed.set(key, informer.addHandler({ onDelete: recount, onUpdate }));
      informers.start();
    }
    return (await client.resource(ref).in(namespace).list({ signal })).items;
  }

  #recount(namespace: string): void {
    const quotas = this.#context.informers.for(resources.resourceQuotas).inNamespace(namespace);
    for (const quota of quotas) this.#loop?.enqueue(objectKey(quota));
  }
}

/** Changes that make something count for less, apart from going. */
function frees(ref: ResourceRef, object: KubeObject, previous: KubeObject): boolean {
  if (ref.group !== "") return false;
  if (ref.plural === "pods") return isPodFinished(object as Pod) && !isPodFinished(previous as Pod);
  if (ref.plural !== "services") return false;
  return canonicalJson(object["spec"]) !== canonicalJson(previous["spec"]);
}
