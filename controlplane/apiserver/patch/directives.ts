/** The special keys of strategic merge patches. */
import type { JsonObject } from "./value-schema.ts";
import { isJsonObject, ownValue, setOwn } from "./value-schema.ts";

export const setElementOrderPrefix = "$setElementOrder";

/** The value of `$patch`; undefined when there is none. */
export function directiveOf(patch: JsonObject): unknown {
  return ownValue(patch, "$patch");
}

/** The list that a key such as `$setElementOrder/containers` is about; undefined for any other key. */
export function listDirective(key: string, prefix: string): string | undefined {
  return key.startsWith(`${prefix}/`) ? key.slice(prefix.length + 1) : undefined;
}

/** Takes out everything that holds a `$patch`. Undefined: the value itself does. */
export function withoutDirectives(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutDirectives).filter((item) => item !== undefined);
  if (!isJsonObject(value)) return value;
  if (directiveOf(value) !== undefined) return undefined;
  for (const key of Object.keys(value)) {
    const kept = withoutDirectives(value[key]);
    if (kept === undefined) delete value[key];
    else setOwn(value, key, kept);
  }
  return value;
}

/** Takes null properties out, at any depth: what is new in the object has nothing for them to remove. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) for (const item of value) withoutNulls(item);
  else if (isJsonObject(value)) {
    for (const key of Object.keys(value)) {
      if (value[key] === null) delete value[key];
      else withoutNulls(value[key]);
    }
  }
  return value;
}
