/**
 * The leases of the embedded store: durable grants, and expiry on the clock. A lease that runs out is revoked like any
 * other: one transaction deletes its keys. After a restart every lease has its whole time again, as with etcd.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { deletedPair } from "../decide-txn.ts";
import { keyBytes } from "../keys.ts";
import { type Lease, type LeaseTable, leaseIdFrom, remainingSeconds } from "../lease-table.ts";
import type { LeaseInfo, Leases } from "../store.ts";
import type { LeaseRow } from "./log-file.ts";
import type { Mvcc } from "./mvcc.ts";
import type { Version } from "./version.ts";

/** Time to live of a lease that keys name but that was lost with damaged files. */
const lostLeaseTtlSeconds = 300;

/** Pause before an expiry that could not be written is tried again. */
const retryMs = 1000;

export interface LeaseKeeperOptions {
  readonly table: LeaseTable;
  readonly mvcc: Mvcc;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Makes changes durable; throws before anything was changed when writes are refused. */
  readonly write: (makeVersions: () => readonly Version[], leases: readonly LeaseRow[]) => Promise<void>;
}

export class LeaseKeeper implements Leases, Disposable {
  readonly #options: LeaseKeeperOptions;
  #timer: Timer | undefined;
  #timerAt = Number.POSITIVE_INFINITY;
  #closed = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
  }

  /** Takes leases back from disk; returns those to write because only keys remembered them. */
  load(rows: readonly LeaseRow[]): readonly LeaseRow[] {
    const { table, mvcc, log } = this.#options;
    for (const { id, ttlSeconds } of rows) if (ttlSeconds !== undefined) this.#grant(id, ttlSeconds);
    const lost = [...mvcc.keysByLease.leases()].filter((id) => !table.has(id));
    if (lost.length > 0) log.warn("keys hang on leases that are gone; granting them anew", { leases: lost.length });
    return lost.map((id) => ({ id, ttlSeconds: this.#grant(id, lostLeaseTtlSeconds).ttlSeconds }));
  }

  async grant(ttlSeconds: number, id = 0n): Promise<{ readonly id: bigint; readonly ttlSeconds: number }> {
    const { table, write } = this.#options;
    const lease = this.#grant(id === 0n ? this.#freeId() : id, ttlSeconds);
    try {
      await write(() => [], [{ id: lease.id, ttlSeconds: lease.ttlSeconds }]);
    } catch (error) {
      table.remove(lease.id);
      throw error;
    }
    return { id: lease.id, ttlSeconds: lease.ttlSeconds };
  }

  async revoke(id: bigint): Promise<{ readonly revision: number }> {
    const { table, mvcc, write } = this.#options;
    const lease = table.require(id);
    let revision = mvcc.headRevision;
    const deleteKeys = (): readonly Version[] => {
      table.remove(id);
      const names = mvcc.keysByLease.keysOf(id);
      if (names.length === 0) return [];
      revision = mvcc.headRevision + 1;
      return mvcc.apply(names.map((name) => ({ name, deleted: true, kv: deletedPair(keyBytes(name), revision) })));
    };
    try {
      await write(deleteKeys, [{ id, ttlSeconds: undefined }]);
    } catch (error) {
      table.restore(lease);
      throw error;
    }
    return { revision };
  }

  async keepAlive(id: bigint): Promise<number> {
    return this.#options.table.renew(id, this.#options.clock.monotonic()).ttlSeconds;
  }

  async timeToLive(id: bigint, withKeys: boolean): Promise<LeaseInfo> {
    const { table, mvcc, clock } = this.#options;
    const lease = table.get(id);
    if (lease === undefined) return { id, grantedTtlSeconds: 0, ttlSeconds: -1, keys: [] };
    const keys = withKeys ? mvcc.keysByLease.keysOf(id).map(keyBytes) : [];
    return { id, grantedTtlSeconds: lease.ttlSeconds, ttlSeconds: remainingSeconds(lease, clock.monotonic()), keys };
  }

  async list(): Promise<readonly bigint[]> {
    return this.#options.table.ids();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #grant(id: bigint, ttlSeconds: number): Lease {
    const lease = this.#options.table.grant(id, ttlSeconds, this.#options.clock.monotonic());
    this.#armFor(lease.expiresAt);
    return lease;
  }

  #freeId(): bigint {
    const { table, random } = this.#options;
    for (;;) {
      const id = leaseIdFrom(random.bytes(8));
      if (!table.has(id)) return id;
    }
  }

  #armFor(at: number): void {
    if (this.#closed || at >= this.#timerAt) return;
    this.#timer?.cancel();
    this.#timerAt = at;
    const { clock } = this.#options;
    this.#timer = clock.setTimer(Math.max(0, at - clock.monotonic()), () => void this.#expire());
  }

  async #expire(): Promise<void> {
    const { table, clock, log } = this.#options;
    this.#timerAt = Number.POSITIVE_INFINITY;
    let next = 0;
    for (const lease of table.expired(clock.monotonic())) {
      try {
        await this.revoke(lease.id);
      } catch (error) {
        log.warn("cannot write the end of a lease; trying again", { lease: lease.id.toString(), error });
        next = clock.monotonic() + retryMs;
        break;
      }
    }
    const expiry = table.nextExpiry();
    if (expiry !== undefined) this.#armFor(Math.max(next, expiry));
  }
}
