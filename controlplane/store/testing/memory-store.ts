/**
 * The store as a fake: everything in memory and as plain as it can be, so that it also serves as the model that other
 * engines are compared with. Keeps whole history until compacted. Watch receivers are called before the write resolves.
 */
import type { Clock } from "#pkg/system/clock.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { type Change, decideTxn, resolveRevision, type TxnDecision, type TxnView } from "../decide-txn.ts";
import { compactedError, etcdError } from "../etcd-errors.ts";
import { type Bounds, boundsOf, compareKeyStrings, inBounds, keyBytes } from "../keys.ts";
import { LeaseTable, remainingSeconds } from "../lease-table.ts";
import { readRange } from "../read-range.ts";
import type {
  KeyValue,
  LeaseInfo,
  Leases,
  RangeRequest,
  RangeResponse,
  Store,
  StoreStatus,
  TxnRequest,
  TxnResponse,
  WatchEvent,
  WatchHandle,
  WatchReceiver,
  WatchRequest,
} from "../store.ts";
import { validateRange, validateTxn } from "../validate-request.ts";

interface MemoryWatch {
  readonly bounds: Bounds;
  readonly prevKv: boolean;
  readonly receiver: WatchReceiver;
  next: number;
}

export interface MemoryStoreOptions {
  readonly clock?: Clock | undefined;
}

export class MemoryStore implements Store, TxnView {
  headRevision = 1;
  compactRevision = 0;
  readonly leases: Leases;
  readonly #clock: Clock;
  readonly #leaseTable = new LeaseTable();
  /** Every version of every key, oldest first. */
  readonly #history = new Map<string, Change[]>();
  /** Every change in order. */
  #log: Change[] = [];
  #sortedNames: string[] | undefined;
  #nextLease = 1n;
  #closed = false;
  readonly #watches = new Set<MemoryWatch>();

  constructor(options: MemoryStoreOptions = {}) {
    this.#clock = options.clock ?? systemClock;
    this.leases = this.#buildLeases();
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    this.#assertOpen();
    this.#expireLeases();
    validateRange(request);
    const revision = resolveRevision(request.revision, this.headRevision, this.compactRevision);
    return { revision: this.headRevision, ...readRange(this, request, revision) };
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    this.#assertOpen();
    this.#expireLeases();
    validateTxn(request);
    const { changes, ...response } = decideTxn(this, request);
    this.#apply(changes);
    return response;
  }

  watch(request: WatchRequest, receiver: WatchReceiver): WatchHandle {
    this.#assertOpen();
    const start = request.startRevision ?? 0;
    const next = start > 0 ? start : this.headRevision + 1;
    const watch: MemoryWatch = { bounds: boundsOf(request), prevKv: request.prevKv ?? false, receiver, next };
    this.#watches.add(watch);
    const { compactRevision } = this;
    if (next < compactRevision) watch.next = Number.POSITIVE_INFINITY;
    const ready = Promise.resolve().then(() => {
      if (next < compactRevision) this.#end(watch, compactedError(compactRevision));
      else this.#deliver(watch);
    });
    return {
      ready,
      requestProgress: () => {
        void ready.then(() => {
          if (this.#watches.has(watch)) receiver.progress(this.headRevision);
        });
      },
      close: () => this.#end(watch, undefined),
    };
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    if (revision > this.headRevision) throw etcdError("futureRevision");
    if (revision <= this.compactRevision) throw compactedError(this.compactRevision);
    this.compactRevision = revision;
    this.#log = this.#log.filter((change) => change.kv.modRevision >= revision);
    for (const [name, versions] of this.#history) {
      const base = versions.findLastIndex((change) => change.kv.modRevision <= revision);
      const kept = base > 0 ? versions.slice(base) : versions;
      const gone = kept.length === 1 && kept[0]?.deleted && kept[0].kv.modRevision <= revision;
      if (gone) this.#history.delete(name);
      else this.#history.set(name, kept);
    }
    this.#sortedNames = undefined;
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    let sizeBytes = 0;
    for (const { kv } of this.#log) sizeBytes += kv.key.length + kv.value.length;
    const { headRevision, compactRevision } = this;
    return { revision: headRevision, compactRevision, sizeBytes, sizeInUseBytes: sizeBytes, version: "3.6.0" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const watch of this.#watches) this.#end(watch, undefined);
  }

  /** Fails every open watch as a lost connection would: for tests of whoever watches. */
  breakWatches(): void {
    const error = new BerthError("Unavailable", "the watch was broken by the test");
    for (const watch of this.#watches) this.#end(watch, error);
  }

  pairs(bounds: Bounds, revision: number, most: number): { pairs: readonly KeyValue[]; count: number } {
    const pairs: KeyValue[] = [];
    for (const name of bounds.single ? [bounds.start] : this.#names()) {
      if (!inBounds(bounds, name)) continue;
      const version = this.#history.get(name)?.findLast((change) => change.kv.modRevision <= revision);
      if (version !== undefined && !version.deleted) pairs.push(version.kv);
    }
    return { pairs: pairs.length > most ? pairs.slice(0, most) : pairs, count: pairs.length };
  }

  hasLease(id: bigint): boolean {
    return this.#leaseTable.has(id);
  }

  #apply(changes: TxnDecision["changes"]): void {
    if (changes.length === 0) return;
    this.headRevision += 1;
    for (const change of changes) {
      const versions = this.#history.get(change.name);
      if (versions === undefined) {
        this.#history.set(change.name, [change]);
        this.#sortedNames = undefined;
      } else versions.push(change);
      this.#log.push(change);
    }
    for (const watch of this.#watches) this.#deliver(watch);
  }

  #deliver(watch: MemoryWatch): void {
    if (watch.next > this.headRevision) return;
    const from = watch.next;
    watch.next = this.headRevision + 1;
    const events = this.#log
      .filter((change) => change.kv.modRevision >= from && inBounds(watch.bounds, change.name))
      .map((change) => this.#event(change, watch.prevKv));
    if (events.length > 0) watch.receiver.events(events, this.headRevision);
  }

  #event(change: Change, withPrevious: boolean): WatchEvent {
    const type = change.deleted ? "delete" : "put";
    if (!withPrevious) return { type, kv: change.kv };
    const versions = this.#history.get(change.name) ?? [];
    const previous = versions[versions.indexOf(change) - 1];
    return { type, kv: change.kv, prevKv: previous === undefined || previous.deleted ? undefined : previous.kv };
  }

  #names(): readonly string[] {
    this.#sortedNames ??= [...this.#history.keys()].sort(compareKeyStrings);
    return this.#sortedNames;
  }

  #end(watch: MemoryWatch, error: Error | undefined): void {
    if (this.#watches.delete(watch)) watch.receiver.closed(error);
  }

  #assertOpen(): void {
    if (this.#closed) throw etcdError("stopped");
  }

  #buildLeases(): Leases {
    const now = (): number => this.#clock.monotonic();
    const table = this.#leaseTable;
    const prepare = (): void => {
      this.#assertOpen();
      this.#expireLeases();
    };
    return {
      grant: async (ttlSeconds, id = 0n) => {
        prepare();
        const lease = table.grant(id === 0n ? this.#nextLease++ : id, ttlSeconds, now());
        this.#clock.setTimer(lease.ttlSeconds * 1000, () => this.#expireLeases());
        return { id: lease.id, ttlSeconds: lease.ttlSeconds };
      },
      revoke: async (id) => {
        prepare();
        table.require(id);
        this.#revoke(id);
        return { revision: this.headRevision };
      },
      keepAlive: async (id) => {
        prepare();
        const { ttlSeconds } = table.renew(id, now());
        this.#clock.setTimer(ttlSeconds * 1000, () => this.#expireLeases());
        return ttlSeconds;
      },
      timeToLive: async (id, withKeys): Promise<LeaseInfo> => {
        prepare();
        const lease = table.get(id);
        if (lease === undefined) return { id, grantedTtlSeconds: 0, ttlSeconds: -1, keys: [] };
        const keys = withKeys ? this.#keysOf(id) : [];
        return { id, grantedTtlSeconds: lease.ttlSeconds, ttlSeconds: remainingSeconds(lease, now()), keys };
      },
      list: async () => {
        prepare();
        return table.ids();
      },
    };
  }

  #keysOf(lease: bigint): readonly Uint8Array[] {
    const held = this.#names().filter((name) => {
      const newest = this.#history.get(name)?.at(-1);
      return newest !== undefined && !newest.deleted && newest.kv.lease === lease;
    });
    return held.map(keyBytes);
  }

  /** Also called by every read, so that a fake clock needs no timers here. */
  #expireLeases(): void {
    for (const lease of this.#leaseTable.expired(this.#clock.monotonic())) this.#revoke(lease.id);
  }

  #revoke(id: bigint): void {
    const success = this.#keysOf(id).map((key) => ({ kind: "delete" as const, start: key }));
    this.#leaseTable.remove(id);
    this.#apply(decideTxn(this, { compare: [], success, failure: [] }).changes);
  }
}
