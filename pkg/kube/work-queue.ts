/**
 * A queue of keys for workers.
 *  - fair: keys come out in the order in which they were added;
 *  - stingy: a key that waits is not added twice, and a key is never with two workers at once; added while it is worked on, it
 *    comes again afterwards;
 *  - delays: a key may be added for later; the earlier of two times counts;
 *  - shut down: nothing more gets in, what is in gets out.
 * It knows nothing of what the keys mean, and runs no code of its own but timers.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { type BackoffPolicy, backoffMs, itemBackoff } from "./backoff.ts";

export interface WorkQueueOptions {
  readonly clock: Clock;
  /** For `addRateLimited`. Default: 5 ms, doubled with each failure, at most 1000 s. */
  readonly backoff?: BackoffPolicy | undefined;
  /** Only needed for a backoff with jitter. */
  readonly random?: Random | undefined;
}

interface Delayed extends Disposable {
  readonly dueAt: number;
}

export class WorkQueue<K extends string = string> implements Disposable {
  readonly #clock: Clock;
  readonly #backoff: BackoffPolicy;
  readonly #random: Random | undefined;
  /** Waiting for a worker, in order. */
  readonly #queue = new Set<K>();
  readonly #processing = new Set<K>();
  /** Added while being worked on. */
  readonly #again = new Set<K>();
  readonly #delayed = new Map<K, Delayed>();
  readonly #failures = new Map<K, number>();
  readonly #takers = new Set<(key: K | undefined) => void>();
  #isShutDown = false;

  constructor(options: WorkQueueOptions) {
    this.#clock = options.clock;
    this.#backoff = options.backoff ?? itemBackoff;
    this.#random = options.random;
  }

  /** How many keys wait for a worker; those with a delay do not count. */
  get length(): number {
    return this.#queue.size;
  }

  /** How many keys are with workers. */
  get processing(): number {
    return this.#processing.size;
  }

  add(key: K): void {
    if (!this.#isShutDown) this.#enqueue(key);
  }

  /** Adds the key after `ms`, also when it is worked on before that; at once when `ms` is not positive. */
  addAfter(key: K, ms: number): void {
    if (this.#isShutDown) return;
    if (ms <= 0) {
      this.#enqueue(key);
      return;
    }
    const dueAt = this.#clock.monotonic() + ms;
    const known = this.#delayed.get(key);
    if (known && known.dueAt <= dueAt) return;
    this.#dropDelay(key);
    const timer: Timer = this.#clock.setTimer(ms, () => {
      this.#delayed.delete(key);
      this.#enqueue(key);
    });
    this.#delayed.set(key, { dueAt, [Symbol.dispose]: () => timer.cancel() });
  }

  /** Adds the key after a delay that grows each time until `forget`. Returns the delay in milliseconds. */
  addRateLimited(key: K): number {
    const failures = this.failures(key) + 1;
    this.#failures.set(key, failures);
    const ms = backoffMs(this.#backoff, failures, this.#random);
    this.addAfter(key, ms);
    return ms;
  }

  /** Ends the growth of the key's delays: it went well. */
  forget(key: K): void {
    this.#failures.delete(key);
  }

  /** How often the key was added with `addRateLimited` since it was last forgotten. */
  failures(key: K): number {
    return this.#failures.get(key) ?? 0;
  }

  /** The next key, as soon as there is one; the taker must call `done`. Undefined: shut down and empty, or the signal fired. */
  async take(signal?: AbortSignal): Promise<K | undefined> {
    if (signal?.aborted) return undefined;
    const [next] = this.#queue;
    if (next !== undefined) return this.#hand(next);
    if (this.#isShutDown) return undefined;
    return await new Promise<K | undefined>((resolve) => {
      const give = (key: K | undefined): void => {
        this.#takers.delete(give);
        signal?.removeEventListener("abort", giveUp);
        resolve(key);
      };
      const giveUp = (): void => give(undefined);
      signal?.addEventListener("abort", giveUp, { once: true });
      this.#takers.add(give);
    });
  }

  /** The worker is through with the key. */
  done(key: K): void {
    this.#processing.delete(key);
    if (this.#again.delete(key)) this.#enqueue(key);
  }

  /** From now on nothing gets in; delays are dropped; waiting takers get undefined. */
  shutDown(): void {
    this.#isShutDown = true;
    for (const key of [...this.#delayed.keys()]) this.#dropDelay(key);
    if (this.#queue.size === 0) for (const give of [...this.#takers]) give(undefined);
  }

  [Symbol.dispose](): void {
    this.shutDown();
  }

  #enqueue(key: K): void {
    if (this.#processing.has(key)) {
      this.#again.add(key);
      return;
    }
    this.#queue.add(key);
    const [taker] = this.#takers;
    const [next] = this.#queue;
    if (taker && next !== undefined) taker(this.#hand(next));
  }

  #hand(key: K): K {
    this.#queue.delete(key);
    this.#processing.add(key);
    return key;
  }

  #dropDelay(key: K): void {
    this.#delayed.get(key)?.[Symbol.dispose]();
    this.#delayed.delete(key);
  }
}
