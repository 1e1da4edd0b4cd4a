/**
 * Watches: where they start, what they announce first, when they send bookmarks and when they end.
 *   resourceVersion  start
 *   unset            the newest state: announced as ADDED, then changes
 *   "0"              the state at hand: announced as ADDED, then changes
 *   N                changes after N; 410 (as an event) when they are gone, 504 when N lies in the future
 * With sendInitialEvents the state is announced and closed by a marked bookmark, or (false) not announced at all.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { Random } from "#pkg/system/random.ts";
import type { CacheWatcher } from "./cache-watcher.ts";
import type { Deadline, DeadlineWheel } from "./deadline-wheel.ts";
import { computeWatchStart } from "./list-options.ts";
import type { ObjectStorage } from "./object-storage.ts";
import type { WatchItem, WatchOptions, WatchSubscription } from "./resource-registry.ts";
import { tooLargeRevision } from "./revision-errors.ts";
import type { Selection } from "./selection.ts";
import { storeFailure } from "./store-errors.ts";
import type { WatchCache } from "./watch-cache.ts";

const bookmarkIntervalMs = 60_000;
const bookmarkBeforeEndMs = 2_000;
const defaultTimeoutSeconds = 1800;

/** Throws StatusError; a start that is too old comes as an ERROR item of the subscription. */
export async function watchObjects(
  hub: WatchCache,
  storage: ObjectStorage,
  random: Random,
  options: WatchOptions,
  selection: Selection,
  signal: AbortSignal,
): Promise<WatchSubscription> {
  const start = computeWatchStart(options);
  const { cache } = storage;
  if (start.kind === "newest") await waitForNewest(hub, signal);
  else if (start.kind !== "any") await waitForRevision(hub, storage, start.revision, signal);
  if (!cache.synced) throw StatusError.tooManyRequests("storage is (re)initializing", 1);
  const announces = start.kind !== "exact" && options.sendInitialEvents !== false;
  const markEnd = options.sendInitialEvents === true && options.allowBookmarks;
  const revision = start.kind === "exact" ? start.revision : cache.revision;
  let watcher: CacheWatcher;
  try {
    watcher = cache.watch(selection, revision, announces ? cache.select(selection).entries : [], markEnd);
  } catch (error) {
    if (error instanceof StatusError) return new FailedWatch(error);
    throw error;
  }
  const seconds = options.timeoutSeconds > 0 ? options.timeoutSeconds : defaultTimeoutSeconds * (1 + random.float());
  return new TimedWatch(watcher, hub.deadlines, seconds * 1000, options.allowBookmarks, signal);
}

async function waitForNewest(hub: WatchCache, signal: AbortSignal): Promise<void> {
  let isFresh: boolean;
  try {
    isFresh = await hub.isFresh(signal);
  } catch (error) {
    throw storeFailure(error);
  }
  // A store that cannot be asked for progress leaves open whether something is still to come: the watch will tell.
  if (!isFresh && hub.store.canRequestProgress !== false) {
    throw StatusError.timeout("the watch cache did not catch up with the store", 1);
  }
}

async function waitForRevision(
  hub: WatchCache,
  storage: ObjectStorage,
  revision: number,
  signal: AbortSignal,
): Promise<void> {
  if (storage.cache.revision >= revision || (await hub.waitFor(revision, signal))) return;
  throw tooLargeRevision(revision, storage.cache.revision);
}

/** Ends a watcher in time, and asks it for bookmarks. */
class TimedWatch implements WatchSubscription {
  readonly #watcher: CacheWatcher;
  readonly #wheel: DeadlineWheel;
  readonly #signal: AbortSignal;
  readonly #abort = (): void => this[Symbol.dispose]();
  readonly #end: Deadline;
  #bookmark: Deadline | undefined;
  #lastBookmark: Deadline | undefined;

  constructor(
    watcher: CacheWatcher,
    wheel: DeadlineWheel,
    timeoutMs: number,
    allowBookmarks: boolean,
    signal: AbortSignal,
  ) {
    this.#watcher = watcher;
    this.#wheel = wheel;
    this.#signal = signal;
    this.#end = wheel.after(timeoutMs, () => this.#finish());
    if (allowBookmarks) {
      this.#scheduleBookmark();
      if (timeoutMs > bookmarkBeforeEndMs) {
        this.#lastBookmark = wheel.after(timeoutMs - bookmarkBeforeEndMs, () => watcher.requestBookmark());
      }
    }
    if (signal.aborted) this[Symbol.dispose]();
    else signal.addEventListener("abort", this.#abort, { once: true });
  }

  next(): Promise<readonly WatchItem[] | undefined> {
    return this.#watcher.next();
  }

  [Symbol.dispose](): void {
    this.#cancel();
    this.#watcher[Symbol.dispose]();
  }

  #finish(): void {
    this.#cancel();
    this.#watcher.end();
  }

  #cancel(): void {
    this.#signal.removeEventListener("abort", this.#abort);
    this.#end.cancel();
    this.#bookmark?.cancel();
    this.#lastBookmark?.cancel();
  }

  #scheduleBookmark(): void {
    this.#bookmark = this.#wheel.after(bookmarkIntervalMs, () => {
      this.#watcher.requestBookmark();
      this.#scheduleBookmark();
    });
  }
}

/** A watch that only tells why it cannot be. */
class FailedWatch implements WatchSubscription {
  #error: Error | undefined;

  constructor(error: Error) {
    this.#error = error;
  }

  next(): Promise<readonly WatchItem[] | undefined> {
    const error = this.#error;
    this.#error = undefined;
    return Promise.resolve(error && [{ type: "ERROR", error }]);
  }

  [Symbol.dispose](): void {
    this.#error = undefined;
  }
}
