/** Registries on the memory store, for tests: one ConfigMap-like resource, or any other, with short ways to write. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import type { Store } from "../../../store/store.ts";
import { MemoryStore } from "../../../store/testing/memory-store.ts";
import type { GenericRegistry } from "../generic-registry.ts";
import { Registries } from "../registries.ts";
import type {
  DeleteOptions,
  ListOptions,
  UpdateOptions,
  WatchItem,
  WatchOptions,
  WatchSubscription,
  WriteContext,
} from "../resource-registry.ts";
import type { StoredEntry } from "../stored-entry.ts";
import type { StoredResource } from "../stored-resource.ts";
import type { Strategy } from "../strategy.ts";

export const configMaps: StoredResource = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  resource: "configmaps",
  namespaced: true,
  prefix: "/registry/configmaps/",
  hasStatus: false,
  allowsCreateOnUpdate: false,
  allowsUnconditionalUpdate: true,
};

export const widgets: StoredResource = {
  group: "example.com",
  version: "v1",
  kind: "Widget",
  resource: "widgets",
  namespaced: true,
  prefix: "/registry/example.com/widgets/",
  hasStatus: true,
  allowsCreateOnUpdate: false,
  allowsUnconditionalUpdate: false,
};

const acceptAll = (): Promise<void> => Promise.resolve();

export interface FixtureOptions {
  readonly resource?: StoredResource;
  readonly strategy?: Strategy;
  readonly store?: Store;
}

export class RegistryFixture implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly random = new SeededRandom(7);
  readonly store: Store;
  readonly registries: Registries;
  readonly registry: GenericRegistry;
  readonly warnings: string[] = [];
  readonly logged: string[] = [];

  constructor({ resource = configMaps, strategy = {}, store }: FixtureOptions = {}) {
    this.store = store ?? new MemoryStore({ clock: this.clock });
    const log = {
      warn: (details: unknown, message: string) => this.logged.push(`${message} ${JSON.stringify(details)}`),
    };
    this.registries = new Registries({ store: this.store, clock: this.clock, random: this.random, log });
    this.registry = this.registries.register(resource, strategy);
    // Whoever changes an object that is shared with the caches is found out.
    this.registries.reader.onChange(resource.group, resource.resource, (next) => deepFreeze(next));
  }

  static async start(options: FixtureOptions = {}): Promise<RegistryFixture> {
    const fixture = new RegistryFixture(options);
    await fixture.registries.start();
    return fixture;
  }

  context(signal: AbortSignal = new AbortController().signal): WriteContext {
    return { user: { name: "tester", groups: [] }, signal, warn: (text) => this.warnings.push(text) };
  }

  object(name: string, fields: Readonly<Record<string, unknown>> = {}, namespace = "default"): KubeObject {
    const { metadata, ...rest } = fields;
    const { group, version, kind } = this.registry.resource;
    const apiVersion = group ? `${group}/${version}` : version;
    return { apiVersion, kind, metadata: { name, namespace, ...(metadata as object) }, ...rest };
  }

  create(name: string, fields: Readonly<Record<string, unknown>> = {}, namespace = "default"): Promise<StoredEntry> {
    return this.createObject(this.object(name, fields, namespace));
  }

  createObject(object: KubeObject, dryRun = false): Promise<StoredEntry> {
    const namespace = object.metadata.namespace ?? "";
    return this.registry.create(object, { namespace, dryRun, validateAdmission: acceptAll }, this.context());
  }

  /** Changes a deep copy of the current object. */
  async change(
    name: string,
    change: (object: KubeObject) => void,
    options: Partial<UpdateOptions> = {},
  ): Promise<StoredEntry> {
    const { entry } = await this.registry.update(
      {
        namespace: "default",
        name,
        subresource: "",
        dryRun: false,
        createIfMissing: false,
        validateAdmission: acceptAll,
        ...options,
      },
      async (current) => {
        const next = structuredClone(current ?? this.object(name));
        change(next);
        return next;
      },
      this.context(),
    );
    return entry;
  }

  delete(
    name: string,
    options: Partial<DeleteOptions> = {},
  ): Promise<{ readonly entry: StoredEntry; readonly deleted: boolean }> {
    return this.registry.delete(
      { namespace: "default", name, dryRun: false, validateAdmission: acceptAll, ...options },
      this.context(),
    );
  }

  list(options: Partial<ListOptions> = {}): ReturnType<GenericRegistry["list"]> {
    return this.registry.list({ ...listDefaults, ...options }, new AbortController().signal);
  }

  watch(options: Partial<WatchOptions> = {}, signal?: AbortSignal): Promise<WatchSubscription> {
    return this.registry.watch({ ...watchDefaults, ...options }, signal ?? new AbortController().signal);
  }

  async reader(options: Partial<WatchOptions> = {}, signal?: AbortSignal): Promise<WatchReader> {
    return new WatchReader(await this.watch(options, signal));
  }

  get(name: string, resourceVersion = "", namespace = "default"): Promise<StoredEntry> {
    return this.registry.get(namespace, name, { resourceVersion });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.registries[Symbol.asyncDispose]();
    await this.store[Symbol.asyncDispose]();
  }
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null || Object.isFrozen(value)) return;
  Object.freeze(value);
  for (const part of Object.values(value)) deepFreeze(part);
}

export const listDefaults: ListOptions = {
  namespace: "",
  labelSelector: "",
  fieldSelector: "",
  resourceVersion: "",
  resourceVersionMatch: "",
  limit: 0,
  continueToken: "",
};

export const watchDefaults: WatchOptions = {
  namespace: "",
  labelSelector: "",
  fieldSelector: "",
  resourceVersion: "",
  resourceVersionMatch: "",
  allowBookmarks: false,
  timeoutSeconds: 300,
};

/** "ADDED a@5", "BOOKMARK 7", "BOOKMARK 7 end", "ERROR ...". */
export function itemText(item: WatchItem): string {
  switch (item.type) {
    case "BOOKMARK":
      return `BOOKMARK ${item.revision}${item.initialEventsEnd ? " end" : ""}`;
    case "ERROR":
      return `ERROR ${item.error.message}`;
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return `${item.type} ${item.entry.object.metadata.name}@${item.entry.object.metadata.resourceVersion}`;
  }
}

/** Reads a watch as far as it is ready. */
export class WatchReader implements Disposable {
  readonly #watch: WatchSubscription;
  #pending: Promise<readonly WatchItem[] | undefined> | undefined;
  /** The watch is over. */
  ended = false;

  constructor(watch: WatchSubscription) {
    this.#watch = watch;
  }

  async items(): Promise<WatchItem[]> {
    const read: WatchItem[] = [];
    while (!this.ended) {
      this.#pending ??= this.#watch.next();
      const items = await Promise.race([this.#pending, nothingMore()]);
      if (items === nothing) break;
      this.#pending = undefined;
      if (items) read.push(...items);
      else this.ended = true;
    }
    return read;
  }

  async texts(): Promise<string[]> {
    return (await this.items()).map(itemText);
  }

  [Symbol.dispose](): void {
    this.#watch[Symbol.dispose]();
  }
}

/** Reads `count` items. */
export async function readItems(watch: WatchSubscription, count: number): Promise<WatchItem[]> {
  const read: WatchItem[] = [];
  while (read.length < count) {
    const items = await watch.next();
    if (!items) throw new Error(`the watch ended after ${read.length} of ${count} items`);
    read.push(...items);
  }
  return read;
}

const nothing: readonly WatchItem[] = [];

function nothingMore(): Promise<readonly WatchItem[]> {
  return new Promise((resolve) => setImmediate(() => resolve(nothing)));
}
