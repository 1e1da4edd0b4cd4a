import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addAmounts,
  describeAmounts,
  exceededNames,
  formatAmounts,
  growthOf,
  maskAmounts,
  parseAmounts,
  withoutZeros,
} from "./amounts.ts";

const lists = fc.dictionary(
  fc.constantFrom("pods", "cpu", "memory"),
  fc.nat(1000).map((milli) => `${milli}m`),
);

describe("quota amounts", () => {
  test("read, add, mask and write", () => {
    const used = parseAmounts({ pods: "1", memory: "1Gi" });
    const sum = addAmounts(used, parseAmounts({ pods: "2", cpu: "500m" }));
    expect(formatAmounts(sum)).toEqual({ pods: "3", memory: "1Gi", cpu: "500m" });
    expect(formatAmounts(maskAmounts(sum, ["cpu", "gpu"]))).toEqual({ cpu: "500m" });
    expect(describeAmounts(sum)).toBe("cpu=500m,memory=1Gi,pods=3");
  });

  test("name what exceeds its limit, and nothing that has none", () => {
    const limits = parseAmounts({ pods: "2", memory: "1Gi" });
    expect(exceededNames(parseAmounts({ pods: "3", memory: "1024Mi", cpu: "9" }), limits)).toEqual(["pods"]);
  });

  test("what was there and what it grew by make what is there", () => {
    fc.assert(
      fc.property(lists, lists, (before, added) => {
        const old = parseAmounts(before);
        const now = addAmounts(old, parseAmounts(added));
        const total = addAmounts(old, growthOf(now, old));
        expect(describeAmounts(withoutZeros(total))).toBe(describeAmounts(withoutZeros(now)));
      }),
    );
  });

  test("nothing grows by less than zero", () => {
    fc.assert(
      fc.property(lists, lists, (a, b) => {
        for (const [, amount] of growthOf(parseAmounts(a), parseAmounts(b))) expect(amount.sign).toBe(1);
      }),
    );
  });
});
