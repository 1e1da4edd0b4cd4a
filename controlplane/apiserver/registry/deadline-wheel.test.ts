import { describe, expect, test } from "vitest";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { DeadlineWheel } from "./deadline-wheel.ts";

describe("DeadlineWheel", () => {
  test("calls back once, at most one tick late, in order of time", async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock, 100);
    const fired: string[] = [];
    wheel.after(950, () => fired.push(`late ${clock.monotonic()}`));
    wheel.after(120, () => fired.push(`early ${clock.monotonic()}`));
    await clock.advance(5000);
    expect(fired).toEqual(["early 200", "late 1000"]);
  });

  test("has one timer for all deadlines and none when there are none", async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock, 100);
    const deadlines = Array.from({ length: 50 }, (_, index) => wheel.after(index * 10, () => {}));
    expect(clock.waiting).toBe(1);
    for (const deadline of deadlines) deadline.cancel();
    expect(clock.waiting).toBe(0);
  });

  test("a deadline set while others fire is kept", async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock, 100);
    const fired: number[] = [];
    const again = (): void => {
      fired.push(clock.monotonic());
      if (fired.length < 3) wheel.after(300, again);
    };
    wheel.after(300, again);
    await clock.advance(2000);
    expect(fired).toEqual([300, 600, 900]);
    expect(clock.waiting).toBe(0);
  });

  test("a cancelled deadline does not fire and does not hold others back", async () => {
    const clock = new FakeClock();
    const wheel = new DeadlineWheel(clock, 100);
    const fired: string[] = [];
    wheel.after(100, () => fired.push("cancelled")).cancel();
    const first = wheel.after(200, () => fired.push("also cancelled"));
    wheel.after(400, () => fired.push("kept"));
    first.cancel();
    await clock.advance(1000);
    expect(fired).toEqual(["kept"]);
  });
});
