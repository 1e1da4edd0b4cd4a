/** Headers that carry lists of names: groups and extra fields of a user. */
import type { ApiRequest } from "../http/api-request.ts";

type Headers = Pick<ApiRequest, "headers" | "repeatedHeaders">;

/** Each value as sent. A single header is one value, commas and all. */
export function headerValues(request: Headers, name: string): readonly string[] {
  const repeated = request.repeatedHeaders?.[name];
  if (repeated) return repeated;
  const value = request.headers[name];
  return value === undefined ? [] : [value];
}

/** `<prefix>some%2fkey: value` as extra fields; keys are percent-decoded. */
export function extraFromHeaders(request: Headers, prefix: string): Readonly<Record<string, readonly string[]>> {
  const extra = new Map<string, readonly string[]>();
  for (const name of Object.keys(request.headers)) {
    if (!name.startsWith(prefix)) continue;
    const key = decodeKey(name.slice(prefix.length));
    extra.set(key, [...(extra.get(key) ?? []), ...headerValues(request, name)]);
  }
  return Object.fromEntries(extra);
}

function decodeKey(encoded: string): string {
  try {
    return decodeURIComponent(encoded);
  } catch {
    return encoded;
  }
}
