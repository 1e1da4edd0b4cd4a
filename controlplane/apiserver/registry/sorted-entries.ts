/**
 * The current objects of one resource, ordered by key: `namespace/name` or `name` as latin1 text, which sorts as the
 * store's bytes do. A namespace is a range of keys, so no second index is kept. `snapshot` costs nothing until one of
 * the two sides changes.
 */
import sortedBTree from "sorted-btree";
import type { StoredEntry } from "./stored-entry.ts";

// The package is CommonJS: Node hands over its exports object, a test runner or a bundler may hand over the class itself.
const BTree =
  (sortedBTree as { default?: typeof sortedBTree.default }).default ??
  (sortedBTree as unknown as typeof sortedBTree.default);

function compareKeys(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export class SortedEntries {
  #tree = new BTree<string, StoredEntry>(undefined, compareKeys);

  get size(): number {
    return this.#tree.size;
  }

  get(key: string): StoredEntry | undefined {
    return this.#tree.get(key);
  }

  set(key: string, entry: StoredEntry): void {
    this.#tree.set(key, entry);
  }

  delete(key: string): void {
    this.#tree.delete(key);
  }

  /** Calls `visit` for keys from `start` to `end` (exclusive; undefined: no bound) in order, until it returns false. */
  visit(start: string, end: string | undefined, visit: (entry: StoredEntry, key: string) => boolean): void {
    if (this.#tree.size === 0) return;
    this.#tree.forRange(start, end ?? highestKey, false, (key, entry) =>
      visit(entry, key) ? undefined : { break: true },
    );
  }

  /** How many keys lie in the range. */
  count(start: string, end: string | undefined): number {
    return this.#tree.size === 0 ? 0 : this.#tree.forRange(start, end ?? highestKey, false);
  }

  /** An independent copy. */
  snapshot(): SortedEntries {
    const copy = new SortedEntries();
    copy.#tree = this.#tree.clone();
    return copy;
  }
}

/** Above every key: keys are UTF-8 bytes as latin1 text, and UTF-8 never uses the byte 0xff. */
const highestKey = "\u00ff";
