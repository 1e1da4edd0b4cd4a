/**
 * Waiting until the caches have caught up with a revision. Bounded: who waits longer than the limit gets `false` and
 * decides what that means. While somebody waits, the store is asked for progress now and then, because revisions can
 * move without any change under the watched prefix.
 * Times: k8s.io/apiserver/pkg/storage/cacher (blockTimeout 3 s, progress request every 100 ms).
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";

export const freshnessTimeoutMs = 3000;
/** How long it is worth waiting for events alone, when the store cannot be asked for progress. */
const eventsOnlyTimeoutMs = 100;
const progressIntervalMs = 100;

interface Waiter {
  readonly revision: number;
  readonly settle: (reached: boolean) => void;
}

export class RevisionWaits {
  readonly #clock: Clock;
  /** Undefined: the store cannot be asked. */
  readonly #requestProgress: (() => void) | undefined;
  readonly #waiters = new Set<Waiter>();
  #progressTimer: Timer | undefined;

  constructor(clock: Clock, requestProgress: (() => void) | undefined) {
    this.#clock = clock;
    this.#requestProgress = requestProgress;
  }

  /** How long a read that can do without the cache should wait for it. */
  get patienceMs(): number {
    return this.#requestProgress ? freshnessTimeoutMs : eventsOnlyTimeoutMs;
  }

  /** Resolves with true once `reached(revision)` was called with this revision or a later one, false when that takes too long. */
  wait(revision: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = this.#clock.setTimer(timeoutMs, () => waiter.settle(false));
      const abort = (): void => waiter.settle(false);
      const waiter: Waiter = {
        revision,
        settle: (reached) => {
          this.#waiters.delete(waiter);
          timer.cancel();
          signal?.removeEventListener("abort", abort);
          if (this.#waiters.size === 0) this.#stopAsking();
          resolve(reached);
        },
      };
      this.#waiters.add(waiter);
      if (signal?.aborted) abort();
      else {
        signal?.addEventListener("abort", abort, { once: true });
        if (!this.#progressTimer && this.#requestProgress) this.#ask();
      }
    });
  }

  reached(revision: number): void {
    if (this.#waiters.size === 0) return;
    for (const waiter of [...this.#waiters]) if (waiter.revision <= revision) waiter.settle(true);
  }

  #ask(): void {
    this.#requestProgress?.();
    this.#progressTimer = this.#clock.setTimer(progressIntervalMs, () => this.#ask());
  }

  #stopAsking(): void {
    this.#progressTimer?.cancel();
    this.#progressTimer = undefined;
  }
}
