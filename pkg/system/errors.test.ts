import { describe, expect, test } from "vitest";
import { assertNever, BerthError, hasCode, isAborted, isNotFound, messageOf } from "./errors.ts";

describe("BerthError", () => {
  test("carries code, details and cause", () => {
    const cause = new Error("deep");
    const error = new BerthError("Conflict", "pod a: changed", { cause, details: { pod: "a" } });
    expect(error).toMatchObject({
      name: "BerthError",
      code: "Conflict",
      message: "pod a: changed",
      cause,
      details: { pod: "a" },
    });
    expect(Object.hasOwn(new BerthError("Invalid", "x"), "cause")).toBe(false);
  });

  test("from() keeps its own kind, knows aborts, and wraps the rest", () => {
    const own = new BerthError("Expired", "x");
    expect(BerthError.from(own)).toBe(own);
    expect(BerthError.from(new DOMException("stop", "AbortError"))).toMatchObject({ code: "Aborted" });
    const plain = new Error("plain");
    expect(BerthError.from(plain, "Unavailable")).toMatchObject({
      code: "Unavailable",
      message: "plain",
      cause: plain,
    });
    expect(BerthError.from("text")).toMatchObject({ code: "Internal", message: "text" });
  });
});

describe("classification", () => {
  test("goes by code, and takes anything", () => {
    expect(isNotFound(new BerthError("NotFound", "x"))).toBe(true);
    expect(isNotFound(new Error("NotFound"))).toBe(false);
    expect(hasCode(undefined, "Invalid")).toBe(false);
    expect([isAborted(AbortSignal.abort().reason), isAborted(new BerthError("Aborted", "x")), isAborted(null)]).toEqual(
      [true, true, false],
    );
    expect([messageOf(new Error("m")), messageOf(7)]).toEqual(["m", "7"]);
  });

  test("assertNever() names the value that should not be", () => {
    expect(() => assertNever("b" as never, "letter")).toThrow('unexpected letter: "b"');
  });
});
