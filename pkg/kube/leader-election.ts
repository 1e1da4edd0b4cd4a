/**
 * One of several processes leads: the one that holds a Lease. As in client-go, nobody compares clocks across machines: a lease
 * counts as expired when this process has seen no change in it for its whole duration.
 *
 *   waiting ──lease free or expired, write succeeds──▶ leading ──no write for renewDeadlineMs, or stop──▶ over
 *
 * Leading ends before others may take over: renewDeadlineMs must be less than leaseDurationMs.
 */
import type { Lease, LeaseSpec } from "#pkg/api/coordination/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { type Clock, formatMicroTime } from "#pkg/system/clock.ts";
import { BerthError, isAborted } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { jitter, type Random } from "#pkg/system/random.ts";
import type { KubeClient } from "./client.ts";
import { deadline } from "./deadline.ts";

export interface LeaderElectionOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Of the Lease. */
  readonly name: string;
  /** Unique among the candidates: host name and something random. */
  readonly identity: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Default 15,000. */
  readonly leaseDurationMs?: number | undefined;
  /** Default 10,000. */
  readonly renewDeadlineMs?: number | undefined;
  /** Default 2,000. */
  readonly retryPeriodMs?: number | undefined;
  /** Runs while this process leads; its signal fires when that is over, and it must end then. */
  lead(signal: AbortSignal): Promise<void>;
  /** Called when another leader is seen, this process included. Must not throw. */
  readonly onNewLeader?: ((identity: string) => void) | undefined;
}

/** Acquiring is spread so that candidates do not try at the same time. */
const acquireJitter = 1.2;

/**
 * Waits until this process leads, runs `lead`, and resolves when leading is over and `lead` has ended: the lease was lost (start
 * again, or exit), or the signal fired. The lease is given up on the way out. Rejects with what `lead` throws.
 */
export async function runLeaderElection(options: LeaderElectionOptions, signal: AbortSignal): Promise<void> {
  await new Candidate(options, signal).run();
}

class Candidate {
  readonly #options: LeaderElectionOptions;
  readonly #signal: AbortSignal;
  readonly #log: Logger;
  readonly #leaseDurationMs: number;
  readonly #renewDeadlineMs: number;
  readonly #retryPeriodMs: number;
  #seen: { readonly lease: Stored<Lease>; readonly at: number } | undefined;

  constructor(options: LeaderElectionOptions, signal: AbortSignal) {
    this.#options = options;
    this.#signal = signal;
    this.#log = options.log.with({ lease: `${options.namespace}/${options.name}` });
    this.#leaseDurationMs = options.leaseDurationMs ?? 15_000;
    this.#renewDeadlineMs = options.renewDeadlineMs ?? 10_000;
    this.#retryPeriodMs = options.retryPeriodMs ?? 2_000;
    if (this.#leaseDurationMs > this.#renewDeadlineMs && this.#renewDeadlineMs > this.#retryPeriodMs) return;
    throw new BerthError("Invalid", "leader election wants leaseDurationMs > renewDeadlineMs > retryPeriodMs");
  }

  async run(): Promise<void> {
    if (!(await this.#acquire())) return;
    this.#log.info("leading", { identity: this.#options.identity });
    const over = new AbortController();
    const leading = this.#options.lead(over.signal);
    // Whoever stops leading by itself gives the lease up, too.
    const ended = leading.then(
      () => over.abort(),
      () => over.abort(),
    );
    await this.#renew(AbortSignal.any([this.#signal, over.signal]));
    over.abort();
    await ended;
    await this.#release();
    await leading;
  }

  /** False when the signal fired before. */
  async #acquire(): Promise<boolean> {
    while (!this.#signal.aborted) {
      if (await this.#tryOnce(this.#signal)) return true;
      await this.#pause(jitter(this.#options.random, this.#retryPeriodMs, acquireJitter), this.#signal);
    }
    return false;
  }

  /** Resolves when the lease was not renewed in time, or the signal fired. */
  async #renew(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    let renewedAt = clock.monotonic();
    while (!signal.aborted) {
      await this.#pause(this.#retryPeriodMs, signal);
      const left = renewedAt + this.#renewDeadlineMs - clock.monotonic();
      using limit = deadline(clock, Math.max(left, 0), signal);
      const startedAt = clock.monotonic();
      if (left > 0 && (await this.#tryOnce(limit.signal))) renewedAt = startedAt;
      else if (clock.monotonic() - renewedAt >= this.#renewDeadlineMs || this.#isHeldByOther()) {
        this.#log.warn("the lease was lost");
        return;
      }
    }
  }

  /** True when this process holds the lease now. */
  async #tryOnce(signal: AbortSignal): Promise<boolean> {
    try {
      const lease = await this.#read(signal);
      if (lease && !this.#mayTake(lease)) return false;
      const leases = this.#options.client.leases.in(this.#options.namespace);
      const spec = this.#nextSpec(lease?.spec);
      const { name, namespace } = this.#options;
      const stored = lease
        ? await leases.update({ ...lease, spec }, { signal })
        : await leases.create({ metadata: { name, namespace }, spec }, { signal });
      this.#see(stored);
      return true;
    } catch (error) {
      const isOrdinary = isAborted(error) || isStatus(error, "Conflict") || isStatus(error, "AlreadyExists");
      this.#log[isOrdinary ? "debug" : "warn"]("the lease could not be written", { error });
      return false;
    }
  }

  async #read(signal: AbortSignal): Promise<Stored<Lease> | undefined> {
    const { name, namespace, client } = this.#options;
    try {
      const lease = await client.leases.in(namespace).get(name, { signal });
      this.#see(lease);
      return lease;
    } catch (error) {
      if (isStatus(error, "NotFound")) return undefined;
      throw error;
    }
  }

  #see(lease: Stored<Lease>): void {
    const last = this.#seen?.lease;
    if (last?.metadata.resourceVersion === lease.metadata.resourceVersion) return;
    this.#seen = { lease, at: this.#options.clock.monotonic() };
    const holder = lease.spec.holderIdentity ?? "";
    if (holder !== "" && holder !== last?.spec.holderIdentity) this.#options.onNewLeader?.(holder);
  }

  #mayTake(lease: Lease): boolean {
    const { holderIdentity = "", leaseDurationSeconds = 0 } = lease.spec;
    if (holderIdentity === "" || holderIdentity === this.#options.identity) return true;
    const seenAt = this.#seen?.at ?? this.#options.clock.monotonic();
    return this.#options.clock.monotonic() - seenAt >= leaseDurationSeconds * 1000;
  }

  #isHeldByOther(): boolean {
    const holder = this.#seen?.lease.spec.holderIdentity ?? "";
    return holder !== "" && holder !== this.#options.identity;
  }

  #nextSpec(old: LeaseSpec | undefined): LeaseSpec {
    const { identity, clock } = this.#options;
    const now = formatMicroTime(clock.now());
    const isMine = old?.holderIdentity === identity;
    return {
      ...old,
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.#leaseDurationMs / 1000),
      acquireTime: isMine ? old.acquireTime : now,
      renewTime: now,
      leaseTransitions: (old?.leaseTransitions ?? 0) + (isMine || old === undefined ? 0 : 1),
    };
  }

  /** Lets the next leader begin at once. Best effort: the lease expires anyway. */
  async #release(): Promise<void> {
    const { client, namespace, clock } = this.#options;
    const lease = this.#seen?.lease;
    if (!lease || this.#isHeldByOther()) return;
    const now = formatMicroTime(clock.now());
    const spec = { ...lease.spec, holderIdentity: "", leaseDurationSeconds: 1, acquireTime: now, renewTime: now };
    using limit = deadline(clock, this.#retryPeriodMs, undefined);
    try {
      await client.leases.in(namespace).update({ ...lease, spec }, { signal: limit.signal });
      this.#log.info("gave up the lease");
    } catch (error) {
      this.#log.debug("the lease could not be given up", { error });
    }
  }

  async #pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.#options.clock.sleep(ms, signal);
    } catch (error) {
      if (!isAborted(error)) throw error;
    }
  }
}
