/**
 * Makes writes durable in groups: while one batch is being written the next one gathers. A write resolves when its batch
 * is on disk and its watchers were told.
 *
 *   open ──batch fails: no space──► refusing ──probe works──► open
 *   open ──batch fails: unknown───► doubtful ──probe says what is on disk──► open
 *
 * In `refusing` and `doubtful` writes fail at once with a clear error, reads go on, and a probe is tried every second.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { etcdError } from "../etcd-errors.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { LeaseRow, LogFile } from "./log-file.ts";
import { encodeRows, type LogRow } from "./row-codec.ts";
import type { Version } from "./version.ts";

/** Time between two tries to write while writes are refused. */
const probeMs = 1000;

/** Bytes of keys and values after which a batch takes no more writes: bounds memory and how long the first one waits. */
const batchBytes = 8 * 1024 * 1024;

export interface Write {
  /** The store's newest revision with this write. */
  readonly revision: number;
  readonly versions: readonly Version[];
  readonly leases: readonly LeaseRow[];
}

interface PendingWrite extends Write {
  resolve(): void;
  reject(error: BerthError): void;
}

export interface BatchReport {
  readonly writes: number;
  readonly rows: number;
  readonly bytes: number;
  readonly seconds: number;
}

export interface CommitPipelineOptions {
  readonly file: LogFile;
  readonly clock: Clock;
  readonly log: Logger;
  /** A batch is on disk: called before its writes resolve. */
  readonly onCommitted: (versions: readonly Version[], revision: number) => void;
  /** Nothing that was not committed will be: called before the writes are rejected. */
  readonly onRolledBack: () => void;
  readonly onBatch?: ((report: BatchReport) => void) | undefined;
}

export class CommitPipeline implements AsyncDisposable {
  readonly housekeeping = new Housekeeping();
  readonly #options: CommitPipelineOptions;
  #gathering: PendingWrite[] = [];
  #writing: Promise<void> | undefined;
  #flushQueued = false;
  #refusal: BerthError | undefined;
  /** Writes of a batch of which it is not known whether it is on disk. */
  #doubtful: readonly PendingWrite[] = [];
  #probeTimer: Timer | undefined;
  #closed = false;
  /** The newest revision on disk, and the newest submitted. */
  #revision: number;
  #newest: number;

  constructor(options: CommitPipelineOptions, revision: number) {
    this.#options = options;
    this.#revision = revision;
    this.#newest = revision;
  }

  /** Why writes are refused now; undefined while they are not. */
  get refusal(): BerthError | undefined {
    return this.#refusal;
  }

  get isIdle(): boolean {
    return this.#writing === undefined && this.#gathering.length === 0;
  }

  /** Resolves when the write is durable and visible. Throws "Exhausted" or "Unavailable". */
  submit(write: Write): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#refusal !== undefined) {
        reject(this.#refusal);
        return;
      }
      this.#newest = write.revision;
      this.#gathering.push({ ...write, resolve, reject });
      this.flush();
    });
  }

  /** Resolves when everything submitted so far is durable; throws like `submit` when it will not be. */
  async settled(): Promise<void> {
    if (this.isIdle) return;
    await this.submit({ revision: this.#newest, versions: [], leases: [] });
  }

  /** Writes what has gathered, or the housekeeping that is due, as soon as the disk is free. */
  flush(): void {
    if (this.#writing !== undefined || this.#flushQueued || this.#refusal !== undefined) return;
    this.#flushQueued = true;
    // A microtask later, so that writes made in one go share a batch.
    queueMicrotask(() => {
      this.#flushQueued = false;
      if (this.#writing !== undefined || this.#refusal !== undefined) return;
      if (this.#gathering.length === 0 && (!this.housekeeping.hasWork || this.#closed)) return;
      this.#writing = this.#writeGroup(this.#takeGroup());
    });
  }

  /** What gathered, up to what one batch should hold. */
  #takeGroup(): readonly PendingWrite[] {
    let bytes = 0;
    const end = this.#gathering.findIndex(({ versions }) => {
      const isFull = bytes >= batchBytes;
      for (const { kv } of versions) bytes += kv.key.length + kv.value.length;
      return isFull;
    });
    return this.#gathering.splice(0, end === -1 ? this.#gathering.length : end);
  }

  /** Waits for what was submitted; what comes later is refused. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    while (this.#writing !== undefined || this.#flushQueued) await (this.#writing ?? Promise.resolve());
    this.#probeTimer?.cancel();
    this.#refusal ??= etcdError("stopped");
    this.#failGroup(this.#doubtful, this.#refusal);
  }

  async #writeGroup(group: readonly PendingWrite[]): Promise<void> {
    const { file, clock } = this.#options;
    const revision = group.at(-1)?.revision ?? this.#revision;
    const rows = group.flatMap((write) => rowsOf(write.versions));
    const share = this.housekeeping.take(rows.length);
    const encoded = encodeRows(rows);
    const bytes = encoded.byteLength;
    const started = clock.monotonic();
    try {
      const leases = group.flatMap((write) => write.leases);
      this.housekeeping.written(await file.write({ ...share, rows: encoded, leases, revision }));
    } catch (error) {
      this.housekeeping.notWritten(share);
      this.#writing = undefined;
      this.#failed(group, BerthError.from(error, "Unavailable"));
      return;
    }
    this.#writing = undefined;
    const seconds = (clock.monotonic() - started) / 1000;
    if (group.length > 0) this.#options.onBatch?.({ writes: group.length, rows: rows.length, bytes, seconds });
    this.#commitGroup(group, revision);
    this.flush();
  }

  #commitGroup(group: readonly PendingWrite[], revision: number): void {
    this.#revision = revision;
    this.#options.onCommitted(
      group.flatMap((write) => write.versions),
      revision,
    );
    for (const write of group) write.resolve();
  }

  #failed(group: readonly PendingWrite[], cause: BerthError): void {
    const gathered = this.#gathering;
    this.#gathering = [];
    if (cause.code === "Exhausted") {
      this.#refusal = etcdError("noSpace", cause.message);
      this.#newest = this.#revision;
      this.#options.onRolledBack();
      this.#failGroup([...group, ...gathered], this.#refusal);
    } else {
      this.#refusal = new BerthError("Unavailable", `the store cannot write: ${cause.message}`, { cause });
      this.#doubtful = group;
      // Readers of the uncommitted part wait for the probe; whoever is waiting for an answer is told now.
      this.#failGroup([...group, ...gathered], this.#refusal);
    }
    this.#options.log.error("the store refuses writes until its disk takes them again", { error: cause });
    this.#scheduleProbe();
  }

  #failGroup(group: readonly PendingWrite[], error: BerthError): void {
    for (const write of group) write.reject(error);
  }

  #scheduleProbe(): void {
    if (this.#closed) return;
    this.#probeTimer = this.#options.clock.setTimer(probeMs, () => void this.#probe());
  }

  async #probe(): Promise<void> {
    try {
      const { revision } = await this.#options.file.probe();
      this.#settleDoubt(revision);
      this.#refusal = undefined;
      this.#options.log.info("the store takes writes again", { revision: this.#revision });
      this.flush();
    } catch {
      this.#scheduleProbe();
    }
  }

  /** A batch is one transaction of the file: it is there as a whole or not at all. */
  #settleDoubt(revisionOnDisk: number): void {
    const group = this.#doubtful;
    this.#doubtful = [];
    const revision = group.at(-1)?.revision ?? this.#revision;
    if (group.length > 0 && revision > this.#revision && revisionOnDisk >= revision) this.#commitGroup(group, revision);
    this.#newest = this.#revision;
    this.#options.onRolledBack();
  }
}

function rowsOf(versions: readonly Version[]): readonly LogRow[] {
  return versions.map(({ id, kv, deleted }, index) => ({ id, kv, deleted, last: index === versions.length - 1 }));
}
