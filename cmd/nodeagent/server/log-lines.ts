/**
 * The log format of CRI runtimes, `<time> <stream> <tags> <text>`, and what clients are shown of it. Pure.
 * A long line is written in parts (tag P) that belong together until one with tag F.
 */

export interface LogEntry {
  /** RFC 3339 with nanoseconds, as the runtime wrote it. */
  readonly time: string;
  readonly stream: "stdout" | "stderr";
  readonly isPartial: boolean;
  /** With its line end, unless partial. */
  readonly text: Buffer;
}

export interface LogSelection {
  readonly timestamps: boolean;
  /** Entries before it are left out, ms. */
  readonly sinceMs: number | undefined;
  readonly stream: "stdout" | "stderr" | undefined;
}

const space = 0x20;
const newline = 0x0a;

/** One line without its end; undefined when it is not in the format. */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const afterTime = line.indexOf(space);
  const afterStream = line.indexOf(space, afterTime + 1);
  if (afterTime < 0 || afterStream < 0) return undefined;
  const stream = line.toString("latin1", afterTime + 1, afterStream);
  if (stream !== "stdout" && stream !== "stderr") return undefined;
  const tagsEnd = line.indexOf(space, afterStream + 1);
  const tags = line.toString("latin1", afterStream + 1, tagsEnd < 0 ? line.length : tagsEnd).split(":");
  const isPartial = tags[0] === "P";
  const text = tagsEnd < 0 ? Buffer.alloc(0) : line.subarray(tagsEnd + 1);
  return {
    time: line.toString("latin1", 0, afterTime),
    stream,
    isPartial,
    text: isPartial ? text : Buffer.concat([text, Buffer.from("\n")]),
  };
}

/** Cuts what is read into lines, keeping an unfinished one for later. */
export class LineCutter {
  #rest: Buffer = Buffer.alloc(0);

  push(chunk: Buffer): readonly Buffer[] {
    const data = this.#rest.length > 0 ? Buffer.concat([this.#rest, chunk]) : chunk;
    const lines: Buffer[] = [];
    let start = 0;
    for (let end = data.indexOf(newline); end >= 0; end = data.indexOf(newline, start)) {
      lines.push(data.subarray(start, end));
      start = end + 1;
    }
    this.#rest = Buffer.from(data.subarray(start));
    return lines;
  }
}

/** Writes entries as clients see them: a line that came in parts has its time once. */
export class LogFormatter {
  readonly #selection: LogSelection;
  readonly #midLine = new Set<string>();

  constructor(selection: LogSelection) {
    this.#selection = selection;
  }

  format(entry: LogEntry): Buffer | undefined {
    const { timestamps, sinceMs, stream } = this.#selection;
    if (stream !== undefined && stream !== entry.stream) return undefined;
    if (sinceMs !== undefined && Date.parse(entry.time) < sinceMs) return undefined;
    const continues = this.#midLine.has(entry.stream);
    if (entry.isPartial) this.#midLine.add(entry.stream);
    else this.#midLine.delete(entry.stream);
    if (!timestamps || continues) return entry.text;
    return Buffer.concat([Buffer.from(`${entry.time} `), entry.text]);
  }
}
