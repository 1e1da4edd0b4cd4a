/**
 * The leases of a store: which exist, and when they run out on a monotonic clock. Who holds which key is the index's
 * business; what happens when one runs out is the store's. Expiry is a plain question (`expired`), asked with a time.
 * Source: etcd server/lease/lessor.go for the bounds of the time to live.
 */
import { etcdError } from "./etcd-errors.ts";

/** The longest time to live etcd accepts, about 285 years. */
const maxTtlSeconds = 9_000_000_000;

export interface Lease {
  readonly id: bigint;
  readonly ttlSeconds: number;
  /** Monotonic milliseconds. */
  expiresAt: number;
}

export class LeaseTable {
  readonly #leases = new Map<bigint, Lease>();

  has(id: bigint): boolean {
    return this.#leases.has(id);
  }

  get(id: bigint): Lease | undefined {
    return this.#leases.get(id);
  }

  /** Throws "NotFound". */
  require(id: bigint): Lease {
    const lease = this.#leases.get(id);
    if (lease === undefined) throw etcdError("leaseNotFound");
    return lease;
  }

  /** Throws "AlreadyExists", or "Invalid" for a time to live beyond etcd's bound. Less than a second counts as one. */
  grant(id: bigint, ttlSeconds: number, now: number): Lease {
    if (ttlSeconds > maxTtlSeconds) throw etcdError("leaseTtlTooLarge");
    if (this.#leases.has(id)) throw etcdError("leaseExists");
    const ttl = Math.max(1, Math.ceil(ttlSeconds));
    const lease = { id, ttlSeconds: ttl, expiresAt: now + ttl * 1000 };
    this.#leases.set(id, lease);
    return lease;
  }

  /** Puts a lease back that was removed by something which could not be made durable. */
  restore(lease: Lease): void {
    this.#leases.set(lease.id, lease);
  }

  renew(id: bigint, now: number): Lease {
    const lease = this.require(id);
    lease.expiresAt = now + lease.ttlSeconds * 1000;
    return lease;
  }

  remove(id: bigint): void {
    this.#leases.delete(id);
  }

  ids(): readonly bigint[] {
    return [...this.#leases.keys()];
  }

  /** Leases whose time is up, the longest overdue first. */
  expired(now: number): readonly Lease[] {
    const due = [...this.#leases.values()].filter((lease) => lease.expiresAt <= now);
    return due.sort((left, right) => left.expiresAt - right.expiresAt);
  }

  /** When the next lease runs out; undefined without leases. */
  nextExpiry(): number | undefined {
    let next: number | undefined;
    for (const { expiresAt } of this.#leases.values()) {
      if (next === undefined || expiresAt < next) next = expiresAt;
    }
    return next;
  }
}

/** Whole seconds until the lease runs out. */
export function remainingSeconds(lease: Lease, now: number): number {
  return Math.max(0, Math.ceil((lease.expiresAt - now) / 1000));
}

/** A positive 63-bit lease ID made of random bytes. */
export function leaseIdFrom(bytes: Uint8Array): bigint {
  const raw = new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0);
  return raw & 0x7fff_ffff_ffff_ffffn || 1n;
}
