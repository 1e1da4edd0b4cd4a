import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CronScheduleError, isTimeZone, matchesDay, parseCronSchedule } from "./cron-schedule.ts";

function times(text: string) {
  const { times } = parseCronSchedule(text);
  if (!times) throw new Error(text);
  return times;
}

const sorted = (values: ReadonlySet<number>): number[] => [...values].sort((a, b) => a - b);

describe("parseCronSchedule", () => {
  test("reads numbers, names, ranges, lists and steps", () => {
    const read = times("*/15 8-17/3,22 1,15 JAN-mar mon-fri");
    expect(sorted(read.minutes)).toEqual([0, 15, 30, 45]);
    expect(sorted(read.hours)).toEqual([8, 11, 14, 17, 22]);
    expect(sorted(read.daysOfMonth)).toEqual([1, 15]);
    expect(sorted(read.months)).toEqual([1, 2, 3]);
    expect(sorted(read.daysOfWeek)).toEqual([1, 2, 3, 4, 5]);
    expect(sorted(times("50/5 * * * *").minutes)).toEqual([50, 55]);
    expect(times("  0   0 ? * *").isAnyDayOfMonth).toBe(true);
  });

  test.each([
    ["@yearly", "0 0 1 1 *"],
    ["@annually", "0 0 1 1 *"],
    ["@monthly", "0 0 1 * *"],
    ["@weekly", "0 0 * * sun"],
    ["@daily", "0 0 * * *"],
    ["@midnight", "0 0 * * *"],
    ["@hourly", "0 * * * *"],
  ])("%s is %s", (name, fields) => expect(parseCronSchedule(name)).toEqual(parseCronSchedule(fields)));

  test.each([
    ["@every 1h30m", 5400],
    ["@every 90s", 90],
    ["@every 1.5s", 1],
    ["@every 10ms", 1],
    ["@every 0", 1],
    ["@every -5m", 1],
  ])("%s: %i seconds", (text, seconds) => expect(parseCronSchedule(text).everySeconds).toBe(seconds));

  test("takes a time zone before the fields", () => {
    expect(parseCronSchedule("CRON_TZ=Europe/Berlin 0 0 * * *").timeZone).toBe("Europe/Berlin");
    expect(parseCronSchedule("TZ=UTC @daily").timeZone).toBe("UTC");
  });

  test.each([
    ["", "empty spec string"],
    ["* * * *", "expected exactly 5 fields, found 4: [* * * *]"],
    ["* * * * * *", "expected exactly 5 fields, found 6: [* * * * * *]"],
    ["60 * * * *", "end of range (60) above maximum (59): 60"],
    ["* * 0 * *", "beginning of range (0) below minimum (1): 0"],
    ["* * * * 7", "end of range (7) above maximum (6): 7"],
    ["5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"],
    ["*/0 * * * *", "step of range should be a positive number: */0"],
    ["1-2-3 * * * *", "too many hyphens: 1-2-3"],
    ["1/2/3 * * * *", "too many slashes: 1/2/3"],
    ["x * * * *", 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax'],
    ["99999999999999999999 * * * *", /value out of range$/],
    ["-1 * * * *", 'failed to parse int from : strconv.Atoi: parsing "": invalid syntax'],
    ["@sometimes", "unrecognized descriptor: @sometimes"],
    ["@every soon", 'failed to parse duration @every soon: time: invalid duration "soon"'],
    ["@every 5", 'failed to parse duration @every 5: time: missing unit in duration "5"'],
    ["@every 5x", 'failed to parse duration @every 5x: time: unknown unit "x" in duration "5x"'],
    ["TZ=0", "invalid schedule format: runtime error: slice bounds out of range [:-1]"],
    ["TZ=Nowhere/Land * * * * *", "provided bad location Nowhere/Land: unknown time zone Nowhere/Land"],
  ])("%j: %s", (text, why) => expect(() => parseCronSchedule(text)).toThrow(why));

  test("either reads a text or says why not", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[0-9*?,/\-@a-z =+.]{0,30}$/), (text) => {
        try {
          const { times, everySeconds } = parseCronSchedule(text);
          expect(times !== undefined || everySeconds !== undefined).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(CronScheduleError);
        }
      }),
    );
  });
});

test("matchesDay: with both kinds of day restricted, one of them is enough", () => {
  const both = times("0 0 13 * fri");
  expect(matchesDay(both, 13, 1)).toBe(true);
  expect(matchesDay(both, 14, 5)).toBe(true);
  expect(matchesDay(both, 14, 4)).toBe(false);
  expect(matchesDay(times("0 0 * * fri"), 14, 4)).toBe(false);
  expect(matchesDay(times("0 0 13 * *"), 14, 4)).toBe(false);
  expect(matchesDay(times("0 0 */2 * fri"), 2, 5)).toBe(true);
});

test.each([
  ["UTC", true],
  ["", true],
  ["Europe/Berlin", true],
  ["Etc/GMT+5", true],
  ["Europe/Nowhere", false],
  ["+01:00", false],
  ["+01", false],
])("isTimeZone(%j) is %s", (name, is) => expect(isTimeZone(name)).toBe(is));
