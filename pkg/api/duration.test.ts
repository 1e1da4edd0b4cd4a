import { describe, expect, test } from "vitest";
import { parseDurationMs } from "./duration.ts";

describe("parseDurationMs", () => {
  test.each([
    ["0", 0],
    ["30s", 30_000],
    ["1m30s", 90_000],
    ["1.5h", 5_400_000],
    [".5s", 500],
    ["100ms", 100],
    ["-5s", -5000],
    ["", undefined],
    ["5", undefined],
    ["s", undefined],
    ["1 s", undefined],
    ["1s1", undefined],
  ])("%j is %s", (text, wanted) => {
    expect(parseDurationMs(text)).toBe(wanted);
  });
});
