import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  milliCpuToQuota,
  milliCpuToShares,
  quotaToMilliCpu,
  sharesToContainerWeight,
  sharesToMilliCpu,
  sharesToWeight,
  weightToShares,
} from "./cpu.ts";

// millicores, shares, weight of a pod (linear), weight of a container (log-quadratic)
const rows = [
  [0, 2, 1, 1],
  [1, 2, 1, 1],
  [10, 10, 1, 4],
  [50, 51, 2, 11],
  [100, 102, 4, 17],
  [250, 256, 10, 35],
  [500, 512, 20, 59],
  [1000, 1024, 39, 100],
  [2000, 2048, 79, 174],
  [4000, 4096, 157, 303],
  [8000, 8192, 313, 532],
  [64_000, 65_536, 2500, 3023],
  [1_000_000, 262_144, 10_000, 10_000],
] as const;

describe("CPU formulas", () => {
  test.each(rows)("%i millicores are %i shares, weights %i and %i", (milliCpu, shares, weight, containerWeight) => {
    expect(milliCpuToShares(milliCpu)).toBe(shares);
    expect(sharesToWeight(shares)).toBe(weight);
    expect(sharesToContainerWeight(shares)).toBe(containerWeight);
  });

  test("quotas have a floor of a millisecond, and 0 means none", () => {
    expect([0, 1, 5, 10, 100, 1500].map((milli) => milliCpuToQuota(milli))).toEqual([
      0, 1000, 1000, 1000, 10_000, 150_000,
    ]);
    expect(milliCpuToQuota(500, 5000)).toBe(2500);
  });

  test("more millicores never mean a smaller share, weight or quota", () => {
    fc.assert(
      fc.property(fc.nat(300_000), fc.nat(300_000), (a, b) => {
        const [low, high] = a < b ? [a, b] : [b, a];
        expect(milliCpuToShares(low)).toBeLessThanOrEqual(milliCpuToShares(high));
        expect(sharesToWeight(milliCpuToShares(low))).toBeLessThanOrEqual(sharesToWeight(milliCpuToShares(high)));
        expect(milliCpuToQuota(low)).toBeLessThanOrEqual(milliCpuToQuota(high));
      }),
    );
  });

  test("the way back gives the millicores again, where nothing was rounded away", () => {
    expect([100, 250, 1000, 4000].map((milli) => quotaToMilliCpu(milliCpuToQuota(milli), 100_000))).toEqual([
      100, 250, 1000, 4000,
    ]);
    expect(sharesToMilliCpu(1024)).toBe(1000);
    expect(weightToShares(1)).toBe(2);
    expect(weightToShares(10_000)).toBe(262_144);
  });
});
