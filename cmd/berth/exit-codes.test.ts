import { expect, test } from "vitest";
import { BerthError } from "#pkg/system/errors.ts";
import { exitCodeOf } from "./exit-codes.ts";

test.each([
  [new BerthError("Invalid", ""), 2],
  [new BerthError("NotFound", ""), 3],
  [new BerthError("Forbidden", ""), 4],
  [new BerthError("Unavailable", ""), 5],
  [new BerthError("Timeout", ""), 6],
  [new BerthError("Conflict", ""), 7],
  [new BerthError("Aborted", ""), 130],
  [new BerthError("Internal", ""), 1],
  [new Error("x"), 1],
])("exitCodeOf() %# is by the class of the error", (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});
