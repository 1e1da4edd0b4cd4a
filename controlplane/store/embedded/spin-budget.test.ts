import { describe, expect, test } from "vitest";
import { SpinBudget } from "./spin-budget.ts";

describe("SpinBudget", () => {
  test("is given up after some misses and comes back with the first hit", () => {
    const budget = new SpinBudget(0.2);
    const tried: number[] = [];
    for (let miss = 0; miss < 6; miss++) {
      tried.push(budget.ms);
      budget.came(5);
    }
    expect(tried).toEqual([0.2, 0.1, 0.05, 0.025, 0.0125, 0]);
    budget.came(0.3);
    expect(budget.ms).toBe(0);
    budget.came(0.15);
    expect(budget.ms).toBe(0.2);
  });
});
