/**
 * The store's side of the thread that owns its files: requests as promises. When the thread dies, everything asked of it
 * fails with "Unavailable", and the next `open` starts another one.
 */
import { Worker } from "node:worker_threads";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { RequestKind, ScanPart, WorkerReply, WorkerRequest, WorkerRequests } from "./worker-messages.ts";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: BerthError): void;
  readonly part: ((part: ScanPart) => void) | undefined;
}

/** Beside this module as a source file; beside the bundle when the program was bundled. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./sqlite-worker.${extension}`, import.meta.url);
}

export class LogWorker implements AsyncDisposable {
  #worker: Worker | undefined;
  #seq = 0;
  readonly #waiting = new Map<number, Waiting>();

  async request<Kind extends RequestKind>(
    kind: Kind,
    request: WorkerRequests[Kind]["request"],
    options: { readonly transfer?: ArrayBuffer[]; readonly part?: (part: ScanPart) => void } = {},
  ): Promise<WorkerRequests[Kind]["answer"]> {
    this.#worker ??= this.#start();
    const worker = this.#worker;
    const seq = this.#seq++;
    const message = { kind, seq, ...request } as unknown as WorkerRequest;
    return await new Promise<WorkerRequests[Kind]["answer"]>((resolve, reject) => {
      this.#waiting.set(seq, { resolve: resolve as (answer: unknown) => void, reject, part: options.part });
      worker.postMessage(message, options.transfer ?? []);
    });
  }

  /** False after the thread died; what it had open has to be opened again. */
  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    if (worker === undefined) return;
    await this.request("close", {}).catch(() => undefined);
    this.#worker = undefined;
    await worker.terminate();
  }

  #start(): Worker {
    const worker = new Worker(workerUrl(), { name: "berth-store" });
    worker.on("message", (message: WorkerReply) => this.#receive(message));
    worker.on("error", (error) => this.#fail(worker, messageOf(error)));
    worker.on("exit", (code) => this.#fail(worker, `it ended with status ${code}`));
    return worker;
  }

  #receive(message: WorkerReply): void {
    const waiting = this.#waiting.get(message.seq);
    if (waiting === undefined) return;
    if ("part" in message) {
      this.#receivePart(message.seq, waiting, message.part);
      return;
    }
    this.#waiting.delete(message.seq);
    if ("error" in message) waiting.reject(new BerthError(message.error.code, message.error.message));
    else waiting.resolve(message.answer);
  }

  /** Whoever cannot take a part fails its own request, not the thread. */
  #receivePart(seq: number, waiting: Waiting, part: ScanPart): void {
    try {
      waiting.part?.(part);
    } catch (error) {
      this.#waiting.delete(seq);
      waiting.reject(BerthError.from(error));
    }
  }

  #fail(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of lost) reject(new BerthError("Unavailable", `the store's file thread died: ${reason}`));
  }
}
