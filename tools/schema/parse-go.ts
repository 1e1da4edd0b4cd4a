/**
 * Reads the declarations of one Go source file: structs with their field tags, named types, string constants and the
 * `+marker` comments. It understands gofmt-formatted declarations, which is what API packages consist of, and nothing
 * else; function bodies are skipped.
 */

/** Marker comments by name; a marker may be given more than once (`+listMapKey=a`, `+listMapKey=b`). */
export type Markers = ReadonlyMap<string, readonly string[]>;

export interface GoField {
  /** Undefined for an embedded field. */
  readonly name: string | undefined;
  readonly type: string;
  /** The struct tag, by key: json, protobuf, patchStrategy, patchMergeKey. */
  readonly tags: ReadonlyMap<string, string>;
  readonly markers: Markers;
}

export interface GoStruct {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: readonly GoField[];
  readonly markers: Markers;
}

export interface GoNamed {
  readonly kind: "named";
  readonly name: string;
  /** The type it is defined as; the leading "=" of an alias is dropped. */
  readonly type: string;
  readonly markers: Markers;
}

export interface GoConstant {
  readonly name: string;
  /** Undefined when the declaration leaves it to the value. */
  readonly type: string | undefined;
  /** The text itself, or the name of the constant it comes from. */
  readonly value: string;
  readonly isReference: boolean;
}

export interface GoFile {
  /** Import path by the name the file uses for it. */
  readonly imports: ReadonlyMap<string, string>;
  readonly types: readonly (GoStruct | GoNamed)[];
  readonly constants: readonly GoConstant[];
}

/** A cursor over lines which remembers the comment block directly above the current line, and the one above that. */
class Lines {
  readonly #lines: readonly string[];
  #next = 0;
  #comment: string[] = [];
  #earlierComment: string[] = [];

  constructor(text: string) {
    this.#lines = text.split("\n");
  }

  /** The next line that is neither blank nor a comment, trimmed; undefined at the end. */
  take(): string | undefined {
    this.#comment = [];
    this.#earlierComment = [];
    while (this.#next < this.#lines.length) {
      const line = this.#lines[this.#next++]!.trim();
      if (line.startsWith("//")) this.#comment.push(line.slice(2).trim());
      else if (line.startsWith("/*")) this.#skipBlockComment(line);
      else if (line === "") this.#endComment();
      else return line;
    }
    return undefined;
  }

  /** Markers of the line taken last. Types also count the block one blank line further up, as upstream's tools do. */
  markers(withEarlier: boolean): Markers {
    const found = new Map<string, string[]>();
    for (const line of withEarlier ? [...this.#earlierComment, ...this.#comment] : this.#comment) {
      const match = /^\+([A-Za-z0-9:]+)(?:=(.*)|\s.*)?$/.exec(line);
      if (!match) continue;
      const values = found.get(match[1]!) ?? [];
      found.set(match[1]!, [...values, (match[2] ?? "").trim()]);
    }
    return found;
  }

  /** Skips what `opening` opens: in gofmt's layout, up to the first line whose margin is the closing bracket. */
  skipBlock(opening: string): void {
    const close = opening.endsWith("{") ? "}" : ")";
    while (this.#next < this.#lines.length) {
      const line = this.#lines[this.#next++]!;
      if (!line.startsWith(close)) continue;
      if (line.endsWith("{")) this.skipBlock(line);
      return;
    }
  }

  #skipBlockComment(line: string): void {
    let current = line;
    while (!current.includes("*/")) current = this.#lines[this.#next++] ?? "*/";
  }

  #endComment(): void {
    if (this.#comment.length > 0) this.#earlierComment = this.#comment;
    this.#comment = [];
  }
}

export function parseGoFile(text: string): GoFile {
  const lines = new Lines(text);
  const imports = new Map<string, string>();
  const types: (GoStruct | GoNamed)[] = [];
  const constants: GoConstant[] = [];
  for (let line = lines.take(); line !== undefined; line = lines.take()) {
    if (line.startsWith("import")) parseImports(lines, line, imports);
    else if (line.startsWith("const")) parseConstants(lines, line, constants);
    else if (line.startsWith("type ")) types.push(parseType(lines, line));
    else if (/^(func|var)\b.*[({]$/.test(line)) lines.skipBlock(line);
  }
  return { imports, types, constants };
}

function parseImports(lines: Lines, first: string, imports: Map<string, string>): void {
  const addLine = (line: string) => {
    const match = /^(?:(\w+) )?"([^"]+)"$/.exec(line);
    if (match) imports.set(match[1] ?? match[2]!.split("/").at(-1)!, match[2]!);
  };
  if (first !== "import (") addLine(first.slice("import ".length));
  else for (let line = lines.take(); line !== undefined && line !== ")"; line = lines.take()) addLine(line);
}

function parseConstants(lines: Lines, first: string, constants: GoConstant[]): void {
  const addLine = (line: string) => {
    const constant = parseConstant(line);
    if (constant) constants.push(constant);
  };
  if (first !== "const (") addLine(first.slice("const ".length));
  else for (let line = lines.take(); line !== undefined && line !== ")"; line = lines.take()) addLine(line);
}

/** `Name Type = "text"`, `Name = "text"`, `Name = Type("text")` or `Name = Type(other)`; anything else is no constant of ours. */
function parseConstant(line: string): GoConstant | undefined {
  const literal = /^(\w+)(?:\s+([\w.]+))?\s*=\s*(?:(\w+)\()?("(?:[^"\\]|\\.)*")/.exec(line);
  if (literal) {
    const value = JSON.parse(literal[4]!) as string;
    return { name: literal[1]!, type: literal[2] ?? literal[3], value, isReference: false };
  }
  const converted = /^(\w+)\s*=\s*(\w+)\(([\w.]+)\)/.exec(line);
  return converted ? { name: converted[1]!, type: converted[2], value: converted[3]!, isReference: true } : undefined;
}

function parseType(lines: Lines, first: string): GoStruct | GoNamed {
  const markers = lines.markers(true);
  const struct = /^type (\w+) struct\s*\{(\})?$/.exec(first);
  if (struct) return { kind: "struct", name: struct[1]!, markers, fields: struct[2] ? [] : parseFields(lines) };
  const named = /^type (\w+)\s+=?\s*(.+?)(?:\s*\/\/.*)?$/.exec(first);
  if (!named) throw new Error(`cannot read the Go declaration: ${first}`);
  if (named[2]!.endsWith("{")) lines.skipBlock(first);
  return { kind: "named", name: named[1]!, type: named[2]!, markers };
}

function parseFields(lines: Lines): GoField[] {
  const fields: GoField[] = [];
  for (let line = lines.take(); line !== undefined && line !== "}"; line = lines.take()) {
    const match = /^(?:(\w+)\s+)?([^\s`]+)(?:\s+`([^`]*)`)?(?:\s*\/\/.*)?$/.exec(line);
    if (!match) throw new Error(`cannot read the Go field: ${line}`);
    fields.push({ name: match[1], type: match[2]!, tags: parseTag(match[3] ?? ""), markers: lines.markers(false) });
  }
  return fields;
}

function parseTag(tag: string): Map<string, string> {
  return new Map([...tag.matchAll(/(\w+):"([^"]*)"/g)].map((match) => [match[1]!, match[2]!]));
}
