/**
 * The keyed loop: keys in, one reconcile per key at a time, until the world is as wanted. A reconciler is told a key and no
 * more; it reads everything else itself, so that lost or doubled events do no harm.
 *  - a failed run comes again with growing delays; code "Invalid" is logged and waits for the next event instead;
 *  - errors never leave the loop, and every run writes one log line;
 *  - dispose stops handing out keys, fires the signal of running reconciles and waits for them.
 */
import { isStatus } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { hasCode } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import type { BackoffPolicy } from "./backoff.ts";
import { WorkQueue } from "./work-queue.ts";

export interface Reconciler<K extends string = string> {
  readonly name: string;
  /** Throws to be called again after a delay; BerthError "Invalid" to be called again only when the key is added anew. */
  reconcile(key: K, signal: AbortSignal): Promise<ReconcileResult>;
}

export interface ReconcileResult {
  /** Call again after this time, also when all went well. */
  readonly requeueAfterMs?: number | undefined;
}

export interface ReconcileRun<K extends string = string> {
  readonly key: K;
  readonly durationMs: number;
  readonly error?: unknown;
}

export interface ControllerOptions<K extends string = string> {
  readonly reconciler: Reconciler<K>;
  readonly clock: Clock;
  readonly log: Logger;
  /** How many keys are worked on at once. Default 1. */
  readonly workers?: number | undefined;
  readonly backoff?: BackoffPolicy | undefined;
  readonly random?: Random | undefined;
  /** The first run waits for this: `(signal) => informers.waitForSync(signal)`. */
  readonly waitForSync?: ((signal: AbortSignal) => Promise<void>) | undefined;
  /** Called after each run, for metrics. Must not throw. */
  readonly onRun?: ((run: ReconcileRun<K>) => void) | undefined;
}

export interface Controller<K extends string = string> extends AsyncDisposable {
  /** The key needs a look. */
  enqueue(key: K): void;
  enqueueAfter(key: K, ms: number): void;
  /** How many keys wait or are being worked on; those with a delay do not count. */
  readonly pending: number;
}

export function startController<K extends string = string>(options: ControllerOptions<K>): Controller<K> {
  const { clock, backoff, random, workers = 1, waitForSync } = options;
  const queue = new WorkQueue<K>({ clock, backoff, random });
  const stop = new AbortController();
  const log = options.log.with({ controller: options.reconciler.name });

  async function work(): Promise<void> {
    for (;;) {
      const key = await queue.take(stop.signal);
      if (key === undefined) return;
      try {
        await runOnce(options, queue, key, log, stop.signal);
      } finally {
        queue.done(key);
      }
    }
  }

  async function run(): Promise<void> {
    try {
      await waitForSync?.(stop.signal);
    } catch (error) {
      if (!stop.signal.aborted) log.error("the controller does not start: its caches did not sync", { error });
      return;
    }
    await Promise.all(Array.from({ length: workers }, work));
  }

  const running = run();
  return {
    enqueue: (key) => queue.add(key),
    enqueueAfter: (key, ms) => queue.addAfter(key, ms),
    get pending() {
      return queue.length + queue.processing;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      queue.shutDown();
      await running;
    },
  };
}

async function runOnce<K extends string>(
  { reconciler, clock, onRun }: ControllerOptions<K>,
  queue: WorkQueue<K>,
  key: K,
  log: Logger,
  signal: AbortSignal,
): Promise<void> {
  const startedAt = clock.monotonic();
  const elapsed = (): number => Math.round(clock.monotonic() - startedAt);
  try {
    const { requeueAfterMs } = await reconciler.reconcile(key, signal);
    queue.forget(key);
    if (requeueAfterMs !== undefined) queue.addAfter(key, requeueAfterMs);
    log.debug("reconciled", { key, ms: elapsed(), requeueAfterMs });
    onRun?.({ key, durationMs: elapsed() });
  } catch (error) {
    onRun?.({ key, durationMs: elapsed(), error });
    if (signal.aborted) return;
    fail(queue, key, error, elapsed(), log);
  }
}

function fail<K extends string>(queue: WorkQueue<K>, key: K, error: unknown, ms: number, log: Logger): void {
  if (hasCode(error, "Invalid")) {
    queue.forget(key);
    log.error("reconcile failed and will not be tried again before the next change", { key, ms, error });
    return;
  }
  const retryMs = queue.addRateLimited(key);
  const fields = { key, ms, error, failures: queue.failures(key), retryMs };
  // Someone else wrote first: ordinary, and mended by reading again.
  if (isStatus(error, "Conflict")) log.debug("reconcile met a conflict", fields);
  else log.warn("reconcile failed", fields);
}
