/** Response bodies of the fake API server: whole texts, and streams that are written to while they are read. */
import { BerthError } from "#pkg/system/errors.ts";

export async function* wholeBody(text: string): AsyncGenerator<Uint8Array, void, void> {
  if (text !== "") yield Buffer.from(text);
}

/** A body with one reader. Writing never waits; the reader gets what was written so far in one chunk. */
export class StreamBody implements AsyncIterable<Uint8Array> {
  #pending: string[] = [];
  #state: "open" | "ended" | BerthError = "open";
  #wake: (() => void) | undefined;

  constructor(signal?: AbortSignal) {
    const abort = (): void => this.fail(new BerthError("Aborted", "the request was aborted"));
    if (signal?.aborted) abort();
    else signal?.addEventListener("abort", abort, { once: true });
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  write(text: string): void {
    if (this.#state !== "open") return;
    this.#pending.push(text);
    this.#wake?.();
  }

  end(): void {
    if (this.#state !== "open") return;
    this.#state = "ended";
    this.#wake?.();
  }

  /** The reader gets the error at once; what it has not read yet is lost, as with a broken connection. */
  fail(error: BerthError): void {
    if (this.#state !== "open") return;
    this.#state = error;
    this.#pending = [];
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, void> {
    try {
      for (;;) {
        if (this.#state instanceof BerthError) throw this.#state;
        if (this.#pending.length > 0) {
          const text = this.#pending.join("");
          this.#pending = [];
          yield Buffer.from(text);
        } else if (this.#state === "ended") return;
        else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.end();
    }
  }
}
