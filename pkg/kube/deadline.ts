/** A time limit as an AbortSignal, on a Clock, joined with the caller's own signal. */
import type { Clock } from "#pkg/system/clock.ts";

export interface Deadline extends Disposable {
  /** Fires when the time is over or the caller's signal fires; after dispose, only when the caller's does. */
  readonly signal: AbortSignal;
  /** True when it was the time. */
  isOver(): boolean;
}

/** Starts the clock at once; dispose lifts the limit. */
export function deadline(clock: Clock, ms: number, signal: AbortSignal | undefined): Deadline {
  const controller = new AbortController();
  const timer = clock.setTimer(ms, () => controller.abort());
  return {
    signal: signal ? AbortSignal.any([signal, controller.signal]) : controller.signal,
    isOver: () => controller.signal.aborted,
    [Symbol.dispose]: () => timer.cancel(),
  };
}
