/**
 * Watch streams: one JSON object per line becomes one event.
 *  - lines may be cut anywhere by chunk borders; a line has a longest length, so that a broken peer cannot fill the memory;
 *  - an ERROR event ends the stream with the StatusError it carries (410 Expired: list again);
 *  - the stream ends quietly when the server ends it, even in the middle of a line.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { statusErrorOf } from "./status-from-response.ts";

export type WatchEvent<T extends KubeObject = KubeObject> =
  | { readonly type: "ADDED" | "MODIFIED" | "DELETED"; readonly object: T }
  /** Nothing happened up to `object.metadata.resourceVersion`; the object holds nothing else. */
  | { readonly type: "BOOKMARK"; readonly object: KubeObject };

export interface WatchStream<T extends KubeObject> extends AsyncIterable<WatchEvent<T>>, AsyncDisposable {
  /** The same events in the groups in which they arrived: cheaper than one by one. */
  batches(): AsyncIterable<readonly WatchEvent<T>[]>;
}

/** On the BOOKMARK that closes the initial events of a watch list. */
export const initialEventsEndAnnotation = "k8s.io/initial-events-end";

export interface WatchDecodeOptions {
  /** Default 16 MiB. A longer line fails the stream with "Exhausted". */
  readonly maxLineBytes?: number | undefined;
}

const newline = 10;

/** Decodes the body of a watch. Throws StatusError for ERROR events, BerthError "Corrupt" for lines that are no events. */
export async function* decodeWatch<T extends KubeObject>(
  body: AsyncIterable<Uint8Array>,
  options: WatchDecodeOptions = {},
): AsyncGenerator<readonly WatchEvent<T>[], void, void> {
  const lines = new LineBuffer(options.maxLineBytes ?? 16 * 1024 * 1024);
  for await (const chunk of body) {
    const events: WatchEvent<T>[] = [];
    let failure: Error | undefined;
    try {
      for (const line of lines.push(chunk)) events.push(parseEvent<T>(line));
    } catch (error) {
      failure = error as Error;
    }
    // What came before the failure still counts.
    if (events.length > 0) yield events;
    if (failure) throw failure;
  }
}

/**
 * A stream over the body of a request that `cancel` ends. Disposing ends the request, and iteration without an error; when the
 * caller's own signal fires, iteration ends with "Aborted", also where the transport just stops.
 */
export function watchStream<T extends KubeObject>(
  body: AsyncIterable<Uint8Array>,
  cancel: AbortController,
  signal: AbortSignal | undefined,
): WatchStream<T> {
  let isDisposed = false;
  async function* batches(): AsyncGenerator<readonly WatchEvent<T>[], void, void> {
    try {
      yield* decodeWatch<T>(body);
    } catch (error) {
      if (!isDisposed) throw error;
    }
    if (signal?.aborted && !isDisposed) throw new BerthError("Aborted", "the watch was aborted");
  }
  return {
    batches,
    async *[Symbol.asyncIterator]() {
      for await (const batch of batches()) yield* batch;
    },
    async [Symbol.asyncDispose]() {
      isDisposed = true;
      cancel.abort();
    },
  };
}

/** Cuts chunks into lines without their newline. Holds at most one unfinished line. */
class LineBuffer {
  readonly #maxBytes: number;
  #parts: Uint8Array[] = [];
  #length = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  *push(chunk: Uint8Array): Generator<string, void, void> {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      yield this.#take(bytes.subarray(start, end));
      start = end + 1;
    }
    if (start < bytes.length) this.#keep(bytes.subarray(start));
  }

  #take(tail: Buffer): string {
    this.#checkLength(tail.length);
    if (this.#length === 0) return tail.toString("utf8");
    const line = Buffer.concat([...this.#parts, tail]).toString("utf8");
    this.#parts = [];
    this.#length = 0;
    return line;
  }

  #keep(part: Buffer): void {
    this.#checkLength(part.length);
    this.#parts.push(part);
    this.#length += part.length;
  }

  #checkLength(more: number): void {
    if (this.#length + more <= this.#maxBytes) return;
    throw new BerthError("Exhausted", `a watch event is longer than ${this.#maxBytes} bytes`);
  }
}

function parseEvent<T extends KubeObject>(line: string): WatchEvent<T> {
  const event = parseJson(line);
  switch (event.type) {
    case "ADDED":
    case "MODIFIED":
    case "DELETED":
      return { type: event.type, object: event.object as T };
    case "BOOKMARK":
      return { type: "BOOKMARK", object: event.object as KubeObject };
    case "ERROR":
      throw statusErrorOf(event.object);
    default:
      throw new BerthError("Corrupt", `a watch sent an event of unknown type ${JSON.stringify(event.type)}`);
  }
}

function parseJson(line: string): { readonly type?: unknown; readonly object?: unknown } {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === "object" && event !== null && hasObject(event)) return event;
  } catch (error) {
    throw new BerthError("Corrupt", `a watch sent a line that is not JSON: ${line.slice(0, 200)}`, { cause: error });
  }
  throw new BerthError("Corrupt", `a watch sent a line that is no event: ${line.slice(0, 200)}`);
}

function hasObject(event: object): boolean {
  const { object } = event as { object?: unknown };
  return typeof object === "object" && object !== null;
}
