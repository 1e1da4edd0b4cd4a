/**
 * The store's side of the thread that owns its files: requests as promises. When the thread dies, everything asked of it
 * fails with "Unavailable", and the next `open` starts another one.
 *
 * While an answer is expected within a fraction of a millisecond, the event loop keeps turning instead of going to sleep
 * (see spin-budget.ts); it serves everything else meanwhile.
 */
import { MessageChannel, type MessagePort, Worker } from "node:worker_threads";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import { nextTurn } from "#pkg/system/turn.ts";
import { SpinBudget } from "./spin-budget.ts";
import type {
  RequestKind,
  ScanPart,
  WorkerReply,
  WorkerRequest,
  WorkerRequests,
  WorkerStart,
} from "./worker-messages.ts";

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: BerthError): void;
  readonly part: ((part: ScanPart) => void) | undefined;
  /** Of a write: when it was sent. */
  readonly sentAt: number | undefined;
}

interface Thread {
  readonly worker: Worker;
  readonly port: MessagePort;
  /** See WorkerStart. */
  readonly posted: Int32Array;
}

export interface RequestOptions {
  readonly transfer?: ArrayBuffer[];
  readonly part?: (part: ScanPart) => void;
}

/** A write to a fast disk takes less than this. */
const keepAwakeMs = 0.3;

/** Beside this module as a source file; beside the bundle when the program was bundled. */
function workerUrl(): URL {
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new URL(`./sqlite-worker.${extension}`, import.meta.url);
}

export class LogWorker implements AsyncDisposable {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #budget = new SpinBudget(keepAwakeMs);
  readonly #waiting = new Map<number, Waiting>();
  #thread: Thread | undefined;
  #seq = 0;
  #isKeptAwake = false;

  /** `clock` measures microseconds of this machine, so it is the real one also where time is played. */
  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  async request<Kind extends RequestKind>(
    kind: Kind,
    request: WorkerRequests[Kind]["request"],
    options: RequestOptions = {},
  ): Promise<WorkerRequests[Kind]["answer"]> {
    this.#thread ??= this.#start();
    const { port, posted } = this.#thread;
    const seq = this.#seq++;
    const message = { kind, seq, ...request } as unknown as WorkerRequest;
    return await new Promise<WorkerRequests[Kind]["answer"]>((resolve, reject) => {
      const sentAt = kind === "write" ? this.#clock.monotonic() : undefined;
      this.#waiting.set(seq, { resolve: resolve as (answer: unknown) => void, reject, part: options.part, sentAt });
      port.postMessage(message, options.transfer ?? []);
      Atomics.add(posted, 0, 1);
      Atomics.notify(posted, 0);
      if (sentAt !== undefined) void this.#keepAwake(seq, sentAt);
    });
  }

  /** False after the thread died; what it had open has to be opened again. */
  get isRunning(): boolean {
    return this.#thread !== undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const thread = this.#thread;
    if (thread === undefined) return;
    await this.request("end", {}).catch(() => undefined);
    this.#thread = undefined;
    await thread.worker.terminate();
  }

  async #keepAwake(seq: number, sentAt: number): Promise<void> {
    const { ms } = this.#budget;
    if (this.#isKeptAwake || ms === 0) return;
    this.#isKeptAwake = true;
    while (this.#waiting.has(seq) && this.#clock.monotonic() - sentAt < ms) await nextTurn();
    this.#isKeptAwake = false;
  }

  #start(): Thread {
    const { port1: port, port2 } = new MessageChannel();
    const requests = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    const start: WorkerStart & { readonly port: MessagePort } = { requests, port: port2 };
    const worker = new Worker(workerUrl(), { name: "berth-store", workerData: start, transferList: [port2] });
    const thread = { worker, port, posted: new Int32Array(requests) };
    port.on("message", (message: WorkerReply) => this.#receive(message));
    worker.on("error", (error) => this.#fail(thread, messageOf(error)));
    worker.on("exit", (code) => this.#fail(thread, `it ended with status ${code}`));
    return thread;
  }

  #receive(message: WorkerReply): void {
    const waiting = this.#waiting.get(message.seq);
    if (waiting === undefined) return;
    if ("part" in message) {
      this.#receivePart(message.seq, waiting, message.part);
      return;
    }
    this.#waiting.delete(message.seq);
    if (waiting.sentAt !== undefined) this.#budget.came(this.#clock.monotonic() - waiting.sentAt);
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

  #fail(thread: Thread, reason: string): void {
    thread.port.close();
    if (this.#thread !== thread) return;
    this.#thread = undefined;
    const lost = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of lost) reject(new BerthError("Unavailable", `the store's file thread died: ${reason}`));
  }
}
