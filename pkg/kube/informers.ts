/** Informers shared by a whole process: each resource is watched once, however many parts of the process look at it. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { KubeClient } from "./client.ts";
import { Informer } from "./informer.ts";
import type { SelectorOptions } from "./request-options.ts";
import { type ResourceRef, resourceKey } from "./resources.ts";

export interface InformersOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Lists come over the watch where the server can. Default false. */
  readonly usesWatchList?: boolean | undefined;
}

export interface InformerScope extends SelectorOptions {
  /** Default: all namespaces. */
  readonly namespace?: string | undefined;
}

export class Informers implements AsyncDisposable {
  readonly #options: InformersOptions;
  readonly #shared = new Map<string, Informer<KubeObject>>();

  constructor(options: InformersOptions) {
    this.#options = options;
  }

  /** The one informer for this resource and scope, not started. */
  for<T extends KubeObject>(ref: ResourceRef<T>, scope: InformerScope = {}): Informer<T> {
    const { namespace = "", labelSelector, fieldSelector } = scope;
    const key = [resourceKey(ref), namespace, labelSelector?.toString() ?? "", fieldSelector?.toString() ?? ""].join(
      "|",
    );
    const known = this.#shared.get(key);
    if (known) return known as unknown as Informer<T>;
    const { client, ...rest } = this.#options;
    const informer = new Informer<T>({
      ...rest,
      labelSelector,
      fieldSelector,
      client: client.resource(ref).in(namespace),
    });
    this.#shared.set(key, informer as unknown as Informer<KubeObject>);
    return informer;
  }

  /** Starts every informer that was asked for so far and does not run yet. */
  start(): void {
    for (const informer of this.#shared.values()) informer.start();
  }

  /** Resolves when all informers that were asked for so far have synced. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    await Promise.all([...this.#shared.values()].map((informer) => informer.waitForSync(signal)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#shared.values()].map((informer) => informer[Symbol.asyncDispose]()));
  }
}
