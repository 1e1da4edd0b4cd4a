/**
 * Opens the store that lives in one process and one folder. See README.md for files, durability, compaction and limits.
 */
import path from "node:path";
import { type Clock, systemClock } from "#pkg/system/clock.ts";
import { type DiskSpace, readDiskSpace } from "#pkg/system/disk-space.ts";
import { BerthError, hasCode } from "#pkg/system/errors.ts";
import { lockFile } from "#pkg/system/file-lock.ts";
import { type Files, systemFiles } from "#pkg/system/files.ts";
import { type Logger, silentLogger } from "#pkg/system/log.ts";
import { type Random, systemRandom } from "#pkg/system/random.ts";
import { type CompactionPolicy, defaultCompactionPolicy } from "./embedded/auto-compaction.ts";
import { EmbeddedEngine, type StoreObserver } from "./embedded/embedded-engine.ts";
import { LogWorker } from "./embedded/log-worker.ts";
import { type LogPaths, newIdentity, recoverLog, writeNewFile } from "./embedded/recover-log.ts";
import { defaultSpaceLimits, SpaceGuard, type SpaceLimits } from "./embedded/space-guard.ts";
import { WorkerLogFile } from "./embedded/worker-log-file.ts";
import { readSnapshot } from "./etcd/read-snapshot.ts";
import { LeaseTable } from "./lease-table.ts";

export interface EmbeddedStoreOptions {
  /** Made when missing, for its owner alone. One store at a time. */
  readonly dataDir: string;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
  readonly files?: Files | undefined;
  readonly log?: Logger | undefined;
  readonly compaction?: Partial<CompactionPolicy> | undefined;
  readonly space?: Partial<SpaceLimits> | undefined;
  /** Bytes of replaced values to keep in memory. Default 32 MiB. */
  readonly historyBytes?: number | undefined;
  /** Default 1.5 MiB, etcd's. */
  readonly maxRequestBytes?: number | undefined;
  readonly observer?: StoreObserver | undefined;
}

export type { BatchReport } from "./embedded/commit-pipeline.ts";
export type { CompactionReport, StoreObserver } from "./embedded/embedded-engine.ts";
export { EmbeddedEngine };

/**
 * Throws "Unavailable" when another process has the folder open, "Unsupported" when a newer version wrote it, and the
 * file system's own codes when it cannot be used. Damaged files are mended or set aside, with a line in the log.
 */
export async function openEmbeddedStore(options: EmbeddedStoreOptions): Promise<EmbeddedEngine> {
  const { dataDir, files = systemFiles } = options;
  const resources = new AsyncDisposableStack();
  try {
    await files.makeFolder(dataDir, 0o700);
    resources.use(await lockFolder(dataDir));
    return await openLocked(options, resources);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function openLocked(options: EmbeddedStoreOptions, resources: AsyncDisposableStack): Promise<EmbeddedEngine> {
  const { dataDir, clock = systemClock, random = systemRandom, files = systemFiles, log = silentLogger } = options;
  const paths = pathsIn(dataDir);
  const worker = resources.use(new LogWorker());
  const leaseTable = new LeaseTable();
  const hasLease = (id: bigint): boolean => leaseTable.has(id);
  const { historyBytes } = options;
  const reader = await recoverLog({ worker, paths, files, clock, random, log, historyBytes, hasLease });
  const { file, size } = await WorkerLogFile.open(worker, paths);
  const usedBytes = (): number => engine.usedBytes;
  const readSpace = (): Promise<DiskSpace> => readDiskSpace(dataDir);
  const limits = { ...defaultSpaceLimits, ...options.space };
  const guard = resources.use(new SpaceGuard({ limits, readSpace, usedBytes, clock, log }));
  const engine = new EmbeddedEngine({
    mvcc: reader.mvcc,
    leaseTable,
    file,
    fileSize: size,
    identity: reader.contents,
    clock,
    random,
    log,
    policy: { ...defaultCompactionPolicy, ...options.compaction },
    maxRequestBytes: options.maxRequestBytes,
    shortage: () => guard.shortage,
    observer: {
      batch: (report) => {
        guard.noteWritten(report.bytes);
        options.observer?.batch?.(report);
      },
      compaction: (report) => options.observer?.compaction?.(report),
    },
    resources,
  });
  await guard.start();
  await engine.start(reader.contents.leases, reader.garbage);
  return engine;
}

export interface RestoreOptions extends Pick<EmbeddedStoreOptions, "dataDir" | "files" | "random"> {
  /** The bytes of a snapshot file, of etcd or of a Berth server. */
  readonly snapshot: Uint8Array;
}

/**
 * Makes the data folder of a store from a snapshot, at the snapshot's revision. Throws "AlreadyExists" when there is a
 * store in the folder, "Corrupt" when the snapshot is damaged, "Unavailable" when a store is open there.
 */
export async function restoreSnapshot(options: RestoreOptions): Promise<{ readonly revision: number }> {
  const { dataDir, files = systemFiles, random = systemRandom } = options;
  const { revision, pairs, leases } = readSnapshot(options.snapshot);
  const paths = pathsIn(dataDir);
  await files.makeFolder(dataDir, 0o700);
  await using _lock = await lockFolder(dataDir);
  if (await files.exists(paths.database)) {
    throw new BerthError("AlreadyExists", `there is a store in ${dataDir} already; restore into an empty folder`);
  }
  await using worker = new LogWorker();
  const rows = pairs.map((kv, index) => ({ id: index + 1, kv, deleted: false, last: true }));
  await writeNewFile({ worker, paths, files }, newIdentity(random), rows, leases, revision);
  return { revision };
}

function pathsIn(dataDir: string): LogPaths {
  return { database: path.join(dataDir, "store.db"), mark: path.join(dataDir, "revisions") };
}

async function lockFolder(dataDir: string): Promise<AsyncDisposable> {
  try {
    return await lockFile(path.join(dataDir, "lock"));
  } catch (error) {
    if (!hasCode(error, "Unavailable")) throw error;
    throw new BerthError("Unavailable", `the store in ${dataDir} is open already: ${error.message}`, { cause: error });
  }
}
