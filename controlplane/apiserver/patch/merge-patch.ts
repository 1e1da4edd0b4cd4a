/** JSON merge patch (RFC 7386): maps merge, null removes, everything else is replaced. */
import { parsePatchDocument } from "./patch-document.ts";
import { badPatch } from "./patch-errors.ts";
import type { JsonObject } from "./value-schema.ts";
import { cloneJson, isJsonObject, ownValue, setOwn } from "./value-schema.ts";

/** The object after the patch; `current` is left alone. Throws StatusError 400 when the patch is not a JSON object. */
export function applyMergePatch<T extends object>(current: T, patch: Uint8Array): T {
  const document = parsePatchDocument(patch);
  if (!isJsonObject(document)) throw badPatch("Invalid JSON Patch: a merge patch is a JSON object");
  const result = cloneJson(current);
  mergeInto(result as JsonObject, document);
  return result;
}

function mergeInto(target: JsonObject, patch: JsonObject): void {
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete target[key];
    else if (!isJsonObject(value)) setOwn(target, key, value);
    else {
      const existing = ownValue(target, key);
      const merged: JsonObject = isJsonObject(existing) ? existing : {};
      mergeInto(merged, value);
      setOwn(target, key, merged);
    }
  }
}
