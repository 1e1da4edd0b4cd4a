import { describe, expect, test } from "vitest";
import { formatContinueToken, parseContinueToken } from "./continue-token.ts";
import { computeListFreshness, computeWatchStart, type Freshness } from "./list-options.ts";
import type { ListOptions, WatchOptions } from "./resource-registry.ts";
import { listDefaults, watchDefaults } from "./testing/registry-fixture.ts";

describe("computeListFreshness", () => {
  test.each<[Partial<ListOptions>, Freshness]>([
    [{}, { kind: "newest" }],
    [{ limit: 5 }, { kind: "newest" }],
    [{ resourceVersion: "0" }, { kind: "any" }],
    [{ resourceVersion: "0", limit: 5 }, { kind: "any" }],
    [{ resourceVersion: "0", resourceVersionMatch: "NotOlderThan" }, { kind: "any" }],
    [{ resourceVersion: "7" }, { kind: "notOlderThan", revision: 7 }],
    [
      { resourceVersion: "7", limit: 5 },
      { kind: "exact", revision: 7 },
    ],
    [
      { resourceVersion: "7", limit: 5, resourceVersionMatch: "NotOlderThan" },
      { kind: "notOlderThan", revision: 7 },
    ],
    [
      { resourceVersion: "7", resourceVersionMatch: "Exact" },
      { kind: "exact", revision: 7 },
    ],
  ])("%j is read from %j", (options, expected) => {
    expect(computeListFreshness({ ...listDefaults, ...options })).toEqual(expected);
  });

  test.each<[Partial<ListOptions>, number, string]>([
    [{ resourceVersionMatch: "Exact" }, 422, "resourceVersionMatch is forbidden unless resourceVersion is provided"],
    [
      { resourceVersion: "0", resourceVersionMatch: "Exact" },
      422,
      'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
    ],
    [
      { resourceVersion: "4", resourceVersionMatch: "Exact", continueToken: "x" },
      422,
      "resourceVersionMatch is forbidden when continue is provided",
    ],
    [
      { resourceVersion: "4", resourceVersionMatch: "Sometimes" as "Exact" },
      422,
      'Unsupported value: "Sometimes": supported values: "Exact", "NotOlderThan", ""',
    ],
    [
      { resourceVersion: "4", continueToken: "x" },
      400,
      "specifying resource version is not allowed when using continue",
    ],
    [
      { resourceVersion: "abc" },
      400,
      'resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
    ],
    [{ resourceVersion: "-1" }, 400, "invalid syntax"],
    [{ resourceVersion: "99999999999999999999" }, 400, "value out of range"],
  ])("refuses %j with %i", (options, code, text) => {
    expect(() => computeListFreshness({ ...listDefaults, ...options })).toThrow(
      expect.objectContaining({ code, message: expect.stringContaining(text) }),
    );
  });

  test("names the options' kind and the field in a 422", () => {
    const options = { ...listDefaults, resourceVersionMatch: "Exact" } as const;
    expect(() => computeListFreshness(options)).toThrow(
      expect.objectContaining({
        message:
          'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
        status: expect.objectContaining({
          details: expect.objectContaining({ causes: [expect.objectContaining({ field: "resourceVersionMatch" })] }),
        }),
      }),
    );
  });
});

describe("computeWatchStart", () => {
  const initial = { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan" } as const;

  test.each<[Partial<WatchOptions>, Freshness]>([
    [{}, { kind: "newest" }],
    [{ resourceVersion: "0" }, { kind: "any" }],
    [{ resourceVersion: "7" }, { kind: "exact", revision: 7 }],
    [initial, { kind: "newest" }],
    [
      { ...initial, resourceVersion: "7" },
      { kind: "notOlderThan", revision: 7 },
    ],
    [
      { ...initial, resourceVersion: "7", sendInitialEvents: false },
      { kind: "exact", revision: 7 },
    ],
  ])("%j starts at %j", (options, expected) => {
    expect(computeWatchStart({ ...watchDefaults, ...options })).toEqual(expected);
  });

  test.each<[Partial<WatchOptions>, string]>([
    [{ sendInitialEvents: true }, "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"],
    [
      { resourceVersionMatch: "NotOlderThan" },
      "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
    ],
    [{ ...initial, resourceVersionMatch: "Exact" }, 'supported values: "NotOlderThan"'],
  ])("refuses %j with 422", (options, text) => {
    expect(() => computeWatchStart({ ...watchDefaults, ...options })).toThrow(
      expect.objectContaining({ code: 422, message: expect.stringContaining(text) }),
    );
  });
});

describe("parseContinueToken", () => {
  test("reads what formatContinueToken wrote, in upstream's form", () => {
    const text = formatContinueToken({ revision: 42, start: "web-1\0" });
    expect(Buffer.from(text, "base64url").toString()).toBe('{"v":"meta.k8s.io/v1","rv":42,"start":"web-1\\u0000"}');
    expect(text).not.toMatch(/[=+/]/);
    expect(parseContinueToken(text)).toEqual({ revision: 42, start: "web-1\0" });
  });

  test.each([
    ["garbage", "it cannot be decoded"],
    [Buffer.from("7").toString("base64url"), "does not recognize this encoded version"],
    [Buffer.from('{"v":"v1","rv":1,"start":"a"}').toString("base64url"), "does not recognize this encoded version"],
    [formatContinueToken({ revision: 0, start: "a" }), "incorrect encoded start resourceVersion"],
    [formatContinueToken({ revision: 5, start: "" }), "encoded start key empty"],
  ])("refuses %s with 400", (text, why) => {
    expect(() => parseContinueToken(text)).toThrow(
      expect.objectContaining({ code: 400, message: expect.stringContaining(why) }),
    );
  });
});
