import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatMicroTime, formatTime, parseInstant, zeroSeconds } from "./time-text.ts";

describe("parseInstant", () => {
  test.each([
    ["1970-01-01T00:00:00Z", 0, 0],
    ["2024-02-29T23:59:59Z", 1_709_251_199, 0],
    ["2024-03-01T01:00:00+01:00", 1_709_251_200, 0],
    ["2024-02-29T18:30:00-05:30", 1_709_251_200, 0],
    ["1969-12-31T23:59:59.25Z", -1, 250_000_000],
    ["2026-01-02T03:04:05.1234567899Z", 1_767_323_045, 123_456_789],
    ["0001-01-01T00:00:00Z", zeroSeconds, 0],
  ])("reads %s", (text, seconds, nanos) => {
    expect(parseInstant(text)).toEqual({ seconds, nanos });
  });

  test.each([
    "",
    "2024-01-01",
    "2024-01-01 00:00:00Z",
    "2024-01-01T00:00:00",
    "2023-02-29T00:00:00Z",
    "2024-13-01T00:00:00Z",
    "2024-00-01T00:00:00Z",
    "2024-01-01T24:00:00Z",
    "2024-01-01T00:60:00Z",
    "2024-01-01t00:00:00z",
  ])("refuses %j", (text) => {
    expect(parseInstant(text)).toBeUndefined();
  });

  test("agrees with the platform on every instant", () => {
    const dates = fc.date({ min: new Date("0001-01-01"), max: new Date("9999-12-31"), noInvalidDate: true });
    fc.assert(
      fc.property(dates, (date) => {
        const instant = parseInstant(date.toISOString())!;
        expect(instant.seconds * 1000 + instant.nanos / 1e6).toBe(date.getTime());
        expect(formatTime(instant.seconds)).toBe(`${date.toISOString().slice(0, 19)}Z`);
        expect(formatMicroTime(instant)).toBe(date.toISOString().replace("Z", "000Z"));
      }),
    );
  });
});

describe("formatTime", () => {
  test("stays within the years 1 to 9999", () => {
    expect(formatTime(-1e15)).toBe("0001-01-01T00:00:00Z");
    expect(formatTime(1e15)).toBe("9999-12-31T23:59:59Z");
  });
});
