import { describe, expect, test } from "vitest";
import { formatMicroTime, formatTime, systemClock } from "./clock.ts";
import { clockSuite } from "./testing/clock-suite.ts";
import { FakeClock } from "./testing/fake-clock.ts";

clockSuite("systemClock", () => ({ clock: systemClock, pass: (ms) => systemClock.sleep(ms) }));

clockSuite("FakeClock", () => {
  const clock = new FakeClock();
  return { clock, pass: (ms) => clock.advance(ms) };
});

describe("FakeClock", () => {
  test("fires each timer at its own time, also those that timers set", async () => {
    const clock = new FakeClock(1_000);
    const at: number[] = [];
    clock.setTimer(10, () => {
      at.push(clock.now());
      clock.setTimer(5, () => at.push(clock.now()));
    });
    clock.setTimer(100, () => at.push(clock.now()));
    await clock.advance(50);
    expect(at).toEqual([1_010, 1_015]);
    expect([clock.now(), clock.monotonic(), clock.waiting]).toEqual([1_050, 50, 1]);
  });

  test("lets what one timer started run before the next one", async () => {
    const clock = new FakeClock();
    const seen: string[] = [];
    const step = async (name: string): Promise<void> => {
      for (let hop = 0; hop < 20; hop++) await Promise.resolve();
      seen.push(name);
    };
    clock.setTimer(1, () => void step("first"));
    clock.setTimer(2, () => seen.push("second"));
    await clock.advance(2);
    expect(seen).toEqual(["first", "second"]);
  });
});

describe("formatTime and formatMicroTime", () => {
  test("write the forms of the API", () => {
    const ms = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
    expect(formatTime(ms)).toBe("2026-01-02T03:04:05Z");
    expect(formatMicroTime(ms)).toBe("2026-01-02T03:04:05.678000Z");
  });
});
