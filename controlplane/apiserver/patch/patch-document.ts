/**
 * The JSON of a patch. Nesting is limited, so that the recursive walks over patches and patched objects cannot run out of
 * stack whatever a client sends.
 */
import { badPatch } from "./patch-errors.ts";

/** Kubernetes objects of real life stay below 40 levels; CRD schemas may reach a hundred. */
export const maxPatchDepth = 500;

/** Parses a patch. Throws 400 for text that is not JSON or is nested too deeply. */
export function parsePatchDocument(bytes: Uint8Array): unknown {
  if (nestingOf(bytes) > maxPatchDepth) throw badPatch(`error decoding patch: exceeded max depth ${maxPatchDepth}`);
  try {
    return JSON.parse(new TextDecoder().decode(bytes)) as unknown;
  } catch (thrown) {
    throw badPatch(`error decoding patch: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}

const [quote, backslash] = ['"'.charCodeAt(0), "\\".charCodeAt(0)];
const openers: ReadonlySet<number> = new Set(["{".charCodeAt(0), "[".charCodeAt(0)]);
const closers: ReadonlySet<number> = new Set(["}".charCodeAt(0), "]".charCodeAt(0)]);

/** The deepest nesting of brackets outside strings; for text that is not JSON, any number. */
function nestingOf(bytes: Uint8Array): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (inString) {
      if (byte === backslash) at++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) inString = true;
    else if (openers.has(byte)) deepest = Math.max(deepest, ++depth);
    else if (closers.has(byte)) depth--;
  }
  return deepest;
}
