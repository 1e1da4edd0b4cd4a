/**
 * Builds the state from the rows of a log and proves on the way that it is whole; where it is not, the state stops at
 * the last revision that is. Pure apart from the state it builds.
 *
 * What is proved: the rows which the last compaction left are all there (their count and sum were written down with it);
 * ids above them have no gaps; the last revision is complete. Checksums of rows are the scanner's part.
 */
import { isSameBase } from "./base-sum.ts";
import type { LogContents } from "./log-file.ts";
import { Mvcc, type MvccOptions } from "./mvcc.ts";
import type { DecodedRow } from "./row-codec.ts";

/** Rows after which replaced values are trimmed while a log is read. */
const trimRows = 4096;

export class LogReader {
  readonly contents: LogContents;
  readonly mvcc: Mvcc;
  /** Rows a compaction gave up but could not delete any more. */
  readonly garbage: number[] = [];
  /** Why the state ends before the log; undefined when it is whole. */
  problem: string | undefined;
  /** Rows of the revision that is being read. */
  #open: DecodedRow[] = [];
  #nextId: number;
  #baseChecked = false;

  constructor(contents: LogContents, options: Pick<MvccOptions, "historyBytes" | "hasLease"> = {}) {
    this.contents = contents;
    const { revision } = contents.compaction;
    this.mvcc = new Mvcc({ ...options, revision: Math.max(1, revision), compactRevision: revision });
    this.#nextId = contents.compaction.lastId + 1;
  }

  /** False when rows that everything else rests on are missing: there is no state to keep. */
  get hasBase(): boolean {
    return this.#baseChecked && isSameBase(this.mvcc.base, this.contents.compaction.base);
  }

  get revision(): number {
    return this.mvcc.headRevision;
  }

  /** Rows come in ascending order of their ids. */
  receive(row: DecodedRow): void {
    if (this.problem !== undefined) return;
    const { compaction } = this.contents;
    const isBase = row.id <= compaction.lastId;
    if (isBase !== row.kv.modRevision <= compaction.revision) {
      this.problem = `row ${row.id} has revision ${row.kv.modRevision}, on the wrong side of the compaction`;
    } else if (isBase) {
      this.garbage.push(...this.mvcc.load(row));
    } else {
      this.#checkBase();
      this.#receiveNewer(row);
    }
  }

  #receiveNewer(row: DecodedRow): void {
    if (this.problem !== undefined) return;
    if (row.id !== this.#nextId) {
      this.problem = `rows ${this.#nextId} to ${row.id - 1} are missing`;
      return;
    }
    this.#nextId += 1;
    this.#open.push(row);
    if (!row.last) return;
    for (const each of this.#open) this.mvcc.load(each);
    this.#open = [];
    if (row.id % trimRows === 0) this.mvcc.trimHistory();
  }

  /** After the last row; `damage` says why there are no more, if that is not the end of the log. */
  finish(damage: string | undefined): void {
    this.problem ??= damage;
    this.#checkBase();
    if (this.#open.length > 0) this.problem ??= `revision ${this.#open[0]?.kv.modRevision} is incomplete`;
    this.mvcc.trimHistory();
  }

  #checkBase(): void {
    if (this.#baseChecked) return;
    this.#baseChecked = true;
    if (this.hasBase) return;
    this.problem ??= `rows up to ${this.contents.compaction.lastId} are not those the last compaction left`;
  }
}
