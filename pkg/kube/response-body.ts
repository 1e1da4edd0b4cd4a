/** Turns Node's streams into response bodies of the Transport port: errors become BerthErrors, leaving early ends the stream. */
import type { Readable } from "node:stream";
import { BerthError } from "#pkg/system/errors.ts";

export interface BodySource {
  readonly readable: Readable;
  /** Names the request in messages. */
  readonly what: string;
  readonly signal: AbortSignal | undefined;
  /** Ends the stream at once, also while a read is waiting. */
  readonly cancel: () => void;
  /** What the head promised. */
  readonly contentLength?: string | undefined;
  /** Asked at the end of the stream: why this is not the end of the body; undefined when it is. */
  readonly whyIncomplete?: (() => string | undefined) | undefined;
}

export function readableBody(source: BodySource): AsyncIterable<Uint8Array> {
  const { readable, what, signal, cancel, whyIncomplete, contentLength } = source;
  return {
    [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void> {
      let missing = contentLength === undefined ? undefined : Number(contentLength);
      const chunks = readable[Symbol.asyncIterator]() as AsyncIterator<Uint8Array, void>;
      return {
        async next() {
          try {
            const chunk = await chunks.next();
            if (!chunk.done) {
              if (missing !== undefined) missing -= chunk.value.length;
              return chunk;
            }
            const why = missing ? `the body ended ${missing} bytes early` : whyIncomplete?.();
            if (why !== undefined) throw new Error(why);
            return chunk;
          } catch (error) {
            throw requestError(what, error, signal);
          }
        },
        async return() {
          cancel();
          return { done: true, value: undefined };
        },
      };
    },
  };
}

/** "Aborted" when the caller's signal fired, else "Unavailable": the server could not be reached, or went away. */
export function requestError(what: string, error: unknown, signal: AbortSignal | undefined): BerthError {
  if (error instanceof BerthError) return error;
  if (signal?.aborted) return new BerthError("Aborted", `${what}: the request was aborted`, { cause: error });
  return new BerthError("Unavailable", `${what}: ${explain(error)}`, { cause: error });
}

/** Node packs the errors of several addresses into one with an empty message. */
function explain(error: unknown): string {
  if (error instanceof AggregateError && error.errors.length > 0) return explain(error.errors[0]);
  if (error instanceof Error) return error.message || ((error as NodeJS.ErrnoException).code ?? error.name);
  return String(error);
}
