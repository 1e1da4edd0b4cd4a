/**
 * The JSON of a patch. Nesting is limited, so that the recursive walks over patches and patched objects cannot run out of
 * stack whatever a client sends.
 */
import { countKeys, measureJson, scanJson } from "#pkg/api/schema/strict-scan.ts";
import { badPatch } from "./patch-errors.ts";
import { isJsonObject } from "./value-schema.ts";

/** Kubernetes objects of real life stay below 40 levels; CRD schemas may reach a hundred. */
export const maxPatchDepth = 500;

/** Parses a patch. Throws 400 for text that is not JSON or is nested too deeply. */
export function parsePatchDocument(bytes: Uint8Array): unknown {
  return parseText(textOf(bytes));
}

/**
 * What strict field validation has to say of a patch itself: `duplicate field "metadata.labels.a"`, and of a JSON patch
 * also `json patch unknown field "[0].x"`. Throws as parsePatchDocument does.
 */
export function findPatchProblems(bytes: Uint8Array, type: "json" | "merge" | "strategic"): readonly string[] {
  const text = textOf(bytes);
  const document = parseText(text);
  const duplicates = measureJson(text).keys === countKeys(document) ? [] : scanJson(text);
  if (type !== "json") return duplicates;
  return [...duplicates, ...findUnknownKeys(document)].map((one) => `json patch ${one}`);
}

const operationKeys: ReadonlySet<string> = new Set(["op", "path", "from", "value"]);

function findUnknownKeys(document: unknown): string[] {
  if (!Array.isArray(document)) return [];
  return document.flatMap((operation: unknown, index) =>
    isJsonObject(operation)
      ? Object.keys(operation)
          .filter((key) => !operationKeys.has(key))
          .map((key) => `unknown field "[${index}].${key}"`)
      : [],
  );
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function parseText(text: string): unknown {
  if (measureJson(text).depth > maxPatchDepth) {
    throw badPatch(`error decoding patch: exceeded max depth of ${maxPatchDepth}`);
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (thrown) {
    throw badPatch(`error decoding patch: ${thrown instanceof Error ? thrown.message : String(thrown)}`);
  }
}
