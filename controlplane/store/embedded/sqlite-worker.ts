/**
 * The thread that owns the files of an embedded store: it does what it is asked, one request at a time, and may wait for
 * the disk as long as it takes. A bundle ships it as a file of its own, sqlite-worker.js beside the program.
 */
import { pathToFileURL } from "node:url";
import { type MessagePort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { systemClock } from "#pkg/system/clock.ts";
import { assertNever, BerthError, type ErrorCode, messageOf } from "#pkg/system/errors.ts";
import { RevisionMarkFile } from "./revision-mark.ts";
import { SpinBudget } from "./spin-budget.ts";
import { SqliteLog, scanLog } from "./sqlite-log.ts";
import type { WorkerReply, WorkerRequest, WorkerStart } from "./worker-messages.ts";

const { port, requests } = workerData as WorkerStart & { readonly port: MessagePort };
/** Counts requests; the thread sleeps on it. */
const posted = new Int32Array(requests);

/** How long the thread keeps awake for the next request: a writer that waits for each answer comes back within this. */
const keepAwakeMs = 0.15;

let log: SqliteLog | undefined;
let mark: RevisionMarkFile | undefined;

function reply(message: WorkerReply, transfer: ArrayBuffer[] = []): void {
  port.postMessage(message, transfer);
}

function openLog(): SqliteLog {
  if (log === undefined) throw new BerthError("Unavailable", "the store's file is not open");
  return log;
}

function handle(request: WorkerRequest): unknown {
  switch (request.kind) {
    case "readMark":
      return RevisionMarkFile.read(request.mark);
    case "scan":
      return scanLog(pathToFileURL(request.file), request, {
        contents: (contents) => reply({ seq: request.seq, part: { contents } }),
        rows: (rows) => reply({ seq: request.seq, part: { rows } }, [rows]),
      });
    case "create":
      log = SqliteLog.create(request.file, request.identity);
      return undefined;
    case "open":
      close();
      log = new SqliteLog(request.file);
      mark = new RevisionMarkFile(request.mark);
      return log.size();
    case "write": {
      mark?.reserve(request.batch.revision);
      const size = openLog().write(request.batch);
      mark?.committed(request.batch.revision);
      return size;
    }
    case "values":
      return openLog().readValues(request.ids);
    case "probe":
      return { revision: openLog().probe() };
    case "close":
    case "end":
      close();
      return undefined;
    default:
      return assertNever(request, "request");
  }
}

function close(): void {
  log?.[Symbol.dispose]();
  mark?.[Symbol.dispose]();
  log = undefined;
  mark = undefined;
}

/** SQLite's primary result codes that say the file is not what it should be: a missing table, a bad page, no database. */
const corruptCodes: ReadonlySet<number> = new Set([1, 11, 17, 20, 26]);
const fullCode = 13;

/** SQLite's result codes and the system's error numbers, as our codes. */
function codeOf(error: unknown): ErrorCode {
  if (error instanceof BerthError) return error.code;
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  if (code === "ENOSPC" || code === "EDQUOT") return "Exhausted";
  if (typeof errcode !== "number") return typeof code === "string" ? "Unavailable" : "Corrupt";
  const primary = errcode & 0xff;
  if (primary === fullCode) return "Exhausted";
  return corruptCodes.has(primary) ? "Corrupt" : "Unavailable";
}

function answer(request: WorkerRequest): void {
  try {
    reply({ seq: request.seq, answer: handle(request) });
  } catch (error) {
    reply({ seq: request.seq, error: { code: codeOf(error), message: messageOf(error) } });
  }
}

/** Returns when there may be a request that `seen` does not count yet. */
function waitForRequest(seen: number, budget: SpinBudget): void {
  const started = systemClock.monotonic();
  const { ms } = budget;
  if (ms > 0) while (Atomics.load(posted, 0) === seen && systemClock.monotonic() - started < ms);
  Atomics.wait(posted, 0, seen);
  budget.came(systemClock.monotonic() - started);
}

/** Never returns to the event loop: the thread has nothing else to do. It ends with "end" or with its store. */
function serve(): void {
  const budget = new SpinBudget(keepAwakeMs);
  for (;;) {
    const seen = Atomics.load(posted, 0);
    const received = receiveMessageOnPort(port) as { message: WorkerRequest } | undefined;
    if (received === undefined) {
      waitForRequest(seen, budget);
      continue;
    }
    answer(received.message);
    if (received.message.kind === "end") return;
  }
}

serve();
port.close();
