/**
 * Time as a port. Pure code takes `now: number`; loops take a Clock, so that a whole system can run on a fake one.
 * The split follows the two needs: reading the time, and being called back later.
 */

import { performance } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { BerthError } from "./errors.ts";

export interface Timer extends Disposable {
  /** Stops the timer; harmless when it has fired. */
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  now(): number;
  /** Milliseconds on a clock that never goes back; only differences mean anything. */
  monotonic(): number;
  /** Resolves after `ms`; rejects with code "Aborted" when the signal fires first. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `callback` once after `ms`. Timers never keep the process alive. */
  setTimer(ms: number, callback: () => void): Timer;
}

/** Longest delay a Node timer takes; longer ones would fire at once, so they are waited for in parts. */
const maxTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  async sleep(ms, signal) {
    try {
      for (let left = Math.max(ms, 0); ; left -= maxTimerMs) {
        await delay(Math.min(left, maxTimerMs), undefined, signal ? { signal } : {});
        if (left <= maxTimerMs) return;
      }
    } catch (error) {
      throw new BerthError("Aborted", `sleep of ${ms} ms was aborted`, { cause: error });
    }
  },
  setTimer(ms, callback) {
    let handle: NodeJS.Timeout;
    const wait = (left: number): void => {
      const fire = (): void => (left <= maxTimerMs ? callback() : wait(left - maxTimerMs));
      handle = setTimeout(fire, Math.min(left, maxTimerMs));
      handle.unref();
    };
    wait(Math.max(ms, 0));
    const cancel = (): void => clearTimeout(handle);
    return { cancel, [Symbol.dispose]: cancel };
  },
};

/** RFC 3339 in UTC with whole seconds: the form of metav1.Time. */
export function formatTime(ms: number): string {
  return new Date(Math.floor(ms / 1000) * 1000).toISOString().replace(".000Z", "Z");
}

/** RFC 3339 in UTC with microseconds: the form of metav1.MicroTime. Milliseconds in, so the last three digits are 0. */
export function formatMicroTime(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
