/**
 * The whole-state loop: one function that brings everything up to date, run when something changed and now and then anyway.
 *  - any number of triggers before a run make one run, and triggers during a run make one run after it;
 *  - runs start at least `minMs` apart, at most `maxMs` after the last one ended, and `retryMs` after a failed one;
 *  - the first run comes as soon as `waitForSync` allows, triggered or not;
 *  - errors never leave the loop, and every run writes one log line.
 */
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";

export interface PeriodicSyncOptions {
  readonly name: string;
  sync(signal: AbortSignal): Promise<void>;
  readonly minMs: number;
  readonly retryMs: number;
  readonly maxMs: number;
  readonly clock: Clock;
  readonly log: Logger;
  readonly waitForSync?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Called after each run, for metrics. Must not throw. */
  readonly onRun?: ((run: { readonly durationMs: number; readonly error?: unknown }) => void) | undefined;
}

export interface PeriodicSync extends AsyncDisposable {
  /** Something changed. Which thing does not matter: a run looks at everything. */
  trigger(): void;
  /** Triggers, and resolves when a run that began after this call went well; rejects with "Aborted" on dispose. */
  flush(): Promise<void>;
}

export function startPeriodicSync(options: PeriodicSyncOptions): PeriodicSync {
  const runner = new Runner(options);
  const running = runner.run();
  return {
    trigger: () => runner.trigger(),
    flush: () => runner.flush(),
    async [Symbol.asyncDispose]() {
      runner.stop();
      await running;
    },
  };
}

class Runner {
  readonly #options: PeriodicSyncOptions;
  readonly #log: Logger;
  readonly #stop = new AbortController();
  #isTriggered = false;
  #wake: (() => void) | undefined;
  #flushes: PromiseWithResolvers<void>[] = [];

  constructor(options: PeriodicSyncOptions) {
    this.#options = options;
    this.#log = options.log.with({ sync: options.name });
  }

  async run(): Promise<void> {
    const { clock, minMs, retryMs, maxMs, waitForSync } = this.#options;
    try {
      await waitForSync?.(this.#stop.signal);
    } catch (error) {
      if (!this.#stop.signal.aborted) this.#log.error("the loop does not start: its caches did not sync", { error });
      return;
    }
    while (!this.#stop.signal.aborted) {
      const startedAt = clock.monotonic();
      const isOk = await this.#runOnce();
      const earliest = startedAt + minMs;
      const latest = Math.max(clock.monotonic() + (isOk ? maxMs : Math.min(retryMs, maxMs)), earliest);
      await this.#waitForNext(earliest, latest);
    }
  }

  trigger(): void {
    this.#isTriggered = true;
    this.#wake?.();
  }

  flush(): Promise<void> {
    const waiter = Promise.withResolvers<void>();
    if (this.#stop.signal.aborted) waiter.reject(this.#stopped());
    else this.#flushes.push(waiter);
    this.trigger();
    return waiter.promise;
  }

  stop(): void {
    this.#stop.abort();
    this.#wake?.();
    for (const waiter of this.#flushes.splice(0)) waiter.reject(this.#stopped());
  }

  async #runOnce(): Promise<boolean> {
    const { clock, onRun, sync } = this.#options;
    this.#isTriggered = false;
    const waiters = this.#flushes.splice(0);
    const startedAt = clock.monotonic();
    let failure: { readonly error: unknown } | undefined;
    try {
      await sync(this.#stop.signal);
    } catch (error) {
      failure = { error };
    }
    const durationMs = Math.round(clock.monotonic() - startedAt);
    onRun?.({ durationMs, ...failure });
    this.#report(durationMs, failure, waiters);
    return failure === undefined;
  }

  #report(ms: number, failure: { error: unknown } | undefined, waiters: readonly PromiseWithResolvers<void>[]): void {
    if (!failure) {
      this.#log.debug("synced", { ms });
      for (const waiter of waiters) waiter.resolve();
      return;
    }
    if (this.#stop.signal.aborted) {
      for (const waiter of waiters) waiter.reject(this.#stopped());
      return;
    }
    this.#log.warn("sync failed", { ms, error: failure.error, retryMs: this.#options.retryMs });
    // The retry will serve them.
    this.#flushes.unshift(...waiters);
  }

  /** Until `latest`, or until `earliest` once there is a trigger. */
  async #waitForNext(earliest: number, latest: number): Promise<void> {
    const { clock } = this.#options;
    while (!this.#stop.signal.aborted) {
      const now = clock.monotonic();
      const due = this.#isTriggered ? earliest : latest;
      if (now >= due) return;
      const woken = Promise.withResolvers<void>();
      this.#wake = woken.resolve;
      using _timer = clock.setTimer(due - now, woken.resolve);
      await woken.promise;
    }
  }

  #stopped(): BerthError {
    return new BerthError("Aborted", `${this.#options.name} was stopped`);
  }
}
