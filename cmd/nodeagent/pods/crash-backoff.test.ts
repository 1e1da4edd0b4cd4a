import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { afterRestart, type CrashBackoff, defaultCrashBackoff, restartAllowedAt } from "./crash-backoff.ts";

describe("crash back-off", () => {
  test("a container that ends at once waits 0, 10, 20, 40, 80, 160, 300, 300 seconds", () => {
    let backoff: CrashBackoff | undefined;
    let now = 1_000_000;
    const waits: number[] = [];
    for (let restart = 0; restart < 8; restart++) {
      const finishedAt = now;
      now = Math.max(now, restartAllowedAt(backoff, finishedAt));
      waits.push((now - finishedAt) / 1000);
      backoff = afterRestart(backoff, finishedAt, now, defaultCrashBackoff);
    }
    expect(waits).toEqual([0, 10, 20, 40, 80, 160, 300, 300]);
  });

  test("a node's own maximum below the base is the base too", () => {
    expect(afterRestart(undefined, 0, 0, { baseMs: 10_000, maxMs: 1000 }).delayMs).toBe(1000);
  });

  test("the delay never passes the maximum and never shrinks without a long run", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(600_000), { maxLength: 20 }), (runs) => {
        let backoff: CrashBackoff | undefined;
        let now = 0;
        for (const run of runs) {
          const finishedAt = now + run;
          now = Math.max(finishedAt, restartAllowedAt(backoff, finishedAt));
          const next = afterRestart(backoff, finishedAt, now, defaultCrashBackoff);
          expect(next.delayMs).toBeLessThanOrEqual(300_000);
          expect(next.delayMs).toBeGreaterThanOrEqual(backoff?.delayMs ?? 0);
          backoff = next;
        }
      }),
    );
  });
});
