/**
 * The work that compaction leaves for the disk: its record, rows to delete, free pages to give back. It rides along in
 * the batches of writes, a share with each, so that no load can starve it; when nobody writes it makes batches of its
 * own. Pure bookkeeping; the commit pipeline takes shares and says whether they were written.
 */
import type { CompactionRecord, LogBatch, LogSize } from "./log-file.ts";

type Share = Pick<LogBatch, "compaction" | "deletes" | "vacuumPages" | "checkpoint">;

/** Rows deleted in a batch of its own. */
const idleDeletes = 1024;
/** Rows deleted with a batch of writes: twice its rows, and at least this many. */
const busyDeletes = 128;
const idleVacuumPages = 256;
const busyVacuumPages = 16;
/** Free pages are given back when they are a quarter of the file and at least this many (4 MiB)... */
const vacuumFromPages = 1024;
/** ...until they are a tenth, which stays for reuse. */
const vacuumToShare = 0.1;

export class Housekeeping {
  #compaction: CompactionRecord | undefined;
  #garbage: number[] = [];
  /** Garbage before this index is done. */
  #done = 0;
  #size: LogSize = { pageBytes: 4096, pages: 0, freePages: 0 };
  #isVacuuming = false;
  /** Asked to give back everything, down to the last free page. */
  #isDefragmenting = false;
  #checkpoint: Share["checkpoint"];

  get size(): LogSize {
    return this.#size;
  }

  get hasWork(): boolean {
    const isDue = this.#compaction !== undefined || this.#checkpoint !== undefined || this.#isVacuuming;
    return isDue || this.#done < this.#garbage.length;
  }

  addCompaction(record: CompactionRecord, garbage: readonly number[]): void {
    this.#compaction = record;
    this.addGarbage(garbage);
  }

  addGarbage(ids: readonly number[]): void {
    this.#garbage = this.#garbage.slice(this.#done).concat(ids);
    this.#done = 0;
  }

  /** Asks for every free page to be given back, and for the write-ahead log to be emptied. */
  defragment(): void {
    this.#isDefragmenting = true;
    this.#isVacuuming = true;
  }

  /** The share for a batch with so many rows of writes. */
  take(rows: number): Share {
    const most = rows === 0 ? idleDeletes : Math.max(busyDeletes, rows * 2);
    const deletes = Float64Array.from(this.#garbage.slice(this.#done, this.#done + most));
    this.#done += deletes.length;
    const compaction = this.#compaction;
    this.#compaction = undefined;
    const vacuumPages = deletes.length > 0 || !this.#isVacuuming ? 0 : rows === 0 ? idleVacuumPages : busyVacuumPages;
    const checkpoint = this.#checkpoint;
    this.#checkpoint = undefined;
    return { compaction, deletes, vacuumPages, checkpoint };
  }

  written(size: LogSize): void {
    this.#size = size;
    if (this.#done > 65_536) this.addGarbage([]);
    if (this.#isDefragmenting) {
      if (size.freePages > 0 || this.#done < this.#garbage.length) return;
      this.#isDefragmenting = false;
      this.#isVacuuming = false;
      this.#checkpoint = "truncate";
      return;
    }
    const isMuch = size.freePages >= vacuumFromPages && size.freePages * 4 >= size.pages;
    const isLittle = size.freePages <= size.pages * vacuumToShare;
    if (isMuch) this.#isVacuuming = true;
    if (!this.#isVacuuming || !isLittle) return;
    this.#isVacuuming = false;
    // The file becomes shorter only when the write-ahead log is brought into it.
    this.#checkpoint = "passive";
  }

  /** The share did not reach the disk: it is due again. */
  notWritten(share: Share): void {
    this.#done -= share.deletes.length;
    this.#compaction ??= share.compaction;
    this.#checkpoint ??= share.checkpoint;
  }
}
