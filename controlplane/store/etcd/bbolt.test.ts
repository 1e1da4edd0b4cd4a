import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { hasCode } from "#pkg/system/errors.ts";
import { BoltFile } from "./bbolt-reader.ts";
import { type BoltBucket, type BoltEntry, planBoltFile } from "./bbolt-writer.ts";

const entry = (key: Uint8Array, value: Uint8Array): BoltEntry => ({
  key,
  valueBytes: value.length,
  value: () => value,
});

function bucketOf(name: string, pairs: readonly (readonly [Uint8Array, Uint8Array])[]): BoltBucket {
  const unique = new Map(pairs.map(([key, value]) => [Buffer.from(key).toString("latin1"), entry(key, value)]));
  const sorted = [...unique].sort(([left], [right]) => (left < right ? -1 : 1));
  return { name, entries: sorted.map(([, each]) => each) };
}

function write(buckets: readonly BoltBucket[]): Buffer {
  const plan = planBoltFile(buckets);
  const file = Buffer.concat([...plan.write()]);
  expect(file.length).toBe(plan.totalBytes);
  return file;
}

const size = fc.oneof(fc.nat(20), fc.nat(300), fc.constantFrom(4000, 4064, 4096, 9000));
const value = size.map((bytes) => new Uint8Array(bytes).fill(7));
const pairs = fc.array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 40 }), value), { maxLength: 60 });

describe("planBoltFile", () => {
  test("writes what BoltFile reads, whatever the sizes", () => {
    fc.assert(
      fc.property(pairs, pairs, (first, second) => {
        const buckets = [bucketOf("key", first), bucketOf("a", second), bucketOf("empty", [])];
        const file = new BoltFile(write(buckets));
        for (const { name, entries } of buckets) {
          const read = [...file.entries(name)].map((pair) => [[...pair.key], [...pair.value]]);
          expect(read).toEqual(entries.map((each) => [[...each.key], [...each.value()]]));
        }
        expect([...file.entries("missing")]).toEqual([]);
      }),
      { numRuns: 40 },
    );
  });

  test("builds branches over branches", () => {
    const many = Array.from({ length: 30_000 }, (_, index): readonly [Uint8Array, Uint8Array] => [
      Buffer.from(`a rather long key so that few fit on a page ${String(index).padStart(8, "0")}`),
      Buffer.from(String(index)),
    ]);
    const file = new BoltFile(write([bucketOf("key", many)]));
    const read = [...file.entries("key")].map((pair) => pair.value.toString());
    expect(read).toEqual(many.map((_, index) => String(index)));
  });
});

describe("BoltFile", () => {
  test("of damaged bytes gives pairs or a clear error, and always an end", () => {
    const bucket = bucketOf(
      "key",
      Array.from({ length: 300 }, (_, index) => [Buffer.from(`k${index}`), Buffer.alloc(50)] as const),
    );
    const whole = write([bucket]);
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const damaged = Buffer.from(whole);
        damaged[at] = byte;
        try {
          const read = [...new BoltFile(damaged.subarray(0, Math.max(length, at))).entries("key")];
          expect(read.length).toBeLessThan(100_000);
        } catch (error) {
          expect(hasCode(error, "Corrupt")).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("refuses what is no bbolt file", () => {
    expect(() => new BoltFile(Buffer.from("SQLite format 3\0"))).toThrow("not a bbolt file");
    expect(() => new BoltFile(Buffer.alloc(20_000))).toThrow("not a bbolt file");
  });
});
