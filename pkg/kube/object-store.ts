/**
 * Objects by key, with indices. Keys are `namespace/name`, or `name` for objects without a namespace. Objects are shared with
 * everyone who asks and must never be changed; the store holds them and hands them out, no more.
 */
import type { KubeObject, Stored } from "#pkg/api/meta/object.ts";
import { BerthError } from "#pkg/system/errors.ts";

/** The index values of an object; none leaves it out of the index. */
export type IndexFunction<T> = (object: T) => readonly string[];

/** What readers of a cache may do with it. */
export interface ObjectReader<T extends KubeObject> {
  get(key: string): Stored<T> | undefined;
  list(): readonly Stored<T>[];
  /** The objects of one namespace. */
  inNamespace(namespace: string): readonly Stored<T>[];
  /** The objects with this value in a named index. Throws "NotFound" for an index nobody added. */
  byIndex(index: string, value: string): readonly Stored<T>[];
}

interface Index<T> {
  readonly compute: IndexFunction<T>;
  readonly keysByValue: Map<string, Set<string>>;
}

const namespaceIndex = "namespace";

export class ObjectStore<T extends KubeObject> implements ObjectReader<T> {
  readonly #objects = new Map<string, Stored<T>>();
  readonly #indices = new Map<string, Index<Stored<T>>>();

  constructor() {
    this.addIndex(namespaceIndex, (object) => [object.metadata.namespace ?? ""]);
  }

  get size(): number {
    return this.#objects.size;
  }

  get(key: string): Stored<T> | undefined {
    return this.#objects.get(key);
  }

  list(): readonly Stored<T>[] {
    return [...this.#objects.values()];
  }

  keys(): readonly string[] {
    return [...this.#objects.keys()];
  }

  inNamespace(namespace: string): readonly Stored<T>[] {
    return this.byIndex(namespaceIndex, namespace);
  }

  byIndex(index: string, value: string): readonly Stored<T>[] {
    const found = this.#indices.get(index);
    if (!found) throw new BerthError("NotFound", `there is no index "${index}"; add it with addIndex()`);
    const objects: Stored<T>[] = [];
    for (const key of found.keysByValue.get(value) ?? []) {
      const object = this.#objects.get(key);
      if (object) objects.push(object);
    }
    return objects;
  }

  /** Adds an index over present and future objects. The same name with the same function again changes nothing. */
  addIndex(name: string, compute: IndexFunction<Stored<T>>): void {
    const known = this.#indices.get(name);
    if (known?.compute === compute) return;
    if (known) throw new BerthError("AlreadyExists", `there is another index "${name}"`);
    const index: Index<Stored<T>> = { compute, keysByValue: new Map() };
    this.#indices.set(name, index);
    for (const [key, object] of this.#objects) addToIndex(index, key, object);
  }

  /** Stores the object in place of the one with the same key, and returns that one. */
  set(key: string, object: Stored<T>): Stored<T> | undefined {
    const previous = this.#objects.get(key);
    this.#objects.set(key, object);
    for (const index of this.#indices.values()) {
      if (previous) removeFromIndex(index, key, previous);
      addToIndex(index, key, object);
    }
    return previous;
  }

  delete(key: string): Stored<T> | undefined {
    const previous = this.#objects.get(key);
    if (!previous) return undefined;
    this.#objects.delete(key);
    for (const index of this.#indices.values()) removeFromIndex(index, key, previous);
    return previous;
  }
}

/** `namespace/name`, or `name` for objects without a namespace. */
export function objectKey(object: {
  readonly metadata: { name?: string | undefined; namespace?: string | undefined };
}): string {
  const { namespace, name = "" } = object.metadata;
  return namespace ? `${namespace}/${name}` : name;
}

/** The reverse of objectKey; the namespace is "" when there is none. */
export function splitKey(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf("/");
  return slash < 0 ? { namespace: "", name: key } : { namespace: key.slice(0, slash), name: key.slice(slash + 1) };
}

function addToIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.compute(object)) {
    const keys = index.keysByValue.get(value);
    if (keys) keys.add(key);
    else index.keysByValue.set(value, new Set([key]));
  }
}

function removeFromIndex<T>(index: Index<T>, key: string, object: T): void {
  for (const value of index.compute(object)) {
    const keys = index.keysByValue.get(value);
    keys?.delete(key);
    if (keys?.size === 0) index.keysByValue.delete(value);
  }
}
