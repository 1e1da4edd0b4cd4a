/**
 * Request bodies and stored objects, from text to checked objects. Two steps, because the kind is in the body: `parseBody`
 * reads JSON or YAML and tells the kind, `decode` brings it to the normal form of a type (see type-plan.ts).
 *
 * As tolerant as upstream's decoder: names are case-sensitive, null is absent, unknown fields are left out, of a field given
 * twice the last counts. What was left out is reported when asked for. Nesting is limited, and no key can change a
 * prototype.
 */
import { DecodeError } from "./decode-error.ts";
import { type Normalized, normalizeObject } from "./normalize.ts";
import { countKeys, measureJson, scanJson, scanValue } from "./strict-scan.ts";
import { freeForm, structCursor } from "./type-cursor.ts";
import type { Struct } from "./type-plan.ts";
import { duplicateYamlKey, parseYaml } from "./yaml.ts";

export { DecodeError } from "./decode-error.ts";

/** Objects and lists within each other; deeper documents are refused. */
export const maxDepth = 500;

export type TextFormat = "json" | "yaml";

export interface Decoded {
  /** In the normal form of its type. */
  readonly object: Struct;
  /** `unknown field "spec.x"`, `duplicate field "spec.y"`, in the order of the body; empty unless asked for. */
  readonly findings: readonly string[];
}

export interface DecodeOptions {
  /** Look for unknown and duplicate fields (fieldValidation Warn and Strict). Default: no, which is quicker. */
  readonly findings?: boolean | undefined;
}

/** A body that has been read but not yet been checked against a type. */
export interface ParsedBody {
  /** As parsed; of free form below the top. */
  readonly value: Struct;
  /** What the body says it is; "" where it says nothing. */
  readonly apiVersion: string;
  readonly kind: string;
  /** Throws DecodeError naming the first field that does not fit the type. */
  decode(typeName: string, options?: DecodeOptions): Decoded;
  /** `duplicate field "x"` for keys given twice at any place: what can be said when the type is not in the schema. */
  duplicates(): readonly string[];
}

const utf8 = new TextDecoder();

/** Throws DecodeError when the text is not well formed, nested too deep, or no object. Invalid UTF-8 becomes U+FFFD. */
export function parseBody(body: Uint8Array | string, format: TextFormat = "json"): ParsedBody {
  const text = typeof body === "string" ? body : utf8.decode(body);
  const parsed = format === "json" ? parseJson(text) : parseYamlText(text);
  const { value } = parsed;
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new DecodeError("couldn't get version/kind; json parse error: the body is not an object");
  }
  const struct = value as Struct;
  return {
    value: struct,
    apiVersion: textField(struct, "apiVersion"),
    kind: textField(struct, "kind"),
    decode: (typeName, options) => {
      const normalized = normalizeObject(typeName, struct);
      return { object: normalized.object, findings: options?.findings ? parsed.findings(normalized, typeName) : [] };
    },
    duplicates: parsed.duplicates,
  };
}

/** parseBody and decode in one, for callers that know the type. */
export function decodeObject(
  typeName: string,
  body: Uint8Array | string,
  options: DecodeOptions & { readonly format?: TextFormat | undefined } = {},
): Decoded {
  return parseBody(body, options.format).decode(typeName, options);
}

/** A value that is already in memory, such as the result of a patch. Duplicates cannot be seen any more. */
export function decodeValue(typeName: string, value: unknown, options: DecodeOptions = {}): Decoded {
  const { object, isComplete } = normalizeObject(typeName, value);
  return { object, findings: options.findings && !isComplete ? scanValue(value, structCursor(typeName)) : [] };
}

interface ParsedText {
  readonly value: unknown;
  findings(normalized: Normalized, typeName: string): readonly string[];
  duplicates(): readonly string[];
}

function parseJson(text: string): ParsedText {
  const { keys, depth } = measureJson(text);
  if (depth > maxDepth) throw new DecodeError(`exceeded max depth of ${maxDepth}`);
  const value = parsed(text);
  const hasDuplicates = () => keys !== countKeys(value);
  return {
    value,
    findings: ({ isComplete }, typeName) =>
      isComplete && !hasDuplicates() ? [] : scanJson(text, structCursor(typeName)),
    duplicates: () => (hasDuplicates() ? scanJson(text, freeForm) : []),
  };
}

function parseYamlText(text: string): ParsedText {
  const value = parseYaml(text, { maxDepth });
  const duplicates = () => {
    const found = duplicateYamlKey(text, { maxDepth });
    return found === undefined ? [] : [found];
  };
  return {
    value,
    findings: ({ isComplete }, typeName) => [
      ...duplicates(),
      ...(isComplete ? [] : scanValue(value, structCursor(typeName))),
    ],
    duplicates,
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new DecodeError(`couldn't get version/kind; json parse error: ${reason}`, "", error);
  }
}

function textField(value: Struct, name: string): string {
  const given = Object.hasOwn(value, name) ? value[name] : undefined;
  if (given === undefined || given === null) return "";
  if (typeof given === "string") return given;
  throw new DecodeError(`couldn't get version/kind; json parse error: field ${name} is not a string`, name);
}
