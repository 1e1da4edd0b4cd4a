/**
 * What the fake API server keeps: objects by resource and key, one counter of revisions, and the history of changes that
 * watches replay. Stored objects are never changed in place.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";

export interface Change {
  readonly revision: number;
  readonly resource: string;
  readonly key: string;
  /** Undefined: the object was created. */
  readonly previous: KubeObject | undefined;
  /** Undefined: the object was deleted. */
  readonly next: KubeObject | undefined;
  /** The object as a watch shows it: for a deletion, the last state at the deletion's revision. */
  readonly shown: KubeObject;
}

export type ChangeListener = (change: Change) => void;

export class FakeStorage {
  #revision: number;
  /** Changes up to and including this revision can no longer be had. */
  #forgottenUpTo: number;
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  #history: Change[] = [];
  readonly #listeners = new Set<ChangeListener>();

  constructor(firstRevision = 1000) {
    this.#revision = firstRevision;
    this.#forgottenUpTo = firstRevision - 1;
  }

  get revision(): number {
    return this.#revision;
  }

  get forgottenUpTo(): number {
    return this.#forgottenUpTo;
  }

  get(resource: string, key: string): KubeObject | undefined {
    return this.#objects.get(resource)?.get(key);
  }

  /** Keys and objects in key order. */
  list(resource: string): readonly (readonly [string, KubeObject])[] {
    const entries = [...(this.#objects.get(resource) ?? [])];
    return entries.sort(([a], [b]) => Number(a > b) - Number(a < b));
  }

  /** The objects as they were at a revision that is not forgotten. */
  listAt(resource: string, revision: number): readonly (readonly [string, KubeObject])[] {
    const objects = new Map(this.#objects.get(resource) ?? []);
    for (const change of this.#history.toReversed()) {
      if (change.revision <= revision) break;
      if (change.resource !== resource) continue;
      if (change.previous) objects.set(change.key, change.previous);
      else objects.delete(change.key);
    }
    return [...objects].sort(([a], [b]) => Number(a > b) - Number(a < b));
  }

  /** Stores the object under a new revision and returns it with its resourceVersion. */
  put(resource: string, key: string, object: KubeObject): KubeObject {
    const previous = this.get(resource, key);
    const next = this.#stamped(object);
    const collection = this.#objects.get(resource) ?? new Map<string, KubeObject>();
    this.#objects.set(resource, collection.set(key, next));
    this.#record({ revision: this.#revision, resource, key, previous, next, shown: next });
    return next;
  }

  /** Removes the object and returns its last state, at the revision of the removal. */
  delete(resource: string, key: string): KubeObject {
    const previous = this.get(resource, key);
    if (!previous) throw new Error(`no ${resource} ${key} to delete`);
    const shown = this.#stamped(previous);
    this.#objects.get(resource)?.delete(key);
    this.#record({ revision: this.#revision, resource, key, previous, next: undefined, shown });
    return shown;
  }

  /** The changes of a resource after a revision, oldest first. */
  changesAfter(resource: string, revision: number): readonly Change[] {
    return this.#history.filter((change) => change.resource === resource && change.revision > revision);
  }

  /** Forgets every change so far, as compaction does: watches from before now fail with 410. */
  forgetHistory(): void {
    // The present revision itself stays good to watch from.
    this.#revision += 1;
    this.#forgottenUpTo = this.#revision - 1;
    this.#history = [];
  }

  listen(listener: ChangeListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  #stamped(object: KubeObject): KubeObject {
    this.#revision += 1;
    return { ...object, metadata: { ...object.metadata, resourceVersion: String(this.#revision) } };
  }

  #record(change: Change): void {
    this.#history.push(change);
    for (const listener of [...this.#listeners]) listener(change);
  }
}
