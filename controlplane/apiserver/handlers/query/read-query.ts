/** Scalars in query strings, read as upstream's parameter decoder reads them: wrong text is a 400 with Go's words. Pure. */
import { StatusError } from "#pkg/api/status.ts";

/** Undefined when absent or empty. Throws StatusError 400. */
export function readInteger(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null || text === "") return undefined;
  const value = /^[+-]?\d+$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  const why = Number.isNaN(value) ? "invalid syntax" : "value out of range";
  throw StatusError.badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text.slice(0, 100))}: ${why}`);
}

/** Undefined when absent; "0" and "false" are false, anything else is true. */
export function readBoolean(query: URLSearchParams, name: string): boolean | undefined {
  const text = query.get(name);
  return text === null ? undefined : text !== "0" && text.toLowerCase() !== "false";
}

export function readText(query: URLSearchParams, name: string): string {
  return query.get(name) ?? "";
}
