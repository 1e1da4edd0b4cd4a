/**
 * The cache reader and the server's own writer over a map: objects appear at once, writes check for existence and
 * resourceVersion as the registries do, and listeners hear of every change.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { ObjectListener, ObjectReader, ObjectWriter } from "../registry/resource-registry.ts";

export class MemoryObjects implements ObjectReader, ObjectWriter {
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #listeners = new Map<string, Set<ObjectListener>>();
  #revision = 1;
  #uids = 0;

  /** Stores an object as if it had been there; fills in uid and resourceVersion. */
  put<T extends KubeObject>(group: string, resource: string, object: T): T {
    const metadata = { uid: `uid-${++this.#uids}`, ...object.metadata, resourceVersion: String(++this.#revision) };
    const stored = { ...object, metadata };
    this.#set(group, resource, stored);
    return stored;
  }

  remove(group: string, resource: string, namespace: string, name: string): void {
    const previous = this.get(group, resource, namespace, name);
    this.#ofResource(group, resource).delete(`${namespace}/${name}`);
    if (previous) this.#tell(group, resource, undefined, previous);
  }

  hasSynced(): boolean {
    return true;
  }

  get(group: string, resource: string, namespace: string, name: string): KubeObject | undefined {
    return this.#ofResource(group, resource).get(`${namespace}/${name}`);
  }

  list(group: string, resource: string, namespace: string): readonly KubeObject[] {
    const all = [...this.#ofResource(group, resource).values()];
    return namespace === "" ? all : all.filter((object) => object.metadata.namespace === namespace);
  }

  onChange(group: string, resource: string, listener: ObjectListener): Disposable {
    const key = `${resource}.${group}`;
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return { [Symbol.dispose]: () => void listeners.delete(listener) };
  }

  async getLive(group: string, resource: string, namespace: string, name: string): Promise<KubeObject | undefined> {
    return this.get(group, resource, namespace, name);
  }

  async create(group: string, resource: string, object: KubeObject): Promise<KubeObject> {
    const { namespace = "", name = "" } = object.metadata;
    if (this.get(group, resource, namespace, name)) throw StatusError.alreadyExists({ group, resource }, name);
    return this.put(group, resource, structuredClone(object));
  }

  async update(group: string, resource: string, subresource: string, object: KubeObject): Promise<KubeObject> {
    const { namespace = "", name = "", resourceVersion } = object.metadata;
    const current = this.get(group, resource, namespace, name);
    if (!current) throw StatusError.notFound({ group, resource }, name);
    if (resourceVersion && resourceVersion !== current.metadata.resourceVersion) {
      throw StatusError.modified({ group, resource }, name);
    }
    const next = subresource === "" ? object : { ...current, [subresource]: object[subresource] };
    return this.put(group, resource, structuredClone(next));
  }

  #set(group: string, resource: string, object: KubeObject): void {
    const { namespace = "", name = "" } = object.metadata;
    const previous = this.get(group, resource, namespace, name);
    this.#ofResource(group, resource).set(`${namespace}/${name}`, object);
    this.#tell(group, resource, object, previous);
  }

  #tell(group: string, resource: string, next: KubeObject | undefined, previous: KubeObject | undefined): void {
    for (const listener of this.#listeners.get(`${resource}.${group}`) ?? []) listener(next, previous);
  }

  #ofResource(group: string, resource: string): Map<string, KubeObject> {
    const key = `${resource}.${group}`;
    const objects = this.#objects.get(key) ?? new Map<string, KubeObject>();
    this.#objects.set(key, objects);
    return objects;
  }
}
