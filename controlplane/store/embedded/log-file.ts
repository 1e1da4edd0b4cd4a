/**
 * The port to the file that makes the embedded store durable: a log of rows, the leases, and what the last compaction
 * left. One implementation writes SQLite in a worker thread; tests may use others.
 */
import type { BaseSum } from "./base-sum.ts";
import type { DecodedRow } from "./row-codec.ts";

/** Written down when a compaction begins to delete rows. */
export interface CompactionRecord {
  readonly revision: number;
  /** The highest row at or below the revision; above it ids have no gaps. */
  readonly lastId: number;
  /** The rows at and below `lastId` that stay. */
  readonly base: BaseSum;
}

/** A change to the leases: undefined time to live removes. */
export interface LeaseRow {
  readonly id: bigint;
  readonly ttlSeconds: number | undefined;
}

/** What is written in one durable step. */
export interface LogBatch {
  /** Rows by encodeRows. */
  readonly rows: ArrayBuffer;
  readonly leases: readonly LeaseRow[];
  readonly compaction?: CompactionRecord | undefined;
  /** Ids of rows to delete. */
  readonly deletes: Float64Array;
  /** Free pages to give back to the file system. */
  readonly vacuumPages: number;
  /**
   * After the batch: bring everything into the main file, which then gives back its free end ("passive"), and shorten the
   * write-ahead log too ("truncate"). Failing to is no failure of the batch.
   */
  readonly checkpoint?: "passive" | "truncate" | undefined;
  /** The newest revision once this batch is on disk. */
  readonly revision: number;
}

export interface LogSize {
  readonly pageBytes: number;
  readonly pages: number;
  readonly freePages: number;
}

/** Facts about the log that are not rows. */
export interface LogIdentity {
  readonly clusterId: bigint;
  readonly memberId: bigint;
}

export interface LogContents extends LogIdentity {
  readonly compaction: CompactionRecord;
  readonly leases: readonly LeaseRow[];
}

export interface LogFile extends AsyncDisposable {
  /**
   * Resolves once the batch is on disk. Throws "Exhausted" (no space: nothing was written) or "Unavailable" (nothing is
   * known about the batch until `probe` answers).
   */
  write(batch: LogBatch): Promise<LogSize>;
  /** Values of rows; undefined where the row is gone. */
  readValues(ids: readonly number[]): Promise<readonly (Uint8Array | undefined)[]>;
  /** Tries to write, and tells the newest revision that is on disk. Throws like `write`. */
  probe(): Promise<{ readonly revision: number }>;
}

/** Called with rows in ascending order of their ids while a log is read. */
export type RowReceiver = (row: DecodedRow) => void;
