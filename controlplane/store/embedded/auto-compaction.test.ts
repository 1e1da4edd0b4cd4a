import { describe, expect, test } from "vitest";
import { AutoCompaction } from "./auto-compaction.ts";

const policy = { keepMs: 1000, mostRevisions: 500, leastRevisions: 10 };

describe("AutoCompaction", () => {
  test("compacts to what was newest when the age began", () => {
    const auto = new AutoCompaction(policy);
    expect(auto.next(0, 100, 0)).toBeUndefined();
    expect(auto.next(500, 200, 0)).toBeUndefined();
    expect(auto.next(1000, 300, 0)).toBe(100);
    expect(auto.next(1100, 300, 100)).toBeUndefined();
    expect(auto.next(1500, 300, 100)).toBe(200);
    expect(auto.next(9000, 300, 200)).toBe(290);
  });

  test("keeps the least number of revisions, whatever their age", () => {
    const auto = new AutoCompaction(policy);
    auto.next(0, 100, 0);
    expect(auto.next(50_000, 100, 0)).toBe(90);
    expect(auto.next(60_000, 100, 90)).toBeUndefined();
  });

  test("keeps the most number of revisions, however young", () => {
    const auto = new AutoCompaction(policy);
    expect(auto.next(0, 2000, 0)).toBe(1500);
  });

  test("leaves an empty store alone", () => {
    const auto = new AutoCompaction({ ...policy, leastRevisions: 0 });
    auto.next(0, 1, 0);
    expect(auto.next(100_000, 1, 0)).toBeUndefined();
  });

  test("asks ten times in the age, at most every half minute", () => {
    expect(new AutoCompaction(policy).intervalMs).toBe(100);
    expect(new AutoCompaction({ ...policy, keepMs: 300_000 }).intervalMs).toBe(30_000);
    expect(new AutoCompaction({ ...policy, keepMs: 3_600_000 }).intervalMs).toBe(30_000);
  });
});
