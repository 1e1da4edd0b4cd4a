/** A LogFile in memory whose writes can be held back, refused or lost: for tests of what the store does then. */
import { BerthError } from "#pkg/system/errors.ts";
import type { LogBatch, LogFile, LogSize } from "../log-file.ts";
import { type DecodedRow, decodeRows } from "../row-codec.ts";

/** What happens to the next writes and probes. */
export type LogFileMode =
  | "working"
  /** No space: nothing is written. */
  | "full"
  /** The write is on disk, but the answer is an error. */
  | "writtenUnknown"
  /** Nothing is on disk, and the answer is the same error. */
  | "lostUnknown";

export class MemoryLogFile implements LogFile {
  mode: LogFileMode = "working";
  readonly rows = new Map<number, DecodedRow>();
  readonly batches: LogBatch[] = [];
  #held: (() => void)[] | undefined;
  #revision = 1;

  /** Writes wait until `release`. */
  hold(): void {
    this.#held ??= [];
  }

  release(): void {
    const held = this.#held ?? [];
    this.#held = undefined;
    for (const go of held) go();
  }

  get waiting(): number {
    return this.#held?.length ?? 0;
  }

  async write(batch: LogBatch): Promise<LogSize> {
    if (this.#held !== undefined) await new Promise<void>((resolve) => this.#held?.push(resolve));
    if (this.mode === "full") throw new BerthError("Exhausted", "database or disk is full");
    if (this.mode !== "lostUnknown") this.#apply(batch);
    if (this.mode !== "working") throw new BerthError("Unavailable", "disk I/O error");
    return this.#size();
  }

  async readValues(ids: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return ids.map((id) => this.rows.get(id)?.kv.value);
  }

  async probe(): Promise<{ readonly revision: number }> {
    if (this.mode !== "working") throw new BerthError("Unavailable", "disk I/O error");
    return { revision: this.#revision };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
  }

  #apply(batch: LogBatch): void {
    this.batches.push(batch);
    for (const row of decodeRows(batch.rows)) {
      this.rows.set(row.id, row);
      this.#revision = row.kv.modRevision;
    }
    for (const id of batch.deletes) this.rows.delete(id);
  }

  #size(): LogSize {
    return { pageBytes: 4096, pages: 10 + this.rows.size, freePages: 0 };
  }
}
