/**
 * The watch cache: every stored resource in memory, kept up to date by ONE watch over the whole `/registry/` prefix.
 * One watch and not one per resource, because then all resources share one order and one revision: a write to any of them
 * makes every quiet one fresh, consistent reads have one number to wait for, and an idle server has one stream open.
 *
 * Rules kept:
 *  1. What a reader sees is the state at exactly one revision, `revision`; it never goes back, unless the store itself did.
 *  2. A consistent read asks the store for its revision (one question for all who ask at once, put after they asked) and
 *     waits until the caches have reached it, at most 3 s.
 *  3. When the store's watch is lost it is resumed after the last revision seen: nobody notices. When that history is
 *     gone, everything is read anew and running watches end with 410.
 *  4. Bytes written by this process are never parsed again (pending-writes.ts).
 */
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, hasCode, isAborted, messageOf } from "#pkg/system/errors.ts";
import { keyBytes, keyString, prefixEnd } from "../../store/keys.ts";
import type { KeyRange, KeyValue, Store, WatchEvent, WatchHandle } from "../../store/store.ts";
import { DeadlineWheel } from "./deadline-wheel.ts";
import type { EventRingLimits } from "./event-ring.ts";
import { type ObjectCodec, storedCodec } from "./object-codec.ts";
import { PendingWrites } from "./pending-writes.ts";
import { ResourceCache } from "./resource-cache.ts";
import { freshnessTimeoutMs, RevisionWaits } from "./revision-waits.ts";
import { StoredEntry } from "./stored-entry.ts";

/** Keys read at once when everything is loaded. */
const loadPageSize = 5000;
const firstRetryMs = 250;
const lastRetryMs = 4000;

export interface WatchCacheLog {
  warn(details: Readonly<Record<string, unknown>>, message: string): void;
}

export interface WatchCacheOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: WatchCacheLog;
  readonly codec?: ObjectCodec;
  /** Default "/registry/". */
  readonly prefix?: string;
  readonly ringLimits?: EventRingLimits;
}

export class WatchCache implements AsyncDisposable {
  readonly store: Store;
  readonly clock: Clock;
  readonly codec: ObjectCodec;
  readonly pendingWrites = new PendingWrites();
  /** For bookmarks and ends of watches. */
  readonly deadlines: DeadlineWheel;
  readonly #log: WatchCacheLog;
  readonly #prefix: string;
  readonly #ringLimits: EventRingLimits | undefined;
  /** By key prefix, "/registry/pods/". */
  readonly #caches = new Map<string, ResourceCache>();
  readonly #stop = new AbortController();
  readonly #waits: RevisionWaits;
  #revision = 0;
  /** Changes after #revision cannot all be had any more: everything has to be read anew. */
  #hasGap = false;
  #isStarted = false;
  #following: Promise<void> | undefined;
  #handle: WatchHandle | undefined;
  #asked: Promise<number> | undefined;
  #askNext: Promise<number> | undefined;

  constructor(options: WatchCacheOptions) {
    this.store = options.store;
    this.clock = options.clock;
    this.codec = options.codec ?? storedCodec;
    this.deadlines = new DeadlineWheel(options.clock);
    this.#log = options.log;
    this.#prefix = options.prefix ?? "/registry/";
    this.#ringLimits = options.ringLimits;
    const { clock, store } = options;
    const asks = store.canRequestProgress !== false;
    this.#waits = new RevisionWaits(clock, asks ? () => this.#handle?.requestProgress() : undefined);
  }

  /** Every change up to and including this revision is in the caches. */
  get revision(): number {
    return this.#revision;
  }

  /**
   * The cache for keys under `prefix` ("/registry/pods/"), made at the first call. After `start` a new one is filled in the
   * background; `synced` of the cache tells when.
   */
  register(prefix: string): ResourceCache {
    const known = this.#caches.get(prefix);
    if (known) return known;
    const cache = new ResourceCache({
      followedRevision: () => this.#revision,
      onListenerError: (error) => this.#log.warn({ prefix, error: messageOf(error) }, "a listener of the cache failed"),
      ringLimits: this.#ringLimits,
    });
    this.#caches.set(prefix, cache);
    if (this.#isStarted) void this.#loadLate(prefix, cache);
    return cache;
  }

  /** Forgets a resource that is no longer served; its watches end. */
  unregister(prefix: string): void {
    this.#caches.get(prefix)?.close();
    this.#caches.delete(prefix);
  }

  /** Reads everything and begins to follow the store. Resolves once every cache is filled; retries until then. */
  async start(): Promise<void> {
    const { signal } = this.#stop;
    this.#isStarted = true;
    for (let retryMs = firstRetryMs; ; retryMs = Math.min(retryMs * 2, lastRetryMs)) {
      try {
        await this.#loadAll();
        break;
      } catch (error) {
        if (signal.aborted) throw error;
        this.#log.warn({ error: messageOf(error) }, "reading the objects from the store failed; trying again");
        await this.clock.sleep(retryMs, signal);
      }
    }
    this.#following = this.#follow();
  }

  /** True when the caches have reached `revision`; waits for it up to 3 s. */
  async waitFor(revision: number, signal?: AbortSignal, timeoutMs = freshnessTimeoutMs): Promise<boolean> {
    return revision <= this.#revision || (await this.#waits.wait(revision, timeoutMs, signal));
  }

  /**
   * True when the caches hold everything that was written before this call. False after 3 s; sooner on a store that cannot be
   * asked for progress, where a revision that nothing under the prefix used is never heard of. Throws the store's errors.
   */
  async isFresh(signal?: AbortSignal): Promise<boolean> {
    return this.waitFor(await this.latestRevision(), signal, this.#waits.patienceMs);
  }

  /** The store's newest revision, asked after this call. Throws the store's errors. */
  async latestRevision(): Promise<number> {
    if (!this.#asked) {
      this.#asked = this.#askRevision();
      return this.#asked;
    }
    // The question that is out may have been answered before this caller came: share the next one.
    this.#askNext ??= this.#asked.then(
      () => this.#promoteAsk(),
      () => this.#promoteAsk(),
    );
    return this.#askNext;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    this.#handle?.close();
    await this.#following;
    for (const cache of this.#caches.values()) cache.close();
  }

  #promoteAsk(): Promise<number> {
    this.#asked = this.#askRevision();
    this.#askNext = undefined;
    return this.#asked;
  }

  async #askRevision(): Promise<number> {
    try {
      return await this.#readRevision();
    } finally {
      if (!this.#askNext) this.#asked = undefined;
    }
  }

  async #readRevision(): Promise<number> {
    const seen = this.#revision;
    const { revision } = await this.store.range({ start: keyBytes(this.#prefix), limit: 1, keysOnly: true });
    if (revision < seen) this.#startOver(`the store is at revision ${revision}, and was at ${seen}`);
    return revision;
  }

  /** What is cached does not fit the store any more, for example because a backup was restored. */
  #startOver(why: string): void {
    this.#log.warn({ why }, "reading all objects anew");
    this.#hasGap = true;
    this.#handle?.close();
  }

  #range(prefix: string): KeyRange {
    const start = keyBytes(prefix);
    return { start, end: prefixEnd(start) };
  }

  async #loadAll(): Promise<void> {
    const loads = new Map<ResourceCache, Map<string, StoredEntry>>();
    for (const cache of this.#caches.values()) loads.set(cache, new Map());
    const revision = await this.#readAll(this.#prefix, (key, kv) => {
      const target = this.#route(key);
      const entry = target && this.#decode(key, kv);
      if (entry) loads.get(target.cache)?.set(target.key, entry);
    });
    const nowMs = this.clock.monotonic();
    for (const [cache, entries] of loads) {
      // One that was registered meanwhile may have been filled from a newer state.
      const isNewer = cache.synced && cache.revision > revision && !this.#hasGap;
      if (!isNewer) cache.load(entries, revision, nowMs);
    }
    this.#revision = revision;
    this.#hasGap = false;
    this.#waits.reached(revision);
  }

  /** Fills a cache that was registered while the store is already being followed. */
  async #loadLate(prefix: string, cache: ResourceCache): Promise<void> {
    while (!this.#stop.signal.aborted && this.#caches.get(prefix) === cache && !cache.synced) {
      try {
        const entries = new Map<string, StoredEntry>();
        const revision = await this.#readAll(prefix, (key, kv) => {
          const entry = this.#decode(key, kv);
          if (entry) entries.set(key.slice(prefix.length), entry);
        });
        if (!cache.synced) cache.load(entries, revision, this.clock.monotonic());
      } catch (error) {
        this.#log.warn({ prefix, error: messageOf(error) }, "reading a new resource from the store failed");
        await this.clock.sleep(firstRetryMs, this.#stop.signal).catch(() => {});
      }
    }
  }

  /** Visits every pair under `prefix` as of one revision, which it returns. */
  async #readAll(prefix: string, visit: (key: string, kv: KeyValue) => void): Promise<number> {
    const { start, end } = this.#range(prefix);
    let from = start;
    let revision = 0;
    for (;;) {
      const page = await this.store.range({ start: from, end, limit: loadPageSize, revision });
      revision ||= page.revision;
      for (const kv of page.kvs) visit(keyString(kv.key), kv);
      const last = page.kvs.at(-1);
      if (!page.more || !last) return revision;
      from = keyBytes(`${keyString(last.key)}\0`);
    }
  }

  async #follow(): Promise<void> {
    const { signal } = this.#stop;
    let retryMs = firstRetryMs;
    while (!signal.aborted) {
      const seen = this.#revision;
      try {
        await this.latestRevision();
        if (this.#hasGap) await this.#loadAll();
        if (signal.aborted) return;
        const error = await this.#watchStore();
        if (signal.aborted) return;
        if (hasCode(error, "Expired")) this.#hasGap = true;
        this.#log.warn({ error: messageOf(error), revision: this.#revision }, "the store's watch ended; resuming");
      } catch (error) {
        if (signal.aborted || isAborted(error)) return;
        this.#log.warn({ error: messageOf(error) }, "following the store failed; trying again");
      }
      retryMs = this.#revision > seen ? firstRetryMs : Math.min(retryMs * 2, lastRetryMs);
      await this.clock.sleep(retryMs, signal).catch(() => {});
    }
  }

  /** Resolves with the reason when the watch ends. */
  #watchStore(): Promise<Error> {
    return new Promise((resolve) => {
      const handle = this.store.watch(
        { ...this.#range(this.#prefix), startRevision: this.#revision + 1 },
        {
          events: (events, revision) => {
            try {
              this.#takeEvents(events, revision);
            } catch (error) {
              this.#startOver(messageOf(error));
            }
          },
          progress: (revision) => this.#moveTo(revision),
          closed: (error) => resolve(error ?? new BerthError("Aborted", "the watch was closed")),
        },
      );
      this.#handle = handle;
      handle.ready.catch(resolve);
      // Stopping does not wait for the store to agree.
      this.#stop.signal.addEventListener("abort", () => resolve(new BerthError("Aborted", "stopped")), { once: true });
    });
  }

  #takeEvents(events: readonly WatchEvent[], revision: number): void {
    const nowMs = this.clock.monotonic();
    const touched = new Set<ResourceCache>();
    for (const { type, kv } of events) {
      const key = keyString(kv.key);
      const target = this.#route(key);
      if (!target) continue;
      const entry = type === "put" ? this.#decode(key, kv) : undefined;
      target.cache.apply({ revision: kv.modRevision, key: target.key, entry }, nowMs);
      touched.add(target.cache);
    }
    this.#moveTo(revision);
    for (const cache of touched) cache.wake();
  }

  #moveTo(revision: number): void {
    if (revision <= this.#revision) return;
    this.#revision = revision;
    this.#waits.reached(revision);
  }

  /** The cache a key belongs to. Prefixes have one part after "/registry/", or two: `services/specs`, `<group>/<resource>`. */
  #route(key: string): { readonly cache: ResourceCache; readonly key: string } | undefined {
    let slash = key.indexOf("/", this.#prefix.length);
    for (let parts = 0; parts < 2 && slash >= 0; parts++) {
      const cache = this.#caches.get(key.slice(0, slash + 1));
      if (cache) return { cache, key: key.slice(slash + 1) };
      slash = key.indexOf("/", slash + 1);
    }
    return undefined;
  }

  #decode(key: string, kv: KeyValue): StoredEntry | undefined {
    const own = this.pendingWrites.take(key, kv.value, kv.modRevision);
    if (own) return own;
    try {
      return new StoredEntry(this.codec.decode(kv.value, kv.modRevision), kv.modRevision);
    } catch (error) {
      this.#log.warn(
        { key, revision: kv.modRevision, error: messageOf(error) },
        "an object in the store cannot be read",
      );
      return undefined;
    }
  }
}
