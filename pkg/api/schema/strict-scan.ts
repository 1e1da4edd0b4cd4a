/**
 * Finds the fields of a JSON text which decoding would drop without a word: fields the type does not know, and fields given
 * twice. Texts and paths are upstream's: `unknown field "spec.x"`, `duplicate field "spec.containers[0].name"`.
 *
 * The quick part (`measureJson`) runs on every body and only counts; the slow part (`scanJson`) runs when the counts say
 * that something is to be found.
 */
import { freeForm, type TypeCursor, underIndex, underKey } from "./type-cursor.ts";

export interface JsonMeasure {
  /** Keys of all objects, counting each time a key is given. */
  readonly keys: number;
  /** Objects and lists within each other, at the deepest place. */
  readonly depth: number;
}

const quote = 0x22;
const backslash = 0x5c;
const colon = 0x3a;

/** Expects text that JSON.parse takes; for other text the numbers mean nothing, but it ends. */
export function measureJson(text: string): JsonMeasure {
  let keys = 0;
  let depth = 0;
  let deepest = 0;
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case quote:
        at = endOfString(text, at);
        if (text.charCodeAt(skipBlanks(text, at + 1)) === colon) keys++;
        break;
      case 0x7b: // {
      case 0x5b: // [
        if (++depth > deepest) deepest = depth;
        break;
      case 0x7d: // }
      case 0x5d: // ]
        depth--;
        break;
    }
  }
  return { keys, depth: deepest };
}

/** Keys of all objects in a parsed value. */
export function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countKeys(item);
    return count;
  }
  for (const one of Object.values(value)) count += 1 + countKeys(one);
  return count;
}

/** More findings than this are cut off, as upstream does. */
export const maxFindings = 100;

/** Unknown and duplicate fields in the order of the text. Expects text that JSON.parse takes. */
export function scanJson(text: string, cursor: TypeCursor = freeForm): readonly string[] {
  const scan = new Scan(text);
  scan.value(cursor, "");
  return scan.findings();
}

/** Unknown fields of a parsed value, in the order of its keys. */
export function scanValue(value: unknown, cursor: TypeCursor): readonly string[] {
  const findings: string[] = [];
  walkValue(value, cursor, "", findings);
  return findings.slice(0, maxFindings);
}

function walkValue(value: unknown, cursor: TypeCursor, path: string, findings: string[]): void {
  if (typeof value !== "object" || value === null || cursor.kind === "opaque") return;
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) walkValue(item, underIndex(cursor), `${path}[${index}]`, findings);
    return;
  }
  for (const [key, one] of Object.entries(value)) {
    const below = underKey(cursor, key);
    const place = path ? `${path}.${key}` : key;
    if (below) walkValue(one, below, place, findings);
    else findings.push(`unknown field ${JSON.stringify(place)}`);
  }
}

class Scan {
  readonly #text: string;
  readonly #findings = new Set<string>();
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  findings(): readonly string[] {
    return [...this.#findings];
  }

  /** Leaves #at behind the value. */
  value(cursor: TypeCursor, path: string): void {
    this.#at = skipBlanks(this.#text, this.#at);
    const first = this.#text[this.#at];
    if (first === "{") this.#object(cursor, path);
    else if (first === "[") this.#list(cursor, path);
    else if (first === '"') this.#at = endOfString(this.#text, this.#at) + 1;
    else while (this.#at < this.#text.length && !",]} \t\n\r".includes(this.#text[this.#at]!)) this.#at++;
  }

  #object(cursor: TypeCursor, path: string): void {
    const seen = new Set<string>();
    this.#at++;
    while (this.#more("}")) {
      const start = this.#at;
      const end = endOfString(this.#text, start) + 1;
      const key = JSON.parse(this.#text.slice(start, end)) as string;
      this.#at = skipBlanks(this.#text, end) + 1;
      const place = path ? `${path}.${key}` : key;
      const below = underKey(cursor, key);
      if (!below) this.#find("unknown", place);
      else if (seen.has(key) && cursor.kind !== "opaque") this.#find("duplicate", place);
      seen.add(key);
      this.value(below ?? { kind: "opaque" }, place);
    }
  }

  #list(cursor: TypeCursor, path: string): void {
    const below = underIndex(cursor);
    this.#at++;
    for (let index = 0; this.#more("]"); index++) this.value(below, `${path}[${index}]`);
  }

  /** Moves to the next member; false, and behind the end, when there is none. */
  #more(end: "}" | "]"): boolean {
    this.#at = skipBlanks(this.#text, this.#at);
    if (this.#text[this.#at] === ",") this.#at = skipBlanks(this.#text, this.#at + 1);
    if (this.#at < this.#text.length && this.#text[this.#at] !== end) return true;
    this.#at++;
    return false;
  }

  #find(what: "unknown" | "duplicate", place: string): void {
    if (this.#findings.size < maxFindings) this.#findings.add(`${what} field ${JSON.stringify(place)}`);
  }
}

/** Position of the closing quote of the string that opens at `start`; the last position when there is none. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === quote) return at;
    if (code === backslash) at++;
  }
  return text.length - 1;
}

function skipBlanks(text: string, start: number): number {
  let at = start;
  for (;;) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return at;
    at++;
  }
}
