/**
 * Objects on their way to the store. When the store's watch brings back bytes that this process wrote itself, the object
 * is taken from here instead of being parsed again; equal bytes mean an equal object, whatever happened in between.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StoredEntry } from "./stored-entry.ts";

/** More than can be under way at once; what was never seen again (a broken watch) is dropped, oldest first. */
const maxPending = 4096;

export class PendingWrite {
  readonly bytes: Uint8Array;
  readonly #object: KubeObject;
  #entry: StoredEntry | undefined;

  /** `object` becomes the entry's and must not be changed by the caller any more. */
  constructor(object: KubeObject, bytes: Uint8Array) {
    this.#object = object;
    this.bytes = bytes;
  }

  /** The entry of this object at `revision`: the same one for the writer and for the cache. */
  entryAt(revision: number): StoredEntry {
    if (this.#entry?.revision === revision) return this.#entry;
    const metadata = { ...this.#object.metadata, resourceVersion: String(revision) };
    this.#entry = new StoredEntry({ ...this.#object, metadata }, revision);
    return this.#entry;
  }
}

export class PendingWrites {
  readonly #writes = new Map<string, PendingWrite>();

  add(key: string, write: PendingWrite): void {
    this.#writes.set(key, write);
    if (this.#writes.size <= maxPending) return;
    const oldest = this.#writes.keys().next();
    if (!oldest.done) this.#writes.delete(oldest.value);
  }

  /** The write failed, or its outcome is known in another way. */
  remove(key: string, write: PendingWrite): void {
    if (this.#writes.get(key) === write) this.#writes.delete(key);
  }

  /** The entry for bytes that the store says are at `key` since `revision`, when they were written here. */
  take(key: string, value: Uint8Array, revision: number): StoredEntry | undefined {
    const write = this.#writes.get(key);
    if (!write || Buffer.compare(write.bytes, value) !== 0) return undefined;
    this.#writes.delete(key);
    return write.entryAt(revision);
  }
}
