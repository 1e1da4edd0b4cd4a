/**
 * RFC 3339 text and Unix seconds, for the years 1 to 9999. Written out here because Date loses microseconds and accepts
 * days that do not exist.
 */

export interface Instant {
  /** Whole seconds since 1970, rounded down. */
  readonly seconds: number;
  /** 0 to 999,999,999, counted forward from `seconds`. */
  readonly nanos: number;
}

const shape = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:[.,](\d+))?(?:Z|([+-])(\d\d):(\d\d))$/;

/** 0001-01-01T00:00:00Z, which upstream takes for "no time". */
export const zeroSeconds = -62_135_596_800;
const lastSeconds = 253_402_300_799;
const secondsPerDay = 86_400;

/** Undefined when the text is no RFC 3339 time. */
export function parseInstant(text: string): Instant | undefined {
  const match = shape.exec(text);
  if (!match) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || day < 1 || day > daysInMonth(year, month)) return undefined;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const offset = match[8] ? (match[8] === "-" ? -1 : 1) * (Number(match[9]) * 3600 + Number(match[10]) * 60) : 0;
  const seconds = daysFromCivil(year, month, day) * secondsPerDay + hour * 3600 + minute * 60 + second - offset;
  return { seconds, nanos: match[7] ? Number(match[7].slice(0, 9).padEnd(9, "0")) : 0 };
}

/** "2026-01-02T03:04:05Z". Seconds outside the years 1 to 9999 are moved to the nearest end. */
export function formatTime(seconds: number): string {
  return `${dateAndTime(seconds)}Z`;
}

/** "2026-01-02T03:04:05.000006Z": always six digits, the rest is cut off. */
export function formatMicroTime({ seconds, nanos }: Instant): string {
  return `${dateAndTime(seconds)}.${digits(Math.trunc(nanos / 1000), 6)}Z`;
}

function dateAndTime(unbounded: number): string {
  const seconds = Math.min(Math.max(unbounded, zeroSeconds), lastSeconds);
  const days = Math.floor(seconds / secondsPerDay);
  const rest = seconds - days * secondsPerDay;
  const [year, month, day] = civilFromDays(days);
  const date = `${digits(year, 4)}-${digits(month, 2)}-${digits(day, 2)}`;
  return `${date}T${digits(Math.trunc(rest / 3600), 2)}:${digits(Math.trunc(rest / 60) % 60, 2)}:${digits(rest % 60, 2)}`;
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, "0");
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** Days since 1970-01-01, with years starting in March so that the leap day comes last. */
function daysFromCivil(year: number, month: number, day: number): number {
  const marchYear = month <= 2 ? year - 1 : year;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const leapDays = Math.floor(marchYear / 4) - Math.floor(marchYear / 100) + Math.floor(marchYear / 400);
  return marchYear * 365 + leapDays + dayOfYear - 719_468;
}

function civilFromDays(daysSince1970: number): [number, number, number] {
  const days = daysSince1970 + 719_468;
  const era = Math.floor(days / 146_097);
  const dayOfEra = days - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1;
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return [yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day];
}
