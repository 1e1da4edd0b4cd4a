/**
 * One timer for many deadlines that need no precision: bookmarks and ends of watches. Deadlines are rounded up to whole
 * ticks and share the timer of the nearest one; with no deadline there is no timer.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";

export interface Deadline {
  cancel(): void;
}

export class DeadlineWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #ticks = new Map<number, Set<() => void>>();
  #timer: Timer | undefined;
  #timerTick = Number.POSITIVE_INFINITY;

  constructor(clock: Clock, tickMs = 500) {
    this.#clock = clock;
    this.#tickMs = tickMs;
  }

  /** Calls back once, `ms` from now or up to one tick later. */
  after(ms: number, callback: () => void): Deadline {
    const tick = Math.ceil((this.#clock.monotonic() + Math.max(ms, 0)) / this.#tickMs);
    // A wrapper of its own, so that the same function may wait twice.
    const fire = (): void => callback();
    let waiting = this.#ticks.get(tick);
    if (!waiting) {
      waiting = new Set();
      this.#ticks.set(tick, waiting);
    }
    waiting.add(fire);
    if (tick < this.#timerTick) this.#arm(tick);
    return { cancel: () => this.#cancel(tick, fire) };
  }

  #cancel(tick: number, fire: () => void): void {
    const waiting = this.#ticks.get(tick);
    if (!waiting?.delete(fire) || waiting.size > 0) return;
    this.#ticks.delete(tick);
    // A timer that finds nothing due is armed again for what is left; only an empty wheel must be silent.
    if (this.#ticks.size === 0) this.#disarm();
  }

  #arm(tick: number): void {
    this.#timer?.cancel();
    this.#timerTick = tick;
    const delayMs = Math.max(tick * this.#tickMs - this.#clock.monotonic(), 0);
    this.#timer = this.#clock.setTimer(delayMs, () => this.#fireDue());
  }

  #disarm(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#timerTick = Number.POSITIVE_INFINITY;
  }

  #fireDue(): void {
    this.#disarm();
    const now = this.#clock.monotonic() / this.#tickMs + 1e-6;
    const due = [...this.#ticks.keys()].filter((tick) => tick <= now).sort((a, b) => a - b);
    for (const tick of due) {
      const waiting = this.#ticks.get(tick);
      this.#ticks.delete(tick);
      for (const fire of waiting ?? []) fire();
    }
    const nearest = Math.min(...this.#ticks.keys());
    if (nearest < this.#timerTick) this.#arm(nearest);
  }
}
