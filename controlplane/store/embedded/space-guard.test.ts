import { describe, expect, test } from "vitest";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { computeShortage, SpaceGuard } from "./space-guard.ts";

const mebibyte = 1024 * 1024;
const limits = { leastFreeBytes: 64 * mebibyte, mostUsedBytes: 1000 * mebibyte };

describe("computeShortage", () => {
  test.each([
    ["room enough", 65, 10, undefined],
    ["exactly the reserve", 64, 10, undefined],
    ["less than the reserve", 63, 10, /63 MiB left, less than the 64 MiB/],
    ["a store at its bound", 5000, 1000, /uses 1000 MiB of the 1000 MiB/],
  ])("%s", (_what, free, used, wanted) => {
    const space = { availableBytes: free * mebibyte, totalBytes: 1e12 };
    const shortage = computeShortage(limits, space, used * mebibyte);
    if (wanted === undefined) expect(shortage).toBeUndefined();
    else expect(shortage).toMatch(wanted);
  });
});

describe("SpaceGuard", () => {
  test("looks at once, regularly, and early when much was written; a failing look changes nothing", async () => {
    const clock = new FakeClock();
    let free = 100;
    let looks = 0;
    const readSpace = async () => {
      looks += 1;
      if (free < 0) throw new TypeError("no such file system");
      return { availableBytes: free * mebibyte, totalBytes: 1e12 };
    };
    using guard = new SpaceGuard({ limits, readSpace, usedBytes: () => 0, clock, log: silentLogger });
    await guard.start();
    expect([looks, guard.shortage]).toEqual([1, undefined]);
    free = 10;
    await clock.advance(2000);
    expect(guard.shortage).toMatch(/10 MiB left/);
    free = -1;
    await clock.advance(2000);
    expect(guard.shortage).toMatch(/10 MiB left/);
    free = 100;
    guard.noteWritten(7 * mebibyte);
    expect(looks).toBe(3);
    guard.noteWritten(mebibyte);
    await clock.advance(0);
    expect([looks, guard.shortage]).toEqual([4, undefined]);
  });
});
