import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  boundsOf,
  compareBytes,
  compareKeyStrings,
  everything,
  inBounds,
  keyBytes,
  keyString,
  prefixEnd,
} from "./keys.ts";

describe("keyString", () => {
  test("keeps every byte and the order of bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array(), fc.uint8Array(), (left, right) => {
        expect([...keyBytes(keyString(left))]).toEqual([...left]);
        expect(compareKeyStrings(keyString(left), keyString(right))).toBe(compareBytes(left, right));
      }),
    );
  });
});

describe("prefixEnd", () => {
  test("bounds exactly the keys with the prefix", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1 }), fc.uint8Array({ minLength: 1 }), (prefix, key) => {
        const bounds = boundsOf({ start: prefix, end: prefixEnd(prefix) });
        expect(inBounds(bounds, keyString(key))).toBe(keyString(key).startsWith(keyString(prefix)));
        expect(inBounds(bounds, keyString(prefix) + keyString(key))).toBe(true);
      }),
    );
  });

  test("of nothing but 0xff has no bound", () => {
    expect([...prefixEnd(Uint8Array.of(0xff, 0xff))]).toEqual([0]);
  });
});

describe("boundsOf", () => {
  test("without an end is one key, with the end 0x00 everything from the start", () => {
    const single = boundsOf({ start: keyBytes("b") });
    expect(["a", "b", "ba"].map((key) => inBounds(single, key))).toEqual([false, true, false]);
    const from = boundsOf({ start: keyBytes("b"), end: Uint8Array.of(0) });
    expect(["a", "b", "ba", "\xff"].map((key) => inBounds(from, key))).toEqual([false, true, true, true]);
    expect(inBounds(boundsOf(everything), "\0")).toBe(true);
  });
});
