/**
 * The log in one SQLite file. Synchronous: it runs in a worker thread (sqlite-worker.ts), where waiting for the disk
 * stalls nobody else.
 *
 *  - WAL with synchronous=FULL: a committed transaction survives a power cut.
 *  - The lock on the file is exclusive, so no shared-memory file is needed.
 *  - Each row carries a checksum over its encoded form (row-codec.ts).
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { BerthError } from "#pkg/system/errors.ts";
import { PreallocatedFile } from "#pkg/system/preallocated-file.ts";
import type { CompactionRecord, LeaseRow, LogBatch, LogContents, LogIdentity, LogSize } from "./log-file.ts";
import { decodeRows, encodeRow, type LogRow, rowHeaderBytes } from "./row-codec.ts";

/** "Brth": tells our files from other people's. */
export const applicationId = 0x42727468;
export const formatVersion = 1;

const schema = `
  CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE lease (id TEXT PRIMARY KEY, ttl INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (
    id INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    created INTEGER NOT NULL,
    version INTEGER NOT NULL,
    lease INTEGER NOT NULL,
    deleted INTEGER NOT NULL,
    last INTEGER NOT NULL,
    key BLOB NOT NULL,
    value BLOB NOT NULL,
    checksum INTEGER NOT NULL
  );
`;

/** Pages of the write-ahead log after which they are moved into the file: 16 MiB. */
const checkpointPages = 4096;

/** Zeros written ahead in the write-ahead log, up to where it is used again from its start. */
const preallocation = { stepBytes: 2 * 1024 * 1024, mostBytes: checkpointPages * 4096 + 4 * 1024 * 1024 };

/** The size is told with each write, and looked up with every so many of them: that costs as much as an insert. */
const sizeEveryWrites = 32;

/** What a commit adds to the write-ahead log at most, besides twice its rows: a few pages of the tree. */
const commitBytes = 8 * 4096;

type LogColumns = [
  id: number,
  revision: number,
  created: number,
  version: number,
  lease: string | null,
  deleted: number,
  last: number,
  key: Uint8Array,
  value: Uint8Array,
  checksum: number,
];

export class SqliteLog implements Disposable {
  readonly #db: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #insert: StatementSync;
  readonly #delete: StatementSync;
  readonly #value: StatementSync;
  readonly #walFile: string;
  readonly #pageCount: StatementSync;
  readonly #freeCount: StatementSync;
  #size: LogSize;
  #writes = 0;
  #ahead: PreallocatedFile | undefined;
  #inTransaction = false;

  /** Opens an existing log for writing. */
  constructor(file: string) {
    this.#db = new DatabaseSync(file);
    configure(this.#db);
    this.#begin = this.#db.prepare("BEGIN IMMEDIATE");
    this.#commit = this.#db.prepare("COMMIT");
    this.#insert = this.#db.prepare("INSERT INTO log VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#delete = this.#db.prepare("DELETE FROM log WHERE id = ?");
    this.#value = this.#db.prepare("SELECT value FROM log WHERE id = ?");
    this.#pageCount = this.#db.prepare("SELECT page_count AS pages FROM pragma_page_count()");
    this.#freeCount = this.#db.prepare("SELECT freelist_count AS free FROM pragma_freelist_count()");
    this.#walFile = `${file}-wal`;
    this.#size = this.#readSize();
  }

  /** Makes a new, empty log. */
  static create(file: string, identity: LogIdentity): SqliteLog {
    const db = new DatabaseSync(file);
    db.exec("PRAGMA page_size = 4096; PRAGMA auto_vacuum = INCREMENTAL");
    configure(db);
    db.exec(
      `BEGIN; PRAGMA application_id = ${applicationId}; PRAGMA user_version = ${formatVersion}; ${schema} COMMIT`,
    );
    const put = db.prepare("INSERT INTO meta VALUES (?, ?)");
    put.run("clusterId", identity.clusterId.toString());
    put.run("memberId", identity.memberId.toString());
    db.close();
    return new SqliteLog(file);
  }

  write(batch: LogBatch): LogSize {
    this.#transaction(() => {
      for (const row of decodeRows(batch.rows)) this.#insertRow(row, row.bytes);
      for (const lease of batch.leases) this.#writeLease(lease);
      if (batch.compaction !== undefined) this.#writeMeta("compaction", JSON.stringify(batch.compaction));
      for (const id of batch.deletes) this.#delete.run(id);
      if (batch.vacuumPages > 0) this.#db.exec(`PRAGMA incremental_vacuum(${batch.vacuumPages})`);
    });
    if (batch.checkpoint !== undefined) this.#checkpoint(batch.checkpoint);
    // SQLite makes the write-ahead log with the first write.
    this.#ahead ??= PreallocatedFile.open(this.#walFile, preallocation);
    this.#ahead?.advance(batch.rows.byteLength * 2 + commitBytes);
    const isHousekeeping = batch.deletes.length > 0 || batch.vacuumPages > 0 || batch.checkpoint !== undefined;
    if (isHousekeeping || this.#writes++ % sizeEveryWrites === 0) this.#size = this.#readSize();
    return this.#size;
  }

  #insertRow({ id, kv, deleted, last }: LogRow, bytes: Uint8Array): void {
    this.#insert.run(
      id,
      kv.modRevision,
      kv.createRevision,
      kv.version,
      kv.lease,
      deleted ? 1 : 0,
      last ? 1 : 0,
      kv.key,
      kv.value,
      crc32(bytes),
    );
  }

  #writeLease({ id, ttlSeconds }: LeaseRow): void {
    if (ttlSeconds === undefined) this.#db.prepare("DELETE FROM lease WHERE id = ?").run(id.toString());
    else this.#db.prepare("INSERT OR REPLACE INTO lease VALUES (?, ?)").run(id.toString(), ttlSeconds);
  }

  #writeMeta(key: string, value: string): void {
    this.#db.prepare("INSERT OR REPLACE INTO meta VALUES (?, ?)").run(key, value);
  }

  #checkpoint(mode: "passive" | "truncate"): void {
    try {
      this.#db.exec(`PRAGMA wal_checkpoint(${mode})`);
    } catch {
      // The batch is on disk, and the next checkpoint does what this one could not.
    }
    if (mode !== "truncate") return;
    this.#ahead?.[Symbol.dispose]();
    this.#ahead = undefined;
  }

  readValues(ids: Float64Array): (Uint8Array | undefined)[] {
    const values: (Uint8Array | undefined)[] = [];
    for (const id of ids) values.push((this.#value.get(id) as { value: Uint8Array } | undefined)?.value);
    return values;
  }

  /** Writes a little, for real, and returns the newest revision. */
  probe(): number {
    this.#transaction(() => this.#writeMeta("probe", "written to find out whether the disk takes writes"));
    const row = this.#db.prepare("SELECT max(id) AS id, revision FROM log").get() as { revision: number | null };
    return row.revision ?? 0;
  }

  get size(): LogSize {
    return this.#size;
  }

  #readSize(): LogSize {
    const [pages, freePages] = [this.#pageCount.get(), this.#freeCount.get()] as { pages: number; free: number }[];
    return { pageBytes: 4096, pages: pages?.pages ?? 0, freePages: freePages?.free ?? 0 };
  }

  [Symbol.dispose](): void {
    this.#ahead?.[Symbol.dispose]();
    this.#db.close();
  }

  #transaction(work: () => void): void {
    // A failed rollback leaves the transaction open; it is tried again before anything else.
    if (this.#inTransaction) this.#rollback();
    this.#begin.run();
    this.#inTransaction = true;
    try {
      work();
      this.#commit.run();
      this.#inTransaction = false;
    } catch (error) {
      this.#rollback();
      throw error;
    }
  }

  #rollback(): void {
    // After some errors SQLite has rolled back by itself and says that no transaction is active.
    if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
    this.#inTransaction = false;
  }
}

function configure(db: DatabaseSync): void {
  db.exec(`
    PRAGMA locking_mode = EXCLUSIVE;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = ${checkpointPages};
    PRAGMA journal_size_limit = ${checkpointPages * 4096 * 2};
    PRAGMA cache_size = -16384;
    PRAGMA cell_size_check = ON;
    PRAGMA trusted_schema = OFF;
  `);
}

/** Bytes of encoded rows that are sent at once while a log is read. */
const chunkBytes = 256 * 1024;

export interface LogScanReceiver {
  contents(contents: LogContents): void;
  rows(chunk: ArrayBuffer): void;
}

/**
 * Reads a log without changing a byte of it. Returns why reading ended before the end of the log (an unreadable page, a
 * row with a wrong checksum), undefined when it did not. Throws "Corrupt" when not even the facts about the log can be
 * read, or when the file is somebody else's, and "Unsupported" when a newer version wrote it.
 */
export function scanLog(
  file: URL,
  options: { readonly ignoreWal: boolean },
  receiver: LogScanReceiver,
): string | undefined {
  const url = new URL(file);
  if (options.ignoreWal) url.search = "?immutable=1";
  const db = new DatabaseSync(url, { readOnly: true, defensive: false });
  try {
    // Without this SQLite refuses a file that is shorter than its header says; we want what is left of it.
    db.exec("PRAGMA writable_schema = ON; PRAGMA cell_size_check = ON");
    assertOurs(db, file.pathname);
    receiver.contents(readContents(db));
    return readRows(db, (chunk) => receiver.rows(chunk));
  } finally {
    db.close();
  }
}

function assertOurs(db: DatabaseSync, file: string): void {
  if (readPragma(db, "application_id") !== applicationId) {
    throw new BerthError("Corrupt", `${file} is not a store of this program`);
  }
  const version = readPragma(db, "user_version");
  if (version > formatVersion) {
    throw new BerthError(
      "Unsupported",
      `${file} has format ${version}; this program knows formats up to ${formatVersion}`,
    );
  }
}

function readPragma(db: DatabaseSync, name: string): number {
  const row = db.prepare(`PRAGMA ${name}`).get() as Record<string, number>;
  return row[name] ?? 0;
}

function readContents(db: DatabaseSync): LogContents {
  const rows = db.prepare("SELECT key, value FROM meta").all() as { key: string; value: string }[];
  const meta = new Map(rows.map(({ key, value }) => [key, value]));
  const none: CompactionRecord = { revision: 0, lastId: 0, base: { count: 0, idSum: 0 } };
  const compaction = meta.get("compaction");
  const leases = db.prepare("SELECT id, ttl FROM lease").all() as { id: string; ttl: number }[];
  return {
    clusterId: BigInt(meta.get("clusterId") ?? 0),
    memberId: BigInt(meta.get("memberId") ?? 0),
    compaction: compaction === undefined ? none : (JSON.parse(compaction) as CompactionRecord),
    leases: leases.map(({ id, ttl }) => ({ id: BigInt(id), ttlSeconds: ttl })),
  };
}

function readRows(db: DatabaseSync, receive: (chunk: ArrayBuffer) => void): string | undefined {
  const chunk = new RowChunk(receive);
  const statement = db.prepare(
    `SELECT id, revision, created, version, CASE lease WHEN 0 THEN NULL ELSE CAST(lease AS TEXT) END, deleted, last,
            key, value, checksum FROM log ORDER BY id`,
  );
  statement.setReturnArrays(true);
  let damage: string | undefined;
  try {
    for (const columns of statement.iterate() as unknown as Iterable<LogColumns>) {
      if (chunk.add(columns)) continue;
      damage = `the checksum of row ${columns[0]} is wrong`;
      break;
    }
  } catch (error) {
    damage = error instanceof Error ? error.message : String(error);
  }
  chunk.flush();
  return damage;
}

class RowChunk {
  readonly #receive: (chunk: ArrayBuffer) => void;
  #buffer = new ArrayBuffer(chunkBytes);
  #used = 0;

  constructor(receive: (chunk: ArrayBuffer) => void) {
    this.#receive = receive;
  }

  /** False when the row is not what was written. */
  add([id, modRevision, createRevision, version, lease, deleted, last, key, value, checksum]: LogColumns): boolean {
    const kv = { key, value, createRevision, modRevision, version, lease: lease === null ? 0n : BigInt(lease) };
    const size = rowHeaderBytes + key.length + value.length;
    if (this.#used + size > this.#buffer.byteLength) {
      this.flush();
      if (size > this.#buffer.byteLength) this.#buffer = new ArrayBuffer(size);
    }
    const bytes = new Uint8Array(this.#buffer);
    const start = this.#used;
    const end = encodeRow(
      { id, kv, deleted: deleted === 1, last: last === 1 },
      new DataView(this.#buffer),
      bytes,
      start,
    );
    if (crc32(bytes.subarray(start, end)) !== checksum) return false;
    this.#used = end;
    return true;
  }

  flush(): void {
    if (this.#used > 0) {
      this.#receive(this.#used === this.#buffer.byteLength ? this.#buffer : this.#buffer.slice(0, this.#used));
    }
    this.#buffer = new ArrayBuffer(chunkBytes);
    this.#used = 0;
  }
}
