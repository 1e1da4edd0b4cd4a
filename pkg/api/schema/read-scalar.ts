/**
 * JSON values of the types with a wire form of their own: checked, and brought to the one text upstream would write for
 * them ("1000m" becomes "1", a time is in UTC). Each throws Misfit.
 */
import { canonicalizeQuantity } from "../quantity.ts";
import { Misfit } from "./decode-error.ts";
import { formatMicroTime, formatTime, parseInstant, zeroSeconds } from "./time-text.ts";

const maxInt32 = 2 ** 31 - 1;
const maxInt64 = 2 ** 63;
/** Messages quote no more of a wrong text than this. */
const maxQuoted = 200;

export function readString(value: unknown): string {
  if (typeof value === "string") return value;
  throw Misfit.ofType(goKind(value), "string");
}

export function readBool(value: unknown): boolean {
  if (typeof value === "boolean") return value;
  throw Misfit.ofType(goKind(value), "bool");
}

export function readInt32(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value <= maxInt32 && value >= -maxInt32 - 1) return value;
  throw Misfit.ofType(goNumber(value), "int32");
}

/** Past 2^53 the last digits are already lost: JSON numbers are doubles here. */
export function readInt64(value: unknown): number {
  if (typeof value === "number" && Number.isInteger(value) && value < maxInt64 && value >= -maxInt64) return value;
  throw Misfit.ofType(goNumber(value), "int64");
}

export function readFloat64(value: unknown): number {
  if (typeof value === "number") return value;
  throw Misfit.ofType(goKind(value), "float64");
}

const base64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

export function readBytes(value: unknown): string {
  if (typeof value !== "string") throw Misfit.ofType(goKind(value), "[]uint8");
  if (base64.test(value)) return value;
  // Line breaks are allowed in base64 text, and dropped.
  const joined = value.replaceAll(/[\r\n]/g, "");
  if (base64.test(joined)) return joined;
  throw Misfit.ofText(`illegal base64 data at input byte ${/^[A-Za-z0-9+/]*/.exec(joined)![0].length}`);
}

/** Most quantities people write are in canonical form already; these need no arithmetic. */
const canonicalQuantity = /^(?:0|[1-9][0-9]{0,2}(?:[numkMGTPE]|[KMGTPE]i)?)$/;

export function readQuantity(value: unknown): string {
  if (typeof value === "string" && canonicalQuantity.test(value)) return value;
  if (typeof value !== "string" && typeof value !== "number") throw Misfit.ofType(goKind(value), "resource.Quantity");
  try {
    return canonicalizeQuantity(value);
  } catch (error) {
    throw Misfit.ofText(error instanceof Error ? error.message : String(error));
  }
}

export function readIntOrString(value: unknown): number | string {
  return typeof value === "string" ? value : readInt32(value);
}

/** Undefined for the zero time, which stands for "no time". */
export function readTime(value: unknown): string | undefined {
  const { seconds } = readInstant(value, "2006-01-02T15:04:05Z07:00");
  return seconds === zeroSeconds ? undefined : formatTime(seconds);
}

export function readMicroTime(value: unknown): string | undefined {
  const instant = readInstant(value, "2006-01-02T15:04:05.000000Z07:00");
  return instant.seconds === zeroSeconds && instant.nanos === 0 ? undefined : formatMicroTime(instant);
}

function readInstant(value: unknown, layout: string) {
  if (typeof value !== "string") throw Misfit.ofType(goKind(value), "string");
  const instant = parseInstant(value);
  if (instant && instant.seconds >= zeroSeconds) return instant;
  const text = JSON.stringify(value.length > maxQuoted ? `${value.slice(0, maxQuoted)}...` : value);
  throw Misfit.ofText(`parsing time ${text} as "${layout}": cannot parse ${text} as a time`);
}

/** What Go calls the kind of a JSON value. */
export function goKind(value: unknown): string {
  if (value === null || value === undefined) return "null";
  if (Array.isArray(value)) return "array";
  return typeof value === "boolean" ? "bool" : typeof value;
}

function goNumber(value: unknown): string {
  return typeof value === "number" ? `number ${value}` : goKind(value);
}
