/**
 * A local, indexed copy of one resource that follows the server, and tells its handlers what changes.
 *  - handlers are called synchronously, in the order of events, after the store has the new state;
 *  - objects are shared by all readers and frozen: changing one throws;
 *  - what a relist finds missing is reported as deleted with its last known state (`isFinalStateUnknown`);
 *  - an object that was deleted and made again under its old name is reported as a deletion and an addition.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { type IndexFunction, type ObjectReader, ObjectStore, objectKey } from "./object-store.ts";
import { type ReflectorOptions, type ReflectorSink, runReflector } from "./reflector.ts";

export interface InformerHandlers<T extends KubeObject> {
  readonly onAdd?: ((object: Stored<T>, info: { readonly isInInitialList: boolean }) => void) | undefined;
  readonly onUpdate?: ((object: Stored<T>, previous: Stored<T>) => void) | undefined;
  readonly onDelete?: ((lastState: Stored<T>, info: { readonly isFinalStateUnknown: boolean }) => void) | undefined;
}

export interface InformerOptions<T extends KubeObject> extends ReflectorOptions<T> {
  /** Changes each object before it is stored, to save memory. May return its argument changed. Default: drops managedFields. */
  readonly transform?: ((object: Stored<T>) => Stored<T>) | undefined;
}

export class Informer<T extends KubeObject> implements ObjectReader<T>, AsyncDisposable {
  readonly #options: InformerOptions<T>;
  readonly #log: Logger;
  readonly #store = new ObjectStore<T>();
  readonly #handlers = new Set<InformerHandlers<T>>();
  readonly #stop = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #hasSynced = false;
  #running: Promise<void> | undefined;

  constructor(options: InformerOptions<T>) {
    this.#options = options;
    this.#log = options.log.with({ resource: options.client.ref.plural });
  }

  /** Begins to follow the server; again does nothing. */
  start(): void {
    this.#running ??= runReflector(this.#options, this.#sink(), this.#stop.signal);
  }

  /** True once the first list is in the store and all handlers have seen it. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when hasSynced is true; rejects with "Aborted" when the signal fires or the informer is disposed before. */
  async waitForSync(signal?: AbortSignal): Promise<void> {
    const ends = signal ? AbortSignal.any([signal, this.#stop.signal]) : this.#stop.signal;
    const aborted = Promise.withResolvers<never>();
    const abort = (): void =>
      aborted.reject(new BerthError("Aborted", `waiting for ${this.#options.client.ref.plural} was aborted`));
    if (ends.aborted) abort();
    ends.addEventListener("abort", abort, { once: true });
    try {
      await Promise.race([this.#synced.promise, aborted.promise]);
    } finally {
      ends.removeEventListener("abort", abort);
    }
  }

  /** Objects that are there already are reported at once. Dispose the result to hear no more. */
  addHandler(handlers: InformerHandlers<T>): Disposable {
    this.#handlers.add(handlers);
    for (const object of this.#store.list()) this.#call(() => handlers.onAdd?.(object, { isInInitialList: true }));
    return { [Symbol.dispose]: () => this.#handlers.delete(handlers) };
  }

  addIndex(name: string, compute: IndexFunction<Stored<T>>): void {
    this.#store.addIndex(name, compute);
  }

  get size(): number {
    return this.#store.size;
  }

  get(key: string): Stored<T> | undefined {
    return this.#store.get(key);
  }

  list(): readonly Stored<T>[] {
    return this.#store.list();
  }

  inNamespace(namespace: string): readonly Stored<T>[] {
    return this.#store.inNamespace(namespace);
  }

  byIndex(index: string, value: string): readonly Stored<T>[] {
    return this.#store.byIndex(index, value);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  #sink(): ReflectorSink<T> {
    return {
      replaceAll: (objects) => this.#replaceAll(objects),
      upsert: (object) => this.#upsert(object, false),
      remove: (object) => this.#remove(object),
    };
  }

  #replaceAll(objects: readonly Stored<T>[]): void {
    const present = new Set(objects.map(objectKey));
    for (const key of this.#store.keys()) {
      if (!present.has(key)) this.#forget(key);
    }
    for (const object of objects) this.#upsert(object, !this.#hasSynced);
    if (this.#hasSynced) return;
    this.#hasSynced = true;
    this.#synced.resolve();
  }

  #upsert(received: Stored<T>, isInInitialList: boolean): void {
    const key = objectKey(received);
    const known = this.#store.get(key);
    if (known && known.metadata.resourceVersion === received.metadata.resourceVersion) return;
    const object = this.#prepare(received);
    if (known && known.metadata.uid !== object.metadata.uid) this.#forget(key);
    const previous = this.#store.set(key, object);
    this.#tell((handlers) => {
      if (previous) handlers.onUpdate?.(object, previous);
      else handlers.onAdd?.(object, { isInInitialList });
    });
  }

  #remove(received: Stored<T>): void {
    if (!this.#store.delete(objectKey(received))) return;
    const lastState = this.#prepare(received);
    this.#tell((handlers) => handlers.onDelete?.(lastState, { isFinalStateUnknown: false }));
  }

  #forget(key: string): void {
    const lastState = this.#store.delete(key);
    if (lastState) this.#tell((handlers) => handlers.onDelete?.(lastState, { isFinalStateUnknown: true }));
  }

  #prepare(object: Stored<T>): Stored<T> {
    return deepFreeze((this.#options.transform ?? dropManagedFields)(object));
  }

  #tell(call: (handlers: InformerHandlers<T>) => void): void {
    for (const handlers of [...this.#handlers]) this.#call(() => call(handlers));
  }

  /** A handler that throws must not stop the others, nor the mirror. */
  #call(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.error("an informer handler threw", { error });
    }
  }
}

/** managedFields is often the largest part of an object, and only server-side apply needs it. */
export function dropManagedFields<T extends KubeObject>(object: T): T {
  object.metadata.managedFields = undefined;
  return object;
}

function deepFreeze<T extends object>(object: T): T {
  Object.freeze(object);
  for (const key in object) {
    const part: unknown = object[key];
    if (typeof part === "object" && part !== null && !Object.isFrozen(part)) deepFreeze(part);
  }
  return object;
}
