/**
 * Lists. The caches answer whenever they can say what was asked for:
 *   newest        when they have reached the store's revision; the store itself when they do not within 3 s
 *   any           at once
 *   notOlderThan  when they have reached that revision; 504 ResourceVersionTooLarge after 3 s
 *   exact         from the snapshot of a paged list, else from the store's history; 410 when that is compacted
 * A page's token names the revision of the first page, so all pages together are one consistent state.
 */
import { StatusError } from "#pkg/api/status.ts";
import { assertNever, hasCode } from "#pkg/system/errors.ts";
import { type ContinueToken, expiredContinue, formatContinueToken, parseContinueToken } from "./continue-token.ts";
import { computeListFreshness, type Freshness } from "./list-options.ts";
import { namespaceBounds } from "./object-key.ts";
import type { ObjectStorage } from "./object-storage.ts";
import { PageSnapshots } from "./page-snapshots.ts";
import { selectPage } from "./resource-cache.ts";
import type { ListOptions, ListResult } from "./resource-registry.ts";
import { tooLargeRevision } from "./revision-errors.ts";
import type { Selection } from "./selection.ts";
import type { SortedEntries } from "./sorted-entries.ts";
import { storeFailure } from "./store-errors.ts";
import type { StoredEntry } from "./stored-entry.ts";
import type { WatchCache } from "./watch-cache.ts";

/** Keys read at once from the store's history while looking for matches. */
const maxChunk = 10_000;

/** Where a page begins and how long it is. `start` is a key within the resource. */
interface PageRequest {
  readonly selection: Selection;
  readonly start: string;
  readonly limit: number;
  /** Cut from keys in tokens, so that a token is relative to the namespace that is listed. */
  readonly tokenBase: string;
}

export class ObjectLister {
  readonly #hub: WatchCache;
  readonly #storage: ObjectStorage;
  readonly #snapshots: PageSnapshots;

  constructor(hub: WatchCache, storage: ObjectStorage) {
    this.#hub = hub;
    this.#storage = storage;
    this.#snapshots = new PageSnapshots(hub.deadlines);
  }

  async list(options: ListOptions, selection: Selection, signal: AbortSignal): Promise<ListResult> {
    const freshness = computeListFreshness(options);
    const tokenBase = namespaceBounds(options.namespace).start;
    if (options.continueToken) {
      const token = parseContinueToken(options.continueToken);
      const start = tokenBase + token.start;
      return this.#continue(token, { selection, start, limit: options.limit, tokenBase }, signal);
    }
    // Upstream's cache ignores a limit here; informers rely on getting everything at once.
    const limit = freshness.kind === "any" ? 0 : options.limit;
    return this.#read(freshness, { selection, start: "", limit, tokenBase }, signal);
  }

  async #continue(token: ContinueToken, page: PageRequest, signal: AbortSignal): Promise<ListResult> {
    if (token.revision < 0) return this.#read({ kind: "newest" }, page, signal);
    try {
      return await this.#readExact(token.revision, page);
    } catch (error) {
      if (hasCode(error, "Expired")) throw expiredContinue(token.start);
      throw error;
    }
  }

  async #read(freshness: Freshness, page: PageRequest, signal: AbortSignal): Promise<ListResult> {
    const { cache } = this.#storage;
    switch (freshness.kind) {
      case "any":
        return cache.synced ? this.#fromCache(page) : this.#fromStore(0, page);
      case "newest":
        return (await this.#isFresh(signal)) ? this.#fromCache(page) : this.#fromStore(0, page);
      case "notOlderThan":
        await this.#waitForRevision(freshness.revision, signal);
        return cache.synced ? this.#fromCache(page) : this.#fromStore(0, page);
      case "exact":
        return this.#readUnexpired(freshness.revision, page);
      default:
        return assertNever(freshness, "freshness");
    }
  }

  /** True when the cache holds everything that was written before this call. */
  async #isFresh(signal: AbortSignal): Promise<boolean> {
    try {
      return (await this.#hub.isFresh(signal)) && this.#storage.cache.synced;
    } catch (error) {
      throw storeFailure(error);
    }
  }

  async #waitForRevision(revision: number, signal: AbortSignal): Promise<void> {
    const { cache } = this.#storage;
    if (cache.revision >= revision || (await this.#hub.waitFor(revision, signal))) return;
    throw tooLargeRevision(revision, cache.revision);
  }

  async #readUnexpired(revision: number, page: PageRequest): Promise<ListResult> {
    try {
      return await this.#readExact(revision, page);
    } catch (error) {
      if (hasCode(error, "Expired")) throw StatusError.expired("The resourceVersion for the provided list is too old.");
      throw error;
    }
  }

  #readExact(revision: number, page: PageRequest): Promise<ListResult> | ListResult {
    const snapshot = this.#snapshots.get(revision);
    return snapshot ? this.#fromEntries(snapshot, revision, page) : this.#fromStore(revision, page);
  }

  #fromCache(page: PageRequest): ListResult {
    const { cache } = this.#storage;
    const { revision } = cache;
    const found = cache.select(page.selection, page.start, page.limit);
    if (found.lastKey !== undefined) this.#snapshots.keep(revision, () => cache.snapshot());
    return buildResult(page, revision, found.entries, found.lastKey, found.remaining);
  }

  #fromEntries(entries: SortedEntries, revision: number, page: PageRequest): ListResult {
    const found = selectPage(entries, page.selection, page.start, page.limit);
    return buildResult(page, revision, found.entries, found.lastKey, found.remaining);
  }

  /** Reads history in chunks until the page is full. `revision` 0: the newest. Throws BerthError "Expired". */
  async #fromStore(revision: number, page: PageRequest): Promise<ListResult> {
    const { selection, limit } = page;
    const entries: StoredEntry[] = [];
    let from = laterKey(page.start, selection.start);
    let at = revision;
    let chunk = limit > 0 ? limit : maxChunk;
    for (;;) {
      const read = await this.#storage.read(from, selection.end, at, chunk);
      at = read.revision;
      for (const [index, entry] of read.entries.entries()) {
        if (selection.filters && !selection.matches(entry)) continue;
        entries.push(entry);
        if (limit === 0 || entries.length < limit) continue;
        const remaining = read.count - index - 1;
        return buildResult(page, at, entries, remaining > 0 ? read.keys[index] : undefined, remaining);
      }
      if (!read.more) return buildResult(page, at, entries, undefined, 0);
      from = `${read.keys.at(-1)}\0`;
      chunk = Math.min(chunk * 2, maxChunk);
    }
  }
}

function laterKey(left: string, right: string): string {
  return left < right ? right : left;
}

function buildResult(
  page: PageRequest,
  revision: number,
  entries: readonly StoredEntry[],
  lastKey: string | undefined,
  remaining: number,
): ListResult {
  if (lastKey === undefined) return { entries, revision, continueToken: "" };
  const start = `${lastKey.slice(page.tokenBase.length)}\0`;
  const continueToken = formatContinueToken({ revision, start });
  // With selectors nobody knows how many of the rest would match.
  return { entries, revision, continueToken, ...(page.selection.filters ? {} : { remainingItemCount: remaining }) };
}
