/**
 * From files to state, also when the files are damaged, foreign or gone. Never throws for what it finds in them, with
 * one exception: a store written by a newer version is left alone.
 *
 * A write-ahead log that was cut short can hide newer pages which a checkpoint had already moved into the file, so a
 * damaged store is also read without its write-ahead log. If neither reading is whole, the better prefix goes to a new
 * file, at a revision above every one ever given out and with all history compacted: clients list anew instead of
 * trusting what they remember. The old files are set aside, never deleted.
 */
import type { Clock } from "#pkg/system/clock.ts";
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import { type Files, moveFile, setAside } from "#pkg/system/files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { leaseIdFrom } from "../lease-table.ts";
import { addToBase, type BaseSum, emptyBase } from "./base-sum.ts";
import type { CompactionRecord, LeaseRow, LogIdentity } from "./log-file.ts";
import { LogReader } from "./log-reader.ts";
import type { LogWorker } from "./log-worker.ts";
import type { MvccOptions } from "./mvcc.ts";
import type { RevisionMark } from "./revision-mark.ts";
import { decodeRows, encodeRows, type LogRow, rowBytes } from "./row-codec.ts";

export interface LogPaths {
  readonly database: string;
  readonly mark: string;
}

export interface RecoverOptions extends Pick<MvccOptions, "historyBytes" | "hasLease"> {
  readonly worker: LogWorker;
  readonly paths: LogPaths;
  readonly files: Files;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

/** Added to the newest known revision when not even the mark is left to tell which ones were given out. */
const blindJump = 10_000_000;

/** Bytes of rows written at a time into a new file. */
const rewriteBytes = 4 * 1024 * 1024;

/** Reads the log at `paths`, mending or making it as needed. Afterwards the file on disk is whole; it is not open yet. */
export async function recoverLog(options: RecoverOptions): Promise<LogReader> {
  const { worker, paths, files } = options;
  await finishInterruptedMove(options);
  const mark = await worker.request("readMark", { mark: paths.mark });
  if (!(await files.exists(paths.database))) return await startEmpty(options, mark);
  const whole = await readLog(options, { ignoreWal: false });
  if (isWhole(whole, mark)) return whole;
  return await mend(options, mark, whole);
}

function isWhole(reader: LogReader | string, mark: RevisionMark | undefined): reader is LogReader {
  return typeof reader !== "string" && reader.problem === undefined && reader.revision >= (mark?.committed ?? 0);
}

/** A new file takes its place only when it is complete, so one without an old file beside it is the store. */
async function finishInterruptedMove({ files, paths }: RecoverOptions): Promise<void> {
  const fresh = newFile(paths);
  if (!(await files.exists(fresh))) return;
  if (await files.exists(paths.database)) await removeDatabase(files, fresh);
  else await moveFile(fresh, paths.database);
}

const newFile = (paths: LogPaths): string => `${paths.database}.new`;

async function removeDatabase(files: Files, file: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm"]) await files.remove(file + suffix);
}

async function startEmpty(options: RecoverOptions, mark: RevisionMark | undefined): Promise<LogReader> {
  const { paths, files, clock, log } = options;
  const wal = `${paths.database}-wal`;
  if (await files.exists(wal)) await setAside(wal, clock.now());
  if (mark !== undefined) {
    log.error("the store's database is gone; starting empty, past every revision it gave out", {
      database: paths.database,
      revision: mark.reserved + 1,
    });
  }
  const identity = newIdentity(options.random);
  await writeNewFile(options, identity, [], [], mark === undefined ? 0 : mark.reserved + 1);
  return await readOwnFile(options);
}

export function newIdentity(random: Random): LogIdentity {
  return { clusterId: leaseIdFrom(random.bytes(8)), memberId: leaseIdFrom(random.bytes(8)) };
}

/** The state, or why nothing at all could be read. */
async function readLog(options: RecoverOptions, how: { readonly ignoreWal: boolean }): Promise<LogReader | string> {
  const { worker, paths, files } = options;
  let reader: LogReader | undefined;
  try {
    const damage = await worker.request(
      "scan",
      { file: paths.database, ignoreWal: how.ignoreWal },
      {
        part: (part) => {
          if ("contents" in part) reader = new LogReader(part.contents, options);
          else for (const row of decodeRows(part.rows)) reader?.receive(row);
        },
      },
    );
    await files.remove(`${paths.database}-shm`);
    reader?.finish(damage);
    return reader ?? "nothing was read";
  } catch (error) {
    if (hasCode(error, "Unsupported") || hasCode(error, "Unavailable")) throw error;
    return messageOf(error);
  }
}

async function mend(
  options: RecoverOptions,
  mark: RevisionMark | undefined,
  withWal: LogReader | string,
): Promise<LogReader> {
  const { paths, files, clock, log } = options;
  const wal = `${paths.database}-wal`;
  const hasWal = await files.exists(wal);
  const withoutWal = hasWal ? await readLog(options, { ignoreWal: true }) : "there is no write-ahead log";
  const problem = problemOf(withWal, mark);
  if (isWhole(withoutWal, mark)) {
    const aside = await setAside(wal, clock.now());
    log.warn("the store's write-ahead log was damaged; everything in it is in the database already", {
      problem,
      setAside: aside,
      revision: withoutWal.revision,
    });
    return withoutWal;
  }
  const best = betterOf(withWal, withoutWal);
  const known = Math.max(mark?.reserved ?? 0, best?.revision ?? 0);
  const isOurs = typeof withWal !== "string" || typeof withoutWal !== "string";
  const revision = known + (mark === undefined && isOurs ? blindJump : known > 0 ? 1 : 0);
  await writeNewFile(
    options,
    best?.contents ?? newIdentity(options.random),
    best === undefined ? [] : liveRows(best),
    best?.contents.leases ?? [],
    revision,
  );
  const asides = [await setAside(paths.database, clock.now())];
  if (hasWal) asides.push(await setAside(wal, clock.now()));
  await moveFile(newFile(paths), paths.database);
  log.error("the store was damaged; it goes on with the newest state that could be proved whole", {
    problem,
    keptRevision: best?.revision ?? 0,
    keptKeys: best?.mvcc.keyCount ?? 0,
    nextRevision: revision + 1,
    setAside: asides,
  });
  return await readOwnFile(options);
}

function problemOf(reader: LogReader | string, mark: RevisionMark | undefined): string {
  if (typeof reader === "string") return reader;
  return reader.problem ?? `it ends at revision ${reader.revision}, but ${mark?.committed ?? 0} was committed`;
}

function betterOf(left: LogReader | string, right: LogReader | string): LogReader | undefined {
  const usable = [left, right].filter((each): each is LogReader => typeof each !== "string" && each.hasBase);
  return usable.sort((one, other) => other.revision - one.revision)[0];
}

function liveRows(reader: LogReader): readonly LogRow[] {
  const everything = { start: "", end: undefined, single: false };
  const { pairs } = reader.mvcc.pairs(everything, reader.revision, Number.POSITIVE_INFINITY);
  return pairs.map((kv, index) => ({ id: index + 1, kv, deleted: false, last: true }));
}

/**
 * Writes a complete log beside the old one; without an old one it takes its place at once. Everything in it is compacted
 * at `revision`; rows count from 1.
 */
export async function writeNewFile(
  options: Pick<RecoverOptions, "worker" | "paths" | "files">,
  identity: LogIdentity,
  rows: readonly LogRow[],
  leases: readonly LeaseRow[],
  revision: number,
): Promise<void> {
  const { worker, paths, files } = options;
  const file = newFile(paths);
  await removeDatabase(files, file);
  const { clusterId, memberId } = identity;
  await worker.request("create", { file, identity: { clusterId, memberId } });
  await worker.request("open", { file, mark: paths.mark });
  let base: BaseSum = emptyBase;
  for (const row of rows) base = addToBase(base, row.id);
  for (const part of inParts(rows)) await writePart(worker, part, revision, {});
  const compaction = { revision, lastId: rows.length, base };
  await writePart(worker, [], revision, revision === 0 ? { leases } : { leases, compaction });
  await worker.request("close", {});
  if (!(await files.exists(paths.database))) await moveFile(file, paths.database);
}

async function writePart(
  worker: LogWorker,
  rows: readonly LogRow[],
  revision: number,
  extra: { readonly leases?: readonly LeaseRow[]; readonly compaction?: CompactionRecord },
): Promise<void> {
  const batch = {
    rows: encodeRows(rows),
    leases: [],
    deletes: new Float64Array(0),
    vacuumPages: 0,
    revision,
    ...extra,
  };
  await worker.request("write", { batch });
}

function* inParts(rows: readonly LogRow[]): Generator<readonly LogRow[]> {
  let part: LogRow[] = [];
  let bytes = 0;
  for (const row of rows) {
    part.push(row);
    bytes += rowBytes(row);
    if (bytes < rewriteBytes) continue;
    yield part;
    part = [];
    bytes = 0;
  }
  if (part.length > 0) yield part;
}

/** Reads a file this run wrote: what is wrong with it now cannot be mended. */
async function readOwnFile(options: RecoverOptions): Promise<LogReader> {
  const reader = await readLog(options, { ignoreWal: false });
  if (typeof reader === "string") throw new Error(`the new store cannot be read: ${reader}`);
  return reader;
}
