/**
 * A registry that shows another registry's objects in another form: events.k8s.io/v1 over core/v1 Event, autoscaling/v1
 * over v2. Objects are stored once; each is converted at most once while somebody holds it.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type {
  CreateOptions,
  DeleteOptions,
  GetOptions,
  ListOptions,
  ListResult,
  ResourceRegistry,
  Transform,
  UpdateOptions,
  ValidateAdmission,
  WatchItem,
  WatchOptions,
  WatchSubscription,
  WriteContext,
} from "./resource-registry.ts";
import { StoredEntry } from "./stored-entry.ts";

/** Both directions are pure, keep metadata as it is, and do not change what they are given. */
export interface Conversion {
  toServed(stored: KubeObject): KubeObject;
  toStored(served: KubeObject): KubeObject;
}

export class ConvertedRegistry implements ResourceRegistry {
  readonly #inner: ResourceRegistry;
  readonly #conversion: Conversion;
  readonly #served = new WeakMap<StoredEntry, StoredEntry>();

  constructor(inner: ResourceRegistry, conversion: Conversion) {
    this.#inner = inner;
    this.#conversion = conversion;
  }

  async create(object: KubeObject, options: CreateOptions, context: WriteContext): Promise<StoredEntry> {
    const stored = this.#conversion.toStored(object);
    return this.#entry(await this.#inner.create(stored, this.#admitServed(options), context));
  }

  async get(namespace: string, name: string, options: GetOptions): Promise<StoredEntry> {
    return this.#entry(await this.#inner.get(namespace, name, options));
  }

  async list(options: ListOptions, signal: AbortSignal): Promise<ListResult> {
    const result = await this.#inner.list(options, signal);
    return { ...result, entries: result.entries.map((entry) => this.#entry(entry)) };
  }

  async watch(options: WatchOptions, signal: AbortSignal): Promise<WatchSubscription> {
    const watch = await this.#inner.watch(options, signal);
    return {
      next: async () => (await watch.next())?.map((item) => this.#item(item)),
      [Symbol.dispose]: () => watch[Symbol.dispose](),
    };
  }

  async update(
    options: UpdateOptions,
    transform: Transform,
    context: WriteContext,
  ): Promise<{ readonly entry: StoredEntry; readonly created: boolean }> {
    const { toServed, toStored } = this.#conversion;
    const inStoredForm: Transform = async (current) => toStored(await transform(current && toServed(current)));
    const done = await this.#inner.update(this.#admitServed(options), inStoredForm, context);
    return { ...done, entry: this.#entry(done.entry) };
  }

  async delete(
    options: DeleteOptions,
    context: WriteContext,
  ): Promise<{ readonly entry: StoredEntry; readonly deleted: boolean }> {
    const done = await this.#inner.delete(this.#admitServed(options), context);
    return { ...done, entry: this.#entry(done.entry) };
  }

  async deleteCollection(
    list: ListOptions,
    options: Omit<DeleteOptions, "name">,
    context: WriteContext,
  ): Promise<readonly StoredEntry[]> {
    const deleted = await this.#inner.deleteCollection(list, this.#admitServed(options), context);
    return deleted.map((entry) => this.#entry(entry));
  }

  #entry(stored: StoredEntry): StoredEntry {
    let served = this.#served.get(stored);
    if (!served) {
      served = StoredEntry.lazy(() => this.#conversion.toServed(stored.object), stored.revision);
      this.#served.set(stored, served);
    }
    return served;
  }

  #item(item: WatchItem): WatchItem {
    return "entry" in item ? { type: item.type, entry: this.#entry(item.entry) } : item;
  }

  /** Admission judges objects in the form the client sent them in. */
  #admitServed<T extends { readonly validateAdmission: ValidateAdmission }>(options: T): T {
    const { toServed } = this.#conversion;
    const { validateAdmission } = options;
    return {
      ...options,
      validateAdmission: (next, current) => validateAdmission(next && toServed(next), current && toServed(current)),
    };
  }
}
