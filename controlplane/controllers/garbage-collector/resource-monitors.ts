/**
 * Follows every resource the server has, and goes on to follow those that come later with a CustomResourceDefinition or an
 * APIService. Built-in resources are followed through the shared informers; the others through informers that keep metadata only.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import { Informer, type InformerHandlers } from "#pkg/kube/informer.ts";
import { type PeriodicSync, startPeriodicSync } from "#pkg/kube/periodic-sync.ts";
import { type ResourceRef, resourceKey, resources } from "#pkg/kube/resources.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { ControllerContext } from "../controller-context.ts";
import type { DiscoveredResource, DiscoverResources } from "../resource-discovery.ts";

export interface MonitorsOptions {
  readonly discover: DiscoverResources;
  /** Called for each resource that is newly followed. */
  handlersFor(ref: ResourceRef): InformerHandlers<KubeObject>;
  /** Called when a resource is followed no more. */
  onGone(ref: ResourceRef): void;
  /** Called when the set of resources changed. */
  onResources(refs: readonly ResourceRef[]): void;
}

/** Their objects are many, live an hour, and own nothing. */
const unfollowed: ReadonlySet<string> = new Set(["/events", "events.k8s.io/events"]);
/** What is served changes with the objects that are followed here; this is for what those do not tell. */
const rediscoverMs = 5 * 60_000;
/** A resource that never answers must not keep the others waiting. */
const customSyncMs = 30_000;

interface Monitor extends AsyncDisposable {
  readonly ref: ResourceRef;
  readonly custom: Informer<KubeObject> | undefined;
}

export class ResourceMonitors implements AsyncDisposable {
  readonly #context: ControllerContext;
  readonly #options: MonitorsOptions;
  readonly #monitors = new Map<string, Monitor>();
  readonly #subscriptions: Disposable[];
  readonly #sync: PeriodicSync;

  constructor(context: ControllerContext, options: MonitorsOptions) {
    this.#context = context;
    this.#options = options;
    const { clock, log, informers } = context;
    this.#sync = startPeriodicSync({
      name: "garbage-collector-monitors",
      sync: (signal) => this.#follow(signal),
      minMs: 1000,
      retryMs: 5000,
      maxMs: rediscoverMs,
      clock,
      log,
    });
    const trigger = (): void => this.#sync.trigger();
    const handlers = { onAdd: trigger, onUpdate: trigger, onDelete: trigger };
    this.#subscriptions = [
      informers.for(resources.customResourceDefinitions).addHandler(handlers),
      informers.for(resources.apiServices).addHandler(handlers),
    ];
    informers.start();
  }

  /** Resolves when all that is known by now was seen. */
  async waitForSync(signal: AbortSignal): Promise<void> {
    await this.#sync.flush();
    await this.#context.informers.waitForSync(signal);
    const limit = AbortSignal.any([signal, this.#timeout(signal)]);
    const custom = [...this.#monitors.values()].flatMap((monitor) => monitor.custom ?? []);
    const results = await Promise.allSettled(custom.map((informer) => informer.waitForSync(limit)));
    for (const result of results) {
      if (result.status === "rejected" && !signal.aborted)
        this.#context.log.warn("the garbage collector starts without a resource", { reason: messageOf(result.reason) });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const subscription of this.#subscriptions) subscription[Symbol.dispose]();
    await this.#sync[Symbol.asyncDispose]();
    await Promise.all([...this.#monitors.values()].map((monitor) => monitor[Symbol.asyncDispose]()));
  }

  #timeout(signal: AbortSignal): AbortSignal {
    const controller = new AbortController();
    const timer = this.#context.clock.setTimer(customSyncMs, () => controller.abort());
    signal.addEventListener("abort", () => timer.cancel(), { once: true });
    return controller.signal;
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const discovery = await this.#options.discover(signal);
    const wanted = new Map(discovery.resources.filter(isFollowed).map((ref) => [resourceKey(ref), ref]));
    const failed = new Set(discovery.failedGroups);
    for (const [key, monitor] of this.#monitors) {
      // A group that does not answer now will be back.
      if (wanted.has(key) || failed.has(`${monitor.ref.group}/${monitor.ref.version}`)) continue;
      this.#monitors.delete(key);
      await monitor[Symbol.asyncDispose]();
      this.#options.onGone(monitor.ref);
    }
    for (const [key, ref] of wanted) if (!this.#monitors.has(key)) this.#monitors.set(key, this.#start(ref));
    this.#context.informers.start();
    this.#options.onResources([...wanted.values()]);
  }

  #start(ref: ResourceRef): Monitor {
    const handlers = this.#options.handlersFor(ref);
    if (isBuiltIn(ref)) {
      const subscription = this.#context.informers.for(ref).addHandler(handlers);
      return { ref, custom: undefined, [Symbol.asyncDispose]: async () => subscription[Symbol.dispose]() };
    }
    const { client, clock, random, log } = this.#context;
    const custom = new Informer({ client: client.resource(ref), clock, random, log, transform: metadataOnly });
    custom.addHandler(handlers);
    custom.start();
    return { ref, custom, [Symbol.asyncDispose]: () => custom[Symbol.asyncDispose]() };
  }
}

const builtIn: ReadonlySet<string> = new Set(Object.values(resources).map((ref) => resourceKey(ref)));

export function isBuiltIn(ref: ResourceRef): boolean {
  return builtIn.has(resourceKey(ref));
}

function isFollowed({ group, plural, verbs }: DiscoveredResource): boolean {
  return ["list", "watch", "delete"].every((verb) => verbs.includes(verb)) && !unfollowed.has(`${group}/${plural}`);
}

function metadataOnly({ apiVersion, kind, metadata }: Stored<KubeObject>): Stored<KubeObject> {
  const { managedFields: _fields, annotations: _annotations, ...kept } = metadata;
  return { apiVersion, kind, metadata: kept };
}
