/**
 * Watches over the committed state. A watch that is up to date gets each commit as it happens; one that begins in the
 * past first catches up from the log in memory, a part at a time, reading dropped values back from disk.
 *
 * A receiver gets whole revisions, in order, each once. It is called from inside the commit and must only queue.
 */
import { BerthError, hasCode } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { nextTurn } from "#pkg/system/turn.ts";
import { compactedError } from "../etcd-errors.ts";
import { type Bounds, boundsOf, inBounds } from "../keys.ts";
import type { KeyValue, WatchEvent, WatchHandle, WatchReceiver, WatchRequest } from "../store.ts";
import type { Mvcc } from "./mvcc.ts";
import { EvictedPair, type Version } from "./version.ts";

interface Watch {
  readonly bounds: Bounds;
  readonly prevKv: boolean;
  readonly receiver: WatchReceiver;
  /** First revision not delivered yet. */
  next: number;
  isCurrent: boolean;
  isOpen: boolean;
  wantsProgress: boolean;
}

/** Changes looked at in one part while a watch catches up. */
const catchUpChanges = 1000;

export interface WatchHubOptions {
  readonly mvcc: Mvcc;
  /** Fills in values that are on disk only. */
  readonly restore: (pairs: readonly KeyValue[]) => Promise<readonly KeyValue[]>;
  readonly log: Logger;
}

export class WatchHub {
  readonly #mvcc: Mvcc;
  readonly #restore: WatchHubOptions["restore"];
  readonly #log: Logger;
  /** Current watches of one key, by key. */
  readonly #single = new Map<string, Set<Watch>>();
  /** Current watches of ranges. */
  readonly #ranges = new Set<Watch>();
  readonly #all = new Set<Watch>();

  constructor({ mvcc, restore, log }: WatchHubOptions) {
    this.#mvcc = mvcc;
    this.#restore = restore;
    this.#log = log;
  }

  get count(): number {
    return this.#all.size;
  }

  watch(request: WatchRequest, receiver: WatchReceiver): WatchHandle {
    const start = request.startRevision ?? 0;
    const watch: Watch = {
      bounds: boundsOf(request),
      prevKv: request.prevKv ?? false,
      receiver,
      next: start > 0 ? start : this.#mvcc.committedRevision + 1,
      isCurrent: false,
      isOpen: true,
      wantsProgress: false,
    };
    this.#all.add(watch);
    if (watch.next > this.#mvcc.committedRevision) this.#makeCurrent(watch);
    // Receivers are not called before their owner has the handle.
    else void Promise.resolve().then(() => this.#catchUp(watch));
    return {
      ready: Promise.resolve(),
      requestProgress: () => {
        if (!watch.isOpen) return;
        if (watch.isCurrent) this.#call(watch, () => receiver.progress(this.#mvcc.committedRevision));
        else watch.wantsProgress = true;
      },
      close: () => this.#end(watch, undefined),
    };
  }

  /** Hands one commit to the watches that are up to date. */
  deliver(versions: readonly Version[], revision: number): void {
    const batches = new Map<Watch, WatchEvent[]>();
    for (const version of versions) {
      const events = new EventPair(version);
      for (const watch of this.#single.get(version.name) ?? []) addEvent(batches, watch, version, events);
      for (const watch of this.#ranges) {
        if (inBounds(watch.bounds, version.name)) addEvent(batches, watch, version, events);
      }
    }
    for (const [watch, events] of batches) this.#call(watch, () => watch.receiver.events(events, revision));
  }

  closeAll(error: Error | undefined): void {
    for (const watch of this.#all) this.#end(watch, error);
  }

  #makeCurrent(watch: Watch): void {
    watch.isCurrent = true;
    if (watch.bounds.single) {
      const watches = this.#single.get(watch.bounds.start);
      if (watches === undefined) this.#single.set(watch.bounds.start, new Set([watch]));
      else watches.add(watch);
    } else {
      this.#ranges.add(watch);
    }
    if (!watch.wantsProgress) return;
    watch.wantsProgress = false;
    this.#call(watch, () => watch.receiver.progress(this.#mvcc.committedRevision));
  }

  async #catchUp(watch: Watch): Promise<void> {
    try {
      while (watch.isOpen && watch.next <= this.#mvcc.committedRevision) {
        if (watch.next < this.#mvcc.compactRevision) throw compactedError(this.#mvcc.compactRevision);
        await this.#catchUpPart(watch);
      }
      // No waiting between this check and the switch, so no commit falls between the two ways.
      if (watch.isOpen) this.#makeCurrent(watch);
    } catch (error) {
      const gone = watch.next < this.#mvcc.compactRevision && !hasCode(error, "Expired");
      this.#end(watch, gone ? compactedError(this.#mvcc.compactRevision) : BerthError.from(error, "Unavailable"));
    }
  }

  async #catchUpPart(watch: Watch): Promise<void> {
    const part = this.#mvcc.changesFrom(watch.next, catchUpChanges);
    const wanted = part.versions.filter((version) => inBounds(watch.bounds, version.name));
    let events = wanted.map((version) => new EventPair(version).of(watch));
    if (events.some(hasEvictedValue)) events = await this.#restoreEvents(events);
    else if (part.revision < this.#mvcc.committedRevision) await nextTurn();
    if (!watch.isOpen) return;
    watch.next = part.revision + 1;
    if (events.length > 0) this.#call(watch, () => watch.receiver.events(events, part.revision));
  }

  async #restoreEvents(events: readonly WatchEvent[]): Promise<WatchEvent[]> {
    const pairs = events.flatMap((event) => (event.prevKv === undefined ? [event.kv] : [event.kv, event.prevKv]));
    const whole = (await this.#restore(pairs)).values();
    return events.map((event) => {
      const kv = whole.next().value ?? event.kv;
      return event.prevKv === undefined
        ? { type: event.type, kv }
        : { type: event.type, kv, prevKv: whole.next().value };
    });
  }

  #end(watch: Watch, error: Error | undefined): void {
    if (!watch.isOpen) return;
    watch.isOpen = false;
    this.#all.delete(watch);
    this.#ranges.delete(watch);
    const watches = this.#single.get(watch.bounds.start);
    watches?.delete(watch);
    if (watches?.size === 0) this.#single.delete(watch.bounds.start);
    this.#call(watch, () => watch.receiver.closed(error));
  }

  /** A receiver that throws loses its watch; the commit and the other watches go on. */
  #call(watch: Watch, action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#log.error("a watch receiver failed", { error });
      this.#end(watch, BerthError.from(error));
    }
  }
}

function addEvent(batches: Map<Watch, WatchEvent[]>, watch: Watch, version: Version, events: EventPair): void {
  if (version.kv.modRevision < watch.next) return;
  const batch = batches.get(watch);
  if (batch === undefined) batches.set(watch, [events.of(watch)]);
  else batch.push(events.of(watch));
}

function hasEvictedValue(event: WatchEvent): boolean {
  return event.kv instanceof EvictedPair || event.prevKv instanceof EvictedPair;
}

/** The event of a version with and without the previous pair, each made once for all watches. */
class EventPair {
  readonly #version: Version;
  #plain: WatchEvent | undefined;
  #withPrevious: WatchEvent | undefined;

  constructor(version: Version) {
    this.#version = version;
  }

  of(watch: { readonly prevKv: boolean }): WatchEvent {
    const { kv, deleted, previous } = this.#version;
    const type = deleted ? "delete" : "put";
    if (!watch.prevKv || previous === undefined || previous.deleted) {
      this.#plain ??= { type, kv };
      return this.#plain;
    }
    this.#withPrevious ??= { type, kv, prevKv: previous.kv };
    return this.#withPrevious;
  }
}
