import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jitter, type Random, randomInt, systemRandom } from "./random.ts";
import { SeededRandom } from "./testing/seeded-random.ts";

describe.each<[string, () => Random]>([
  ["systemRandom", () => systemRandom],
  ["SeededRandom", () => new SeededRandom(42)],
])("%s satisfies Random", (_name, open) => {
  test("floats lie in [0, 1) and spread over it", () => {
    const random = open();
    const floats = Array.from({ length: 1000 }, () => random.float());
    expect(Math.min(...floats)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...floats)).toBeLessThan(1);
    const tenths = new Set(floats.map((one) => Math.floor(one * 10)));
    expect(tenths.size).toBe(10);
  });

  test("bytes have the length asked for, and differ", () => {
    const random = open();
    expect(random.bytes(0)).toHaveLength(0);
    expect(random.bytes(33)).toHaveLength(33);
    expect(random.bytes(16)).not.toEqual(random.bytes(16));
  });

  test("uuids are version 4 and differ", () => {
    const random = open();
    const made = Array.from({ length: 100 }, () => random.uuid());
    for (const one of made)
      expect(one).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    expect(new Set(made).size).toBe(100);
  });

  test("randomInt() and jitter() keep their bounds", () => {
    const random = open();
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.double({ min: 0, max: 2, noNaN: true }), (bound, factor) => {
        const picked = randomInt(random, bound);
        expect(Number.isInteger(picked) && picked >= 0 && picked < bound).toBe(true);
        const spread = jitter(random, bound, factor);
        expect(spread >= bound && spread <= bound * (1 + factor)).toBe(true);
      }),
    );
  });
});

describe("SeededRandom", () => {
  test("the same seed gives the same again, another seed something else", () => {
    const draw = (seed: number): unknown[] => {
      const random = new SeededRandom(seed);
      return [random.float(), [...random.bytes(8)], random.uuid()];
    };
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
  });
});
