/** The LogFile that writes SQLite in a worker thread, and opens the file again when that thread died. */
import type { LogBatch, LogFile, LogSize } from "./log-file.ts";
import type { LogWorker } from "./log-worker.ts";
import type { LogPaths } from "./recover-log.ts";

export class WorkerLogFile implements LogFile {
  readonly #worker: LogWorker;
  readonly #paths: LogPaths;

  private constructor(worker: LogWorker, paths: LogPaths) {
    this.#worker = worker;
    this.#paths = paths;
  }

  /** Opens for writing a log that `recoverLog` found or made whole. */
  static async open(worker: LogWorker, paths: LogPaths): Promise<{ file: WorkerLogFile; size: LogSize }> {
    const file = new WorkerLogFile(worker, paths);
    return { file, size: await file.#open() };
  }

  write(batch: LogBatch): Promise<LogSize> {
    return this.#worker.request("write", { batch }, { transfer: [batch.rows] });
  }

  readValues(ids: readonly number[]): Promise<readonly (Uint8Array | undefined)[]> {
    return this.#worker.request("values", { ids: Float64Array.from(ids) });
  }

  async probe(): Promise<{ readonly revision: number }> {
    if (!this.#worker.isRunning) await this.#open();
    return await this.#worker.request("probe", {});
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#worker[Symbol.asyncDispose]();
  }

  #open(): Promise<LogSize> {
    return this.#worker.request("open", { file: this.#paths.database, mark: this.#paths.mark });
  }
}
