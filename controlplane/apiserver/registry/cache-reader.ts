/** The ObjectReader over the caches: what authorization, admission and allocation look things up with. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { namespaceBounds } from "./object-key.ts";
import type { ObjectStorage } from "./object-storage.ts";
import { objectListener } from "./resource-cache.ts";
import type { ObjectListener, ObjectReader } from "./resource-registry.ts";

export class CacheReader implements ObjectReader {
  readonly #storages = new Map<string, ObjectStorage>();
  /** Listeners for resources that are not registered yet. */
  readonly #early = new Map<string, Set<(storage: ObjectStorage) => void>>();

  add(group: string, resource: string, storage: ObjectStorage): void {
    const key = readerKey(group, resource);
    this.#storages.set(key, storage);
    for (const attach of this.#early.get(key) ?? []) attach(storage);
    this.#early.delete(key);
  }

  remove(group: string, resource: string): void {
    this.#storages.delete(readerKey(group, resource));
  }

  hasSynced(group: string, resource: string): boolean {
    return this.#storages.get(readerKey(group, resource))?.cache.synced ?? false;
  }

  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#storages.get(readerKey(group, resource))?.cache.get(namespace, name)?.object;
  }

  list(group: string, resource: string, namespace: string): readonly KubeObject[] {
    const cache = this.#storages.get(readerKey(group, resource))?.cache;
    if (!cache) return [];
    const { entries } = cache.select({ ...namespaceBounds(namespace), filters: false, matches: () => true });
    return entries.map(({ object }) => object);
  }

  onChange(group: string, resource: string, listener: ObjectListener): Disposable {
    const key = readerKey(group, resource);
    const entryListener = objectListener(listener);
    const storage = this.#storages.get(key);
    if (storage) return storage.cache.listen(entryListener);
    let attached: Disposable | undefined;
    const attach = (added: ObjectStorage): void => {
      attached = added.cache.listen(entryListener);
    };
    const waiting = this.#early.get(key) ?? new Set();
    waiting.add(attach);
    this.#early.set(key, waiting);
    return {
      [Symbol.dispose]: () => {
        waiting.delete(attach);
        attached?.[Symbol.dispose]();
      },
    };
  }

  async getLive(group: string, resource: string, namespace: string, name: string): Promise<KubeObject | undefined> {
    const entry = await this.#storages.get(readerKey(group, resource))?.get(namespace, name);
    return entry?.object;
  }
}

function readerKey(group: string, resource: string): string {
  return `${resource}.${group}`;
}
