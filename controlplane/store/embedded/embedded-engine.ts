/**
 * The store over a state in memory and a log on disk.
 *
 *   txn ──decide on the newest state──► apply ──► commit pipeline ──disk──► visible to readers, watchers, the caller
 *
 * Transactions are decided on the newest state, durable or not, one after the other; readers and watchers only ever see
 * what is durable. Reads come from memory without a round trip to the disk's thread.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { hasCode } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { nextTurn } from "#pkg/system/turn.ts";
import { decideTxn, resolveRevision, type TxnDecision } from "../decide-txn.ts";
import { compactedError, etcdError } from "../etcd-errors.ts";
import { boundsOf } from "../keys.ts";
import type { LeaseTable } from "../lease-table.ts";
import { readRange } from "../read-range.ts";
import type {
  KeyValue,
  Leases,
  Operation,
  OperationResult,
  RangeRequest,
  RangeResponse,
  Store,
  StoreStatus,
  TxnRequest,
  TxnResponse,
  WatchHandle,
  WatchReceiver,
  WatchRequest,
} from "../store.ts";
import { isReadOnlyTxn, validateRange, validateTxn } from "../validate-request.ts";
import { AutoCompaction, type CompactionPolicy } from "./auto-compaction.ts";
import { type BatchReport, CommitPipeline } from "./commit-pipeline.ts";
import { LeaseKeeper } from "./lease-keeper.ts";
import type { LeaseRow, LogFile, LogIdentity, LogSize } from "./log-file.ts";
import type { Mvcc } from "./mvcc.ts";
import { EvictedPair, type Version } from "./version.ts";
import { WatchHub } from "./watch-hub.ts";

/** Changes forgotten in one slice of a compaction: about a millisecond. */
const compactionSlice = 2000;

/** What `status` reports as the engine's version: the etcd release whose behaviour this engine follows. */
const emulatedVersion = "3.6.0";

export interface CompactionReport {
  readonly revision: number;
  /** Rows that became garbage. */
  readonly rows: number;
  readonly seconds: number;
}

/** Called with what happened, for metrics. */
export interface StoreObserver {
  batch?(report: BatchReport): void;
  compaction?(report: CompactionReport): void;
}

export interface EmbeddedEngineOptions {
  readonly mvcc: Mvcc;
  readonly leaseTable: LeaseTable;
  readonly file: LogFile;
  readonly fileSize: LogSize;
  readonly identity: LogIdentity;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly policy: CompactionPolicy;
  readonly maxRequestBytes?: number | undefined;
  /** Why nothing may be added now. */
  readonly shortage: () => string | undefined;
  readonly observer?: StoreObserver | undefined;
  /** Released after everything else at the end: the lock, the thread. */
  readonly resources: AsyncDisposable;
}

export class EmbeddedEngine implements Store {
  readonly leases: Leases;
  readonly identity: LogIdentity;
  readonly #options: EmbeddedEngineOptions;
  readonly #mvcc: Mvcc;
  readonly #pipeline: CommitPipeline;
  readonly #hub: WatchHub;
  readonly #leaseKeeper: LeaseKeeper;
  readonly #auto: AutoCompaction;
  #compacting: Promise<void> = Promise.resolve();
  #compactionTimer: Timer | undefined;
  #closed = false;

  constructor(options: EmbeddedEngineOptions) {
    const { mvcc, file, clock, log, random, observer } = options;
    this.#options = options;
    this.#mvcc = mvcc;
    this.identity = options.identity;
    this.#hub = new WatchHub({ mvcc, log, restore: (pairs) => this.#restore(pairs) });
    const onCommitted = (versions: readonly Version[], revision: number): void => this.#committed(versions, revision);
    const onBatch = (report: BatchReport): void => observer?.batch?.(report);
    this.#pipeline = new CommitPipeline(
      { file, clock, log, onCommitted, onBatch, onRolledBack: () => mvcc.rollback() },
      mvcc.committedRevision,
    );
    this.#pipeline.housekeeping.written(options.fileSize);
    this.#leaseKeeper = new LeaseKeeper({
      table: options.leaseTable,
      mvcc,
      clock,
      random,
      log,
      write: (makeVersions, leases) => this.#write(makeVersions, leases),
    });
    this.leases = this.#leaseKeeper;
    this.#auto = new AutoCompaction(options.policy);
  }

  /** Takes up what was loaded: leases, and rows that a compaction gave up but did not delete. */
  async start(leases: readonly LeaseRow[], garbage: readonly number[]): Promise<void> {
    const regranted = this.#leaseKeeper.load(leases);
    this.#pipeline.housekeeping.addGarbage(garbage);
    if (regranted.length > 0) await this.#write(() => [], regranted);
    this.#pipeline.flush();
    this.#scheduleCompaction();
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    this.#assertOpen();
    validateRange(request);
    const { committedRevision, compactRevision } = this.#mvcc;
    const revision = resolveRevision(request.revision, committedRevision, compactRevision);
    const answer = { revision: committedRevision, ...readRange(this.#mvcc, request, revision) };
    if (revision === committedRevision || !answer.kvs.some((kv) => kv instanceof EvictedPair)) return answer;
    if (request.sort?.by !== "value") return { ...answer, kvs: await this.#restore(answer.kvs) };
    // Sorting by value needs the values first.
    const { pairs, count } = this.#mvcc.pairs(boundsOf(request), revision, Number.POSITIVE_INFINITY);
    const restored = { pairs: await this.#restore(pairs), count };
    return { revision: answer.revision, ...readRange({ pairs: () => restored }, request, revision) };
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    this.#assertOpen();
    validateTxn(request, this.#options.maxRequestBytes);
    if (isReadOnlyTxn(request)) return await this.#read(request);
    this.#assertWritable(request);
    const decision = decideTxn(this.#mvcc, request);
    if (decision.changes.length === 0) return await this.#afterNewest(request, decision);
    const { revision, succeeded, results } = decision;
    await this.#pipeline.submit({ revision, versions: this.#mvcc.apply(decision.changes), leases: [] });
    return { succeeded, revision, results: await this.#restoreResults(request, results) };
  }

  watch(request: WatchRequest, receiver: WatchReceiver): WatchHandle {
    this.#assertOpen();
    if (request.start.length === 0) throw etcdError("emptyKey");
    return this.#hub.watch(request, receiver);
  }

  compact(revision: number): Promise<void> {
    const run = this.#compacting.then(() => this.#compact(revision));
    this.#compacting = run.catch(() => undefined);
    return run;
  }

  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    const { pages, pageBytes } = this.#pipeline.housekeeping.size;
    const readOnlyReason = this.#pipeline.refusal?.message ?? this.#options.shortage();
    return {
      revision: this.#mvcc.committedRevision,
      compactRevision: this.#mvcc.compactRevision,
      sizeBytes: pages * pageBytes,
      sizeInUseBytes: this.usedBytes,
      version: emulatedVersion,
      readOnlyReason,
    };
  }

  get usedBytes(): number {
    const { pages, pageBytes, freePages } = this.#pipeline.housekeeping.size;
    return (pages - freePages) * pageBytes;
  }

  /** Gives every free page of the file back to the file system. */
  async defragment(): Promise<void> {
    const { housekeeping } = this.#pipeline;
    await this.#write(() => [], []);
    housekeeping.defragment();
    while (housekeeping.hasWork && !this.#closed) await this.#write(() => [], []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#compactionTimer?.cancel();
    this.#leaseKeeper[Symbol.dispose]();
    await this.#compacting;
    await this.#pipeline[Symbol.asyncDispose]();
    this.#hub.closeAll(undefined);
    await this.#options.file[Symbol.asyncDispose]();
    await this.#options.resources[Symbol.asyncDispose]();
  }

  #committed(versions: readonly Version[], revision: number): void {
    this.#mvcc.commit(revision);
    if (versions.length > 0) this.#hub.deliver(versions, revision);
    this.#mvcc.trimHistory();
  }

  /** For writes besides transactions. `makeVersions` changes the state, and runs only when the write is taken. */
  async #write(makeVersions: () => readonly Version[], leases: readonly LeaseRow[]): Promise<void> {
    const { refusal } = this.#pipeline;
    if (refusal !== undefined) throw refusal;
    const versions = makeVersions();
    await this.#pipeline.submit({ revision: this.#mvcc.headRevision, versions, leases });
  }

  /** A transaction that changes nothing still answers from a state that may not be durable yet: it waits for it. */
  async #afterNewest(request: TxnRequest, decision: TxnDecision): Promise<TxnResponse> {
    const { revision, succeeded, results } = decision;
    try {
      await this.#pipeline.settled();
    } catch (error) {
      // What it saw was taken back, so it runs again on what is left.
      if (hasCode(error, "Exhausted") && this.#mvcc.headRevision === this.#mvcc.committedRevision) {
        return await this.txn(request);
      }
      throw error;
    }
    return { succeeded, revision, results: await this.#restoreResults(request, results) };
  }

  /** A read-only transaction on the durable state. */
  async #read(request: TxnRequest): Promise<TxnResponse> {
    const mvcc = this.#mvcc;
    const { compactRevision, committedRevision: headRevision } = mvcc;
    const { succeeded, revision, results } = decideTxn(
      {
        headRevision,
        compactRevision,
        hasLease: (id) => mvcc.hasLease(id),
        pairs: (bounds, at, most) => mvcc.pairs(bounds, at, most),
      },
      request,
    );
    return { succeeded, revision, results: await this.#restoreResults(request, results) };
  }

  async #compact(revision: number): Promise<void> {
    this.#assertOpen();
    const { refusal } = this.#pipeline;
    if (refusal !== undefined) throw refusal;
    const { clock, observer } = this.#options;
    const started = clock.monotonic();
    const slices = this.#mvcc.compact(revision, compactionSlice);
    for (;;) {
      const slice = slices.next();
      if (slice.done) {
        const { base, lastId, garbage } = slice.value;
        this.#pipeline.housekeeping.addCompaction({ revision, lastId, base }, garbage);
        await this.#write(() => [], []);
        const seconds = (clock.monotonic() - started) / 1000;
        observer?.compaction?.({ revision, rows: garbage.length, seconds });
        return;
      }
      await nextTurn();
    }
  }

  #scheduleCompaction(): void {
    if (this.#closed) return;
    const { clock, log } = this.#options;
    const { committedRevision, compactRevision } = this.#mvcc;
    const target = this.#auto.next(clock.monotonic(), committedRevision, compactRevision);
    if (target !== undefined) {
      this.compact(target).catch((error: unknown) => log.warn("automatic compaction failed", { error }));
    }
    this.#compactionTimer = clock.setTimer(this.#auto.intervalMs, () => this.#scheduleCompaction());
  }

  async #restore(pairs: readonly KeyValue[]): Promise<readonly KeyValue[]> {
    const evicted = pairs.filter((kv): kv is EvictedPair => kv instanceof EvictedPair);
    if (evicted.length === 0) return pairs;
    const values = (await this.#options.file.readValues(evicted.map((kv) => kv.id))).values();
    return pairs.map((kv) => {
      if (!(kv instanceof EvictedPair)) return kv;
      const value = values.next().value;
      // The row was deleted while we asked for it, so its revision has been compacted.
      if (value === undefined) throw compactedError(this.#mvcc.compactRevision);
      return kv.withValue(value);
    });
  }

  async #restoreResults(request: TxnRequest, results: readonly OperationResult[]): Promise<readonly OperationResult[]> {
    if (!hasHistoricRead(request)) return results;
    const restoreOne = async (result: OperationResult): Promise<OperationResult> => {
      if (result.kind === "range") return { ...result, kvs: await this.#restore(result.kvs) };
      if (result.kind === "txn") return { ...result, results: await Promise.all(result.results.map(restoreOne)) };
      return result;
    };
    return await Promise.all(results.map(restoreOne));
  }

  #assertOpen(): void {
    if (this.#closed) throw etcdError("stopped");
  }

  #assertWritable(request: TxnRequest): void {
    const { refusal } = this.#pipeline;
    if (refusal !== undefined) throw refusal;
    const shortage = this.#options.shortage();
    if (shortage !== undefined && hasPut(request)) throw etcdError("noSpace", shortage);
  }
}

function hasPut(request: TxnRequest): boolean {
  const adds = (operation: Operation): boolean =>
    operation.kind === "put" || (operation.kind === "txn" && hasPut(operation));
  return request.success.some(adds) || request.failure.some(adds);
}

function hasHistoricRead(request: TxnRequest): boolean {
  const reads = (operation: Operation): boolean =>
    (operation.kind === "range" && (operation.revision ?? 0) > 0) ||
    (operation.kind === "txn" && hasHistoricRead(operation));
  return request.success.some(reads) || request.failure.some(reads);
}
