/**
 * All registries of one API server: one watch cache, one set of leases, a GenericRegistry per stored resource, and the
 * reader and writer that the rest of the server uses. Register the built-in resources, then `start`.
 *
 * Consistency rules
 *  - The store is the truth. Every write is a compare-and-set on the object's revision; what a write answers is durable.
 *  - The caches follow the store through one watch, so all of them stand at one revision, and every reader sees whole
 *    revisions. `reader` looks at the caches as they are: right for hints and for what is checked again on write.
 *  - get and list without a resourceVersion are linearizable: a get reads its key from the store, a list asks the store
 *    for its revision and waits until the caches are there (3 s, then it reads the store itself). "0" takes what is
 *    there; N waits for N; Exact and continue tokens read the state as of that revision.
 *  - An update begins with the cached object. When what comes of it is not a write that succeeded (an error, nothing to
 *    do, a lost compare) and that object was not the newest, it is done again, so a cache that lags costs time and never
 *    gives a wrong answer.
 *  - A watch sees each change of its resource once and in order. When that cannot be kept (history compacted away, or the
 *    client read too slowly) it ends with 410 Expired, and the client lists again.
 *
 * Files: watch-cache (one watch for all), resource-cache, event-ring, cache-watcher (its readers); object-storage (keys,
 * transactions); generic-registry with prepare-create, prepare-update, compute-deletion (the rules for objects);
 * list-objects, watch-objects, selection (reads).
 */
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import type { Store } from "../../store/store.ts";
import { CacheReader } from "./cache-reader.ts";
import { GenericRegistry } from "./generic-registry.ts";
import type { ObjectCodec } from "./object-codec.ts";
import { ObjectStorage } from "./object-storage.ts";
import { RegistryWriter } from "./registry-writer.ts";
import type { ObjectReader, ObjectWriter } from "./resource-registry.ts";
import type { StoredResource } from "./stored-resource.ts";
import type { Strategy } from "./strategy.ts";
import { TtlLeases } from "./ttl-leases.ts";
import { WatchCache, type WatchCacheLog } from "./watch-cache.ts";

export interface RegistriesOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: WatchCacheLog;
  readonly codec?: ObjectCodec;
}

export interface ResourceUsage {
  readonly group: string;
  readonly resource: string;
  readonly objects: number;
  readonly watchers: number;
  /** Past changes that a watch can still start from. */
  readonly events: number;
  readonly eventCapacity: number;
  readonly synced: boolean;
}

export class Registries implements AsyncDisposable {
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly hub: WatchCache;
  readonly #options: RegistriesOptions;
  readonly #leases: TtlLeases;
  readonly #reader: CacheReader;
  readonly #byResource = new Map<string, GenericRegistry>();

  constructor(options: RegistriesOptions) {
    this.#options = options;
    const { store, clock, log, codec } = options;
    this.hub = new WatchCache({ store, clock, log, ...(codec ? { codec } : {}) });
    this.#leases = new TtlLeases(store.leases, clock);
    this.#reader = new CacheReader();
    this.reader = this.#reader;
    this.writer = new RegistryWriter((group, resource) => this.get(group, resource));
  }

  /** Before or after `start`. A resource is registered once, whatever versions it is served in. */
  register(resource: StoredResource, strategy: Strategy): GenericRegistry {
    const { clock, random } = this.#options;
    const storage = new ObjectStorage(this.hub, resource.prefix, this.#leases);
    const registry = new GenericRegistry({ resource, strategy, hub: this.hub, storage, clock, random });
    this.#byResource.set(registryKey(resource.group, resource.resource), registry);
    this.#reader.add(resource.group, resource.resource, storage);
    return registry;
  }

  /** Ends the watches of a resource that is no longer served, and forgets it. Its objects stay in the store. */
  unregister(group: string, resource: string): void {
    const registry = this.#byResource.get(registryKey(group, resource));
    if (!registry) return;
    this.#byResource.delete(registryKey(group, resource));
    this.#reader.remove(group, resource);
    this.hub.unregister(registry.resource.prefix);
  }

  get(group: string, resource: string): GenericRegistry | undefined {
    return this.#byResource.get(registryKey(group, resource));
  }

  /** One row per resource, for metrics. */
  *usage(): Generator<ResourceUsage> {
    for (const { resource, storage } of this.#byResource.values()) {
      const { cache } = storage;
      yield {
        group: resource.group,
        resource: resource.resource,
        objects: cache.size,
        watchers: cache.watcherCount,
        events: cache.ring.end - cache.ring.first,
        eventCapacity: cache.ring.capacity,
        synced: cache.synced,
      };
    }
  }

  /** Resolves once the caches hold what the store holds. */
  start(): Promise<void> {
    return this.hub.start();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.hub[Symbol.asyncDispose]();
  }
}

function registryKey(group: string, resource: string): string {
  return `${resource}.${group}`;
}
