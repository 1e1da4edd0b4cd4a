/**
 * Pods that wait for a node. Three places: active (by priority, then age), backing off after a failed try, and
 * unschedulable until something happens in the cluster that could help. Time comes in; nothing here schedules.
 * Source: pkg/scheduler/backend/queue (v1.36).
 */
import type { Pod } from "#pkg/api/core/v1.ts";

/** What can make an unschedulable pod schedulable. */
export type ClusterEvent = "nodeAdded" | "nodeChanged" | "podRemoved" | "podAdded" | "other";

export interface QueueOptions {
  readonly initialBackoffMs?: number;
  readonly maxBackoffMs?: number;
  /** A pod is tried again after this long, whatever happens. */
  readonly maxUnschedulableMs?: number;
}

interface Waiting {
  pod: Pod;
  attempts: number;
  /** When it came in: older pods of the same priority go first. */
  readonly sinceMs: number;
  lastTryMs: number;
  /** Cluster events seen when the last try began: one that happened during the try counts. */
  cycle: number;
}

export class SchedulingQueue {
  readonly #active = new Map<string, Waiting>();
  readonly #backoff = new Map<string, Waiting>();
  readonly #unschedulable = new Map<string, Waiting>();
  readonly #inFlight = new Map<string, Waiting>();
  readonly #options: Required<QueueOptions>;
  #cycle = 0;
  #lastWakeCycle = -1;

  constructor(options: QueueOptions = {}) {
    this.#options = { initialBackoffMs: 1000, maxBackoffMs: 10_000, maxUnschedulableMs: 300_000, ...options };
  }

  get size(): { readonly active: number; readonly backoff: number; readonly unschedulable: number } {
    return { active: this.#active.size, backoff: this.#backoff.size, unschedulable: this.#unschedulable.size };
  }

  /** A new pod, or a new version of one that waits: a changed spec or label is worth another try at once. */
  add(key: string, pod: Pod, nowMs: number): void {
    const inFlight = this.#inFlight.get(key);
    if (inFlight) {
      inFlight.pod = pod;
      return;
    }
    const known = this.#active.get(key) ?? this.#backoff.get(key) ?? this.#unschedulable.get(key);
    if (!known) {
      this.#active.set(key, { pod, attempts: 0, sinceMs: nowMs, lastTryMs: 0, cycle: this.#cycle });
      return;
    }
    const changed =
      known.pod.metadata.generation !== pod.metadata.generation ||
      !sameText(known.pod.metadata.labels, pod.metadata.labels);
    known.pod = pod;
    if (changed && this.#unschedulable.delete(key)) this.#requeue(key, known, nowMs);
  }

  remove(key: string): void {
    for (const place of [this.#active, this.#backoff, this.#unschedulable, this.#inFlight]) place.delete(key);
  }

  /** The next pod to try: highest priority, then oldest. It is in flight until `done` or `failed`. */
  pop(nowMs: number): { readonly key: string; readonly pod: Pod; readonly attempts: number } | undefined {
    this.#release(nowMs);
    let best: [string, Waiting] | undefined;
    for (const entry of this.#active) if (!best || isBefore(entry[1], best[1])) best = entry;
    if (!best) return undefined;
    const [key, waiting] = best;
    this.#active.delete(key);
    waiting.attempts++;
    waiting.lastTryMs = nowMs;
    waiting.cycle = this.#cycle++;
    this.#inFlight.set(key, waiting);
    return { key, pod: waiting.pod, attempts: waiting.attempts };
  }

  done(key: string): void {
    this.#inFlight.delete(key);
  }

  /** The try failed: the pod waits for the cluster to change, or only backs off when that has happened meanwhile. */
  failed(key: string, nowMs: number): void {
    const waiting = this.#inFlight.get(key);
    if (!waiting) return;
    this.#inFlight.delete(key);
    if (this.#lastWakeCycle >= waiting.cycle) this.#requeue(key, waiting, nowMs);
    else this.#unschedulable.set(key, waiting);
  }

  /** Something happened: unschedulable pods get another try once their back-off is over. */
  wake(_event: ClusterEvent, nowMs: number): void {
    this.#lastWakeCycle = this.#cycle;
    this.#cycle++;
    for (const [key, waiting] of this.#unschedulable) {
      this.#unschedulable.delete(key);
      this.#requeue(key, waiting, nowMs);
    }
  }

  /** When `pop` may have something that it has not now; undefined: only events can bring that. */
  nextReadyMs(nowMs: number): number | undefined {
    if (this.#active.size > 0) return nowMs;
    const times = [
      ...[...this.#backoff.values()].map((waiting) => this.#backoffEndMs(waiting)),
      ...[...this.#unschedulable.values()].map((waiting) => waiting.lastTryMs + this.#options.maxUnschedulableMs),
    ];
    return times.length === 0 ? undefined : Math.min(...times);
  }

  #release(nowMs: number): void {
    for (const [key, waiting] of this.#unschedulable) {
      if (nowMs - waiting.lastTryMs < this.#options.maxUnschedulableMs) continue;
      this.#unschedulable.delete(key);
      this.#requeue(key, waiting, nowMs);
    }
    for (const [key, waiting] of this.#backoff) {
      if (this.#backoffEndMs(waiting) > nowMs) continue;
      this.#backoff.delete(key);
      this.#active.set(key, waiting);
    }
  }

  #requeue(key: string, waiting: Waiting, nowMs: number): void {
    const place = this.#backoffEndMs(waiting) > nowMs ? this.#backoff : this.#active;
    place.set(key, waiting);
  }

  #backoffEndMs({ attempts, lastTryMs }: Waiting): number {
    if (attempts === 0) return 0;
    return lastTryMs + Math.min(this.#options.initialBackoffMs * 2 ** (attempts - 1), this.#options.maxBackoffMs);
  }
}

function isBefore(a: Waiting, b: Waiting): boolean {
  const [left, right] = [a.pod.spec?.priority ?? 0, b.pod.spec?.priority ?? 0];
  return left !== right ? left > right : a.sinceMs < b.sinceMs;
}

function sameText(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
