/**
 * Leases for objects that delete themselves. Objects written within a short time share one lease, so that a burst of
 * events does not cost a lease each; they may outlive their time to live by that much.
 * Figures: k8s.io/apiserver/pkg/storage/etcd3/lease_manager.go.
 */
import type { Clock } from "#pkg/system/clock.ts";
import type { Leases } from "../../store/store.ts";

const maxReuseSeconds = 60;
const reuseShareOfTtl = 0.05;
const maxObjectsPerLease = 1000;

interface SharedLease {
  readonly id: bigint;
  readonly reusableUntilMs: number;
  objects: number;
}

export class TtlLeases {
  readonly #leases: Leases;
  readonly #clock: Clock;
  /** By time to live in seconds. */
  readonly #current = new Map<number, Promise<SharedLease>>();

  constructor(leases: Leases, clock: Clock) {
    this.#leases = leases;
    this.#clock = clock;
  }

  /** A lease that lives at least `ttlSeconds` from now. Throws the store's errors. */
  async leaseFor(ttlSeconds: number): Promise<bigint> {
    const shared = this.#current.get(ttlSeconds);
    if (shared) {
      const lease = await shared.catch(() => undefined);
      if (lease && lease.objects < maxObjectsPerLease && this.#clock.monotonic() < lease.reusableUntilMs) {
        lease.objects++;
        return lease.id;
      }
    }
    // Somebody else may have asked for a new one while this call waited.
    if (this.#current.get(ttlSeconds) !== shared) return this.leaseFor(ttlSeconds);
    const granted = this.#grant(ttlSeconds);
    this.#current.set(ttlSeconds, granted);
    const lease = await granted;
    lease.objects++;
    return lease.id;
  }

  async #grant(ttlSeconds: number): Promise<SharedLease> {
    const reuseSeconds = Math.max(1, Math.min(maxReuseSeconds, Math.floor(ttlSeconds * reuseShareOfTtl)));
    const reusableUntilMs = this.#clock.monotonic() + reuseSeconds * 1000;
    const { id } = await this.#leases.grant(ttlSeconds + reuseSeconds);
    return { id, reusableUntilMs, objects: 0 };
  }
}
