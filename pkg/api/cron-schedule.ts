/**
 * The schedules of CronJobs: five fields of minute, hour, day of month, month and day of week, or a descriptor such as
 * @daily or @every 1h30m. Error texts are those that clients know.
 * Source: ParseStandard of github.com/robfig/cron/v3.
 */

/** When any of the five sets holds the time; days match as `matchesDay` says. */
export interface CronTimes {
  readonly minutes: ReadonlySet<number>;
  readonly hours: ReadonlySet<number>;
  readonly daysOfMonth: ReadonlySet<number>;
  readonly months: ReadonlySet<number>;
  /** 0 is Sunday. */
  readonly daysOfWeek: ReadonlySet<number>;
  /** The field said "*": the other kind of day decides alone. */
  readonly isAnyDayOfMonth: boolean;
  readonly isAnyDayOfWeek: boolean;
}

export interface CronSchedule {
  /** IANA name from a TZ= or CRON_TZ= prefix. */
  readonly timeZone?: string | undefined;
  /** A fixed distance in whole seconds, at least 1; then there are no times. */
  readonly everySeconds?: number | undefined;
  readonly times?: CronTimes | undefined;
}

export class CronScheduleError extends Error {
  override readonly name = "CronScheduleError";
}

/** With both kinds of day restricted, either is enough. */
export function matchesDay(times: CronTimes, dayOfMonth: number, dayOfWeek: number): boolean {
  const byMonth = times.daysOfMonth.has(dayOfMonth);
  const byWeek = times.daysOfWeek.has(dayOfWeek);
  return times.isAnyDayOfMonth || times.isAnyDayOfWeek ? byMonth && byWeek : byMonth || byWeek;
}

interface Bounds {
  readonly min: number;
  readonly max: number;
  /** What the values are called, from `min` on. */
  readonly names?: readonly string[];
}

const bounds = {
  minute: { min: 0, max: 59 },
  hour: { min: 0, max: 23 },
  dayOfMonth: { min: 1, max: 31 },
  month: {
    min: 1,
    max: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  dayOfWeek: { min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
} as const satisfies Readonly<Record<string, Bounds>>;

const descriptors: ReadonlyMap<string, string> = new Map([
  ["@yearly", "0 0 1 1 *"],
  ["@annually", "0 0 1 1 *"],
  ["@monthly", "0 0 1 * *"],
  ["@weekly", "0 0 * * 0"],
  ["@daily", "0 0 * * *"],
  ["@midnight", "0 0 * * *"],
  ["@hourly", "0 * * * *"],
]);

/** Throws CronScheduleError. */
export function parseCronSchedule(text: string): CronSchedule {
  if (text === "") throw new CronScheduleError("empty spec string");
  if (!text.startsWith("TZ=") && !text.startsWith("CRON_TZ=")) return parseWithoutZone(text);
  const end = text.indexOf(" ");
  if (end < 0) {
    throw new CronScheduleError("invalid schedule format: runtime error: slice bounds out of range [:-1]");
  }
  const zone = text.slice(text.indexOf("=") + 1, end);
  if (!isTimeZone(zone)) {
    throw new CronScheduleError(`provided bad location ${zone}: unknown time zone ${zone}`);
  }
  return { timeZone: zone, ...parseWithoutZone(text.slice(end).trim()) };
}

/** Whether the zone is in this machine's time zone database. "" and "UTC" are the same. */
export function isTimeZone(name: string): boolean {
  if (name === "" || name === "Local") return true;
  // Offsets are no names.
  if (/^[+-]|:/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

function parseWithoutZone(text: string): CronSchedule {
  if (!text.startsWith("@")) return { times: parseFields(text) };
  const known = descriptors.get(text);
  if (known) return { times: parseFields(known) };
  const every = "@every ";
  if (!text.startsWith(every)) throw new CronScheduleError(`unrecognized descriptor: ${text}`);
  return { everySeconds: Math.max(1, Math.floor(parseSeconds(text.slice(every.length), text))) };
}

const unitSeconds: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  μs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

/** A Go duration such as "1h30m". */
function parseSeconds(duration: string, descriptor: string): number {
  const failed = (why: string): CronScheduleError =>
    new CronScheduleError(`failed to parse duration ${descriptor}: time: ${why} ${JSON.stringify(duration)}`);
  const [, sign = "", rest = ""] = /^([+-]?)(.*)$/s.exec(duration) ?? [];
  if (rest === "0") return 0;
  let seconds = 0;
  let at = 0;
  for (const part of rest.matchAll(/(\d+\.?\d*|\.\d+)([^\d.]*)/gy)) {
    const [whole, number = "", unit = ""] = part;
    const factor = unitSeconds[unit];
    if (unit === "") throw failed("missing unit in duration");
    if (factor === undefined) throw failed(`unknown unit ${JSON.stringify(unit)} in duration`);
    seconds += Number(number) * factor;
    at += whole.length;
  }
  if (rest === "" || at !== rest.length) throw failed("invalid duration");
  return sign === "-" ? -seconds : seconds;
}

function parseFields(text: string): CronTimes {
  const fields = text.split(/\s+/).filter((field) => field !== "");
  if (fields.length !== 5) {
    throw new CronScheduleError(`expected exactly 5 fields, found ${fields.length}: [${fields.join(" ")}]`);
  }
  const [minute = "", hour = "", dayOfMonth = "", month = "", dayOfWeek = ""] = fields;
  const minutes = parseField(minute, bounds.minute);
  const hours = parseField(hour, bounds.hour);
  const days = parseField(dayOfMonth, bounds.dayOfMonth);
  const months = parseField(month, bounds.month);
  const weekdays = parseField(dayOfWeek, bounds.dayOfWeek);
  return {
    minutes: minutes.values,
    hours: hours.values,
    daysOfMonth: days.values,
    months: months.values,
    daysOfWeek: weekdays.values,
    isAnyDayOfMonth: days.isAny,
    isAnyDayOfWeek: weekdays.isAny,
  };
}

/** A list of ranges, separated by commas; empty ones are passed over. */
function parseField(field: string, range: Bounds): { values: ReadonlySet<number>; isAny: boolean } {
  const values = new Set<number>();
  let isAny = false;
  for (const expression of field.split(",")) {
    if (expression === "") continue;
    const { start, end, step, hasStar } = parseRange(expression, range);
    for (let value = start; value <= end; value += step) values.add(value);
    isAny ||= hasStar && step === 1;
  }
  return { values, isAny };
}

interface Range {
  readonly start: number;
  readonly end: number;
  readonly step: number;
  readonly hasStar: boolean;
}

function parseRange(expression: string, range: Bounds): Range {
  const [lowAndHigh = "", stepText, ...moreSteps] = expression.split("/");
  const [low = "", high, ...moreHighs] = lowAndHigh.split("-");
  const hasStar = low === "*" || low === "?";
  const start = hasStar ? range.min : parseValue(low, range);
  let end = hasStar ? range.max : start;
  if (!hasStar) {
    if (moreHighs.length > 0) throw new CronScheduleError(`too many hyphens: ${expression}`);
    if (high !== undefined) end = parseValue(high, range);
  }
  if (moreSteps.length > 0) throw new CronScheduleError(`too many slashes: ${expression}`);
  const step = stepText === undefined ? 1 : parseNumber(stepText);
  if (stepText !== undefined && high === undefined) end = range.max;
  if (start < range.min) {
    throw new CronScheduleError(`beginning of range (${start}) below minimum (${range.min}): ${expression}`);
  }
  if (end > range.max) {
    throw new CronScheduleError(`end of range (${end}) above maximum (${range.max}): ${expression}`);
  }
  if (start > end) {
    throw new CronScheduleError(`beginning of range (${start}) beyond end of range (${end}): ${expression}`);
  }
  if (step === 0) throw new CronScheduleError(`step of range should be a positive number: ${expression}`);
  return { start, end, step, hasStar };
}

function parseValue(text: string, { min, names }: Bounds): number {
  const position = names?.indexOf(text.toLowerCase()) ?? -1;
  return position >= 0 ? min + position : parseNumber(text);
}

function parseNumber(text: string): number {
  if (!/^[+-]?\d+$/.test(text)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
    throw new CronScheduleError(`failed to parse int from ${text}: ${why}`);
  }
  const number = Number(text);
  if (!Number.isSafeInteger(number)) {
    const why = `strconv.Atoi: parsing ${JSON.stringify(text)}: value out of range`;
    throw new CronScheduleError(`failed to parse int from ${text}: ${why}`);
  }
  if (number < 0) throw new CronScheduleError(`negative number (${number}) not allowed: ${text}`);
  return number;
}
