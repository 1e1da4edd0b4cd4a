/**
 * The cache of one resource: its current objects in key order, the ring of its recent changes, and those who follow them.
 * Fed by the WatchCache, in revision order; everything here is synchronous, so a reader sees whole revisions only.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { CacheWatcher } from "./cache-watcher.ts";
import { CacheEvent, EventRing, type EventRingLimits } from "./event-ring.ts";
import { objectKey } from "./object-key.ts";
import { expiredWatch } from "./revision-errors.ts";
import type { Selection } from "./selection.ts";
import { SortedEntries } from "./sorted-entries.ts";
import type { StoredEntry } from "./stored-entry.ts";

export type EntryListener = (next: StoredEntry | undefined, previous: StoredEntry | undefined) => void;

/** A change as the store tells it. `entry` undefined: the key was deleted. */
export interface CacheChange {
  readonly revision: number;
  readonly key: string;
  readonly entry: StoredEntry | undefined;
}

export interface ResourceCacheOptions {
  /** Up to where the store's watch was applied. */
  readonly followedRevision: () => number;
  /** A listener threw: its trouble must not become that of the cache. */
  readonly onListenerError: (error: unknown) => void;
  readonly ringLimits?: EventRingLimits | undefined;
}

export interface Page {
  readonly entries: readonly StoredEntry[];
  /** Key of the last entry, when there are more matches behind it. */
  readonly lastKey: string | undefined;
  /** Keys behind the page, matching or not; only counted when there are more. */
  readonly remaining: number;
}

export class ResourceCache {
  readonly ring: EventRing;
  readonly #entries = new SortedEntries();
  readonly #watchers = new Set<CacheWatcher>();
  readonly #listeners = new Set<EntryListener>();
  readonly #options: ResourceCacheOptions;
  /** Changes up to here are in what was loaded. */
  #loadedRevision = 0;
  #synced = false;
  /** Changes that came while the resource was being loaded. */
  #early: CacheChange[] = [];

  constructor(options: ResourceCacheOptions) {
    this.#options = options;
    this.ring = new EventRing(0, options.ringLimits);
  }

  /** True once the resource was loaded. */
  get synced(): boolean {
    return this.#synced;
  }

  /** Every change up to and including this revision is in. */
  get revision(): number {
    return Math.max(this.#options.followedRevision(), this.#loadedRevision);
  }

  get size(): number {
    return this.#entries.size;
  }

  get watcherCount(): number {
    return this.#watchers.size;
  }

  get(namespace: string, name: string): StoredEntry | undefined {
    return this.#entries.get(objectKey(namespace, name));
  }

  getByKey(key: string): StoredEntry | undefined {
    return this.#entries.get(key);
  }

  /** A copy of the current objects, to be read page by page; costs nothing until they change. */
  snapshot(): SortedEntries {
    return this.#entries.snapshot();
  }

  /** Matches in key order, beginning at `start` or at the selection's own start when that is later; `limit` 0: all. */
  select(selection: Selection, start = "", limit = 0): Page {
    return selectPage(this.#entries, selection, start, limit);
  }

  /** A watcher of changes after `revision`. Throws 410 when they are not all there any more. */
  watch(
    selection: Selection,
    revision: number,
    initial: readonly StoredEntry[] = [],
    markInitialEnd = false,
  ): CacheWatcher {
    if (revision < this.ring.completeAfter) throw expiredWatch(revision, this.ring.completeAfter);
    const watcher = new CacheWatcher({
      ring: this.ring,
      selection,
      initial,
      revision,
      markInitialEnd,
      currentRevision: () => this.revision,
      onDispose: (gone) => this.#watchers.delete(gone),
    });
    this.#watchers.add(watcher);
    return watcher;
  }

  listen(listener: EntryListener): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  /** Takes in one change. Those already loaded are skipped. */
  apply(change: CacheChange, nowMs: number): void {
    if (!this.#synced) this.#early.push(change);
    else if (change.revision > this.#loadedRevision) this.#store(change, nowMs);
  }

  /** Lets the watchers see what was applied. */
  wake(): void {
    for (const watcher of this.#watchers) watcher.wake();
  }

  /**
   * Replaces everything by the state at `revision`. After a gap in the history the watchers are ended with 410, because
   * what happened in between is unknown; listeners hear the difference.
   */
  load(entries: ReadonlyMap<string, StoredEntry>, revision: number, nowMs: number): void {
    const gone = this.#takeMissing(entries);
    for (const [key, previous] of gone) {
      this.#entries.delete(key);
      this.#tell(undefined, previous);
    }
    for (const [key, entry] of entries) {
      const previous = this.#entries.get(key);
      if (previous?.revision === entry.revision) continue;
      this.#entries.set(key, entry);
      this.#tell(entry, previous);
    }
    this.#loadedRevision = revision;
    this.ring.reset(revision);
    this.#synced = true;
    const early = this.#early;
    this.#early = [];
    for (const change of early) this.apply(change, nowMs);
    this.wake();
  }

  /** Ends every watch: the resource is not served any more. */
  close(): void {
    for (const watcher of [...this.#watchers]) watcher.end();
  }

  #takeMissing(entries: ReadonlyMap<string, StoredEntry>): [string, StoredEntry][] {
    const gone: [string, StoredEntry][] = [];
    this.#entries.visit("", undefined, (entry, key) => {
      if (!entries.has(key)) gone.push([key, entry]);
      return true;
    });
    return gone;
  }

  #store({ revision, key, entry }: CacheChange, nowMs: number): void {
    const previous = this.#entries.get(key);
    if (!entry && !previous) return;
    if (entry) this.#entries.set(key, entry);
    else this.#entries.delete(key);
    this.ring.append(new CacheEvent(revision, key, previous, entry, nowMs));
    this.#tell(entry, previous);
  }

  #tell(next: StoredEntry | undefined, previous: StoredEntry | undefined): void {
    for (const listener of this.#listeners) {
      try {
        listener(next, previous);
      } catch (error) {
        this.#options.onListenerError(error);
      }
    }
  }
}

/** One page out of ordered entries. */
export function selectPage(entries: SortedEntries, selection: Selection, start: string, limit: number): Page {
  const from = start > selection.start ? start : selection.start;
  const found: StoredEntry[] = [];
  let lastKey = "";
  let more = false;
  entries.visit(from, selection.end, (entry, key) => {
    if (selection.filters && !selection.matches(entry)) return true;
    if (limit > 0 && found.length === limit) {
      more = true;
      return false;
    }
    found.push(entry);
    lastKey = key;
    return true;
  });
  if (!more) return { entries: found, lastKey: undefined, remaining: 0 };
  return { entries: found, lastKey, remaining: entries.count(`${lastKey}\0`, selection.end) };
}

/** What a listener that wants objects is to an EntryListener. */
export function objectListener(
  listener: (next: KubeObject | undefined, previous: KubeObject | undefined) => void,
): EntryListener {
  return (next, previous) => listener(next?.object, previous?.object);
}
