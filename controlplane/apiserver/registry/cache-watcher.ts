/**
 * One watch on a resource cache. It keeps no queue: it reads the cache's ring of events at its own pace, so a slow client
 * costs no memory, and one that falls behind the ring is ended with 410. Items come out in revision order.
 *
 *   initial objects (once, from a snapshot) -> end-of-list bookmark (WatchList) -> changes, bookmarks in between
 */
import { BerthError } from "#pkg/system/errors.ts";
import type { CacheEvent, EventRing } from "./event-ring.ts";
import type { WatchItem, WatchSubscription } from "./resource-registry.ts";
import { expiredWatch } from "./revision-errors.ts";
import { covers, type Selection } from "./selection.ts";
import type { StoredEntry } from "./stored-entry.ts";

/** Items handed out at once, so that the first ones are written while the rest is still being made. */
const batchSize = 500;

export interface CacheWatcherStart {
  readonly ring: EventRing;
  readonly selection: Selection;
  /** Objects to announce first; already selected. */
  readonly initial: readonly StoredEntry[];
  /** Revision the initial objects (or the start) stand for. */
  readonly revision: number;
  /** Say when the initial objects are through (WatchList). */
  readonly markInitialEnd: boolean;
  /** The cache's revision now. */
  readonly currentRevision: () => number;
  readonly onDispose: (watcher: CacheWatcher) => void;
}

export class CacheWatcher implements WatchSubscription {
  readonly #start: CacheWatcherStart;
  /** Let go when sent: a watch may live for an hour. */
  #initial: readonly StoredEntry[];
  #initialSent = 0;
  #initialEndDue: boolean;
  #cursor: number;
  #seenRevision: number;
  #bookmarkDue = false;
  #failure: Error | undefined;
  #ended = false;
  #waiting: ((items: readonly WatchItem[] | undefined) => void) | undefined;

  constructor(start: CacheWatcherStart) {
    this.#start = { ...start, initial: [] };
    this.#initial = start.initial;
    this.#initialEndDue = start.markInitialEnd;
    this.#cursor = start.ring.numberAfter(start.revision);
    this.#seenRevision = start.revision;
  }

  next(): Promise<readonly WatchItem[] | undefined> {
    if (this.#waiting) return Promise.reject(new BerthError("Internal", "a watch has one reader at a time"));
    const items = this.#collect();
    if (items.length > 0) return Promise.resolve(items);
    if (this.#ended) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      this.#waiting = resolve;
    });
  }

  /** The ring has more, or a bookmark is due. */
  wake(): void {
    if (!this.#waiting) return;
    const items = this.#collect();
    if (items.length > 0) this.#answer(items);
    else if (this.#ended) this.#answer(undefined);
  }

  /** Makes the next thing the client hears tell the revision it is at. */
  requestBookmark(): void {
    this.#bookmarkDue = true;
    this.wake();
  }

  /** Ends the watch after what is ready; with an error the client hears it last. */
  end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#failure = error;
    this.#start.onDispose(this);
    this.wake();
  }

  [Symbol.dispose](): void {
    this.#dropInitial();
    this.#initialEndDue = false;
    this.#bookmarkDue = false;
    this.#cursor = this.#start.ring.end;
    this.end();
  }

  #answer(items: readonly WatchItem[] | undefined): void {
    const resolve = this.#waiting;
    this.#waiting = undefined;
    resolve?.(items);
  }

  #collect(): WatchItem[] {
    const items: WatchItem[] = [];
    this.#collectInitial(items);
    if (this.#initial.length === 0 && !this.#initialEndDue) this.#collectEvents(items);
    if (this.#ended && this.#failure && items.length < batchSize) {
      items.push({ type: "ERROR", error: this.#failure });
      this.#failure = undefined;
    }
    return items;
  }

  #collectInitial(items: WatchItem[]): void {
    const batch = this.#initial.slice(this.#initialSent, this.#initialSent + batchSize);
    for (const entry of batch) items.push({ type: "ADDED", entry });
    this.#initialSent += batch.length;
    if (this.#initialSent < this.#initial.length) return;
    this.#dropInitial();
    if (!this.#initialEndDue) return;
    this.#initialEndDue = false;
    items.push({ type: "BOOKMARK", revision: this.#start.revision, initialEventsEnd: true });
  }

  #dropInitial(): void {
    this.#initial = [];
    this.#initialSent = 0;
  }

  #collectEvents(items: WatchItem[]): void {
    const { ring, selection, currentRevision } = this.#start;
    if (this.#cursor < ring.first) {
      if (!this.#ended) this.end(expiredWatch(this.#seenRevision, ring.completeAfter));
      return;
    }
    while (this.#cursor < ring.end && items.length < batchSize) {
      const event = ring.at(this.#cursor++);
      this.#seenRevision = event.revision;
      const item = computeWatchItem(selection, event);
      if (item) items.push(item);
    }
    if (this.#bookmarkDue && this.#cursor === ring.end && items.length < batchSize) {
      this.#bookmarkDue = false;
      items.push({ type: "BOOKMARK", revision: currentRevision(), initialEventsEnd: false });
    }
  }
}

/** What a watcher with this selection hears of an event: an object that enters its view was ADDED, one that leaves was DELETED. */
export function computeWatchItem(selection: Selection, event: CacheEvent): WatchItem | undefined {
  if (!covers(selection, event.key)) return undefined;
  const { previous, next } = event;
  const was = previous !== undefined && (!selection.filters || selection.matches(previous));
  const is = next !== undefined && (!selection.filters || selection.matches(next));
  if (is) return { type: was ? "MODIFIED" : "ADDED", entry: next };
  return was ? { type: "DELETED", entry: event.gone } : undefined;
}
