import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { applyMergePatch } from "./merge-patch.ts";

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

describe("applyMergePatch", () => {
  test.each([
    // RFC 7386, appendix A, as far as both sides are objects.
    [{ a: "b" }, { a: "c" }, { a: "c" }],
    [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
    [{ a: "b" }, { a: null }, {}],
    [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
    [{ a: ["b"] }, { a: "c" }, { a: "c" }],
    [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
    [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
    [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    // What kubectl label, annotate and scale send.
    [
      { metadata: { labels: { a: "1", b: "2" } } },
      { metadata: { labels: { a: null, c: "3" } } },
      { metadata: { labels: { b: "2", c: "3" } } },
    ],
    [{ spec: { replicas: 1, paused: true } }, { spec: { replicas: 5 } }, { spec: { replicas: 5, paused: true } }],
  ])("%j patched with %j is %j", (current, patch, expected) => {
    expect(applyMergePatch<object>(current, bytes(patch))).toEqual(expected);
  });

  test.each([["[1]"], ["1"], ["null"], ["{"], [""]])("refuses %s", (patch) => {
    expect(() => applyMergePatch({}, new TextEncoder().encode(patch))).toThrow(expect.objectContaining({ code: 400 }));
  });

  test("keeps __proto__ as the plain key it is in JSON", () => {
    const patch = new TextEncoder().encode('{"labels":{"__proto__":{"polluted":"yes"}}}');
    const result = applyMergePatch<{ labels: object }>({ labels: {} }, patch);
    expect(Object.keys(result.labels)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(result.labels)).toBe(Object.prototype);
  });

  const json = fc.dictionary(fc.constantFrom("a", "b", "c"), fc.jsonValue({ maxDepth: 3 }));

  test("applied twice is applied once, {} is the identity, and the object given stays as it was", () => {
    fc.assert(
      fc.property(json, json, (current, patch) => {
        const copy = structuredClone(current);
        const once = applyMergePatch(current, bytes(patch));
        expect(current).toEqual(copy);
        expect(applyMergePatch(once, bytes(patch))).toEqual(once);
        expect(applyMergePatch(current, bytes({}))).toEqual(current);
      }),
    );
  });
});
