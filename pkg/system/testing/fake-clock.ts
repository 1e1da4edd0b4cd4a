/** A clock that moves only when told to. Timers fire in time order, each with `now()` at its own due time. */
import type { Clock, Timer } from "../clock.ts";
import { BerthError } from "../errors.ts";

interface Pending {
  readonly due: number;
  readonly order: number;
  readonly fire: () => void;
}

export class FakeClock implements Clock {
  #now: number;
  #order = 0;
  readonly #start: number;
  readonly #pending = new Set<Pending>();

  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#now = startMs;
    this.#start = startMs;
  }

  now(): number {
    return this.#now;
  }

  monotonic(): number {
    return this.#now - this.#start;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (): void => {
        timer.cancel();
        reject(new BerthError("Aborted", `sleep of ${ms} ms was aborted`));
      };
      const timer = this.setTimer(ms, () => {
        signal?.removeEventListener("abort", fail);
        resolve();
      });
      if (signal?.aborted) fail();
      else signal?.addEventListener("abort", fail, { once: true });
    });
  }

  setTimer(ms: number, callback: () => void): Timer {
    const entry: Pending = { due: this.#now + Math.max(ms, 0), order: this.#order++, fire: callback };
    this.#pending.add(entry);
    const cancel = (): void => {
      this.#pending.delete(entry);
    };
    return { cancel, [Symbol.dispose]: cancel };
  }

  /** How many timers and sleeps are waiting. */
  get waiting(): number {
    return this.#pending.size;
  }

  /** Moves time on, firing what falls due, and lets promise continuations run between two timers. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.#next(end); next; next = this.#next(end)) {
      this.#pending.delete(next);
      this.#now = Math.max(this.#now, next.due);
      next.fire();
      await settle();
    }
    this.#now = end;
    await settle();
  }

  #next(end: number): Pending | undefined {
    let best: Pending | undefined;
    for (const entry of this.#pending) {
      if (entry.due > end) continue;
      if (!best || entry.due < best.due || (entry.due === best.due && entry.order < best.order)) best = entry;
    }
    return best;
  }
}

/** Runs every microtask that is ready, and those they make, without any real waiting beyond one turn of the loop. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}
