/** What every Clock owes its users. `pass` lets time pass: it moves a fake clock, or waits. */
import { describe, expect, test } from "vitest";
import type { Clock } from "../clock.ts";

export interface ClockUnderTest {
  readonly clock: Clock;
  pass(ms: number): Promise<void>;
}

export function clockSuite(name: string, open: () => ClockUnderTest): void {
  describe(`${name} satisfies Clock`, () => {
    test("both times move on, and by about the same", async () => {
      const { clock, pass } = open();
      const [wall, steady] = [clock.now(), clock.monotonic()];
      await pass(30);
      expect(clock.now() - wall).toBeGreaterThanOrEqual(25);
      expect(clock.monotonic() - steady).toBeGreaterThanOrEqual(25);
    });

    test("sleep() takes at least as long as asked", async () => {
      const { clock, pass } = open();
      const start = clock.monotonic();
      let slept = -1;
      const sleeping = clock.sleep(20).then(() => {
        slept = clock.monotonic() - start;
      });
      await pass(60);
      await sleeping;
      // Timers of the real clock count whole milliseconds.
      expect(slept).toBeGreaterThanOrEqual(19);
    });

    test("sleep() of no time or less ends at once", async () => {
      const { clock, pass } = open();
      const sleeping = Promise.all([clock.sleep(0), clock.sleep(-5)]);
      await pass(10);
      await sleeping;
    });

    test("sleep() is Aborted by its signal, before and while it sleeps", async () => {
      const { clock } = open();
      await expect(clock.sleep(10_000, AbortSignal.abort())).rejects.toMatchObject({ code: "Aborted" });
      const controller = new AbortController();
      const sleeping = expect(clock.sleep(10_000, controller.signal)).rejects.toMatchObject({ code: "Aborted" });
      controller.abort();
      await sleeping;
    });

    test("setTimer() calls back once, and never when it was cancelled", async () => {
      const { clock, pass } = open();
      const calls: string[] = [];
      clock.setTimer(5, () => calls.push("first"));
      const cancelled = clock.setTimer(5, () => calls.push("cancelled"));
      {
        using _disposed = clock.setTimer(5, () => calls.push("disposed"));
      }
      cancelled.cancel();
      cancelled.cancel();
      await pass(60);
      expect(calls).toEqual(["first"]);
    });

    test("timers fire in the order of their times", async () => {
      const { clock, pass } = open();
      const calls: number[] = [];
      for (const ms of [30, 10, 20]) clock.setTimer(ms, () => calls.push(ms));
      await pass(90);
      expect(calls).toEqual([10, 20, 30]);
    });

    test("a time beyond what the machine's timers take is not short", async () => {
      const { clock, pass } = open();
      const calls: string[] = [];
      using _timer = clock.setTimer(2 ** 32, () => calls.push("timer"));
      const controller = new AbortController();
      const sleeping = clock.sleep(2 ** 32, controller.signal).then(
        () => calls.push("sleep"),
        () => undefined,
      );
      await pass(30);
      controller.abort();
      await sleeping;
      expect(calls).toEqual([]);
    });
  });
}
