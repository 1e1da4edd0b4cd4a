/**
 * The thread that owns the files of an embedded store: it does what it is asked, one request at a time, and may wait for
 * the disk as long as it takes. A bundle ships it as a file of its own, sqlite-worker.js beside the program.
 */
import { pathToFileURL } from "node:url";
import { parentPort } from "node:worker_threads";
import { assertNever, BerthError, type ErrorCode, messageOf } from "#pkg/system/errors.ts";
import { RevisionMarkFile } from "./revision-mark.ts";
import { SqliteLog, scanLog } from "./sqlite-log.ts";
import type { WorkerReply, WorkerRequest } from "./worker-messages.ts";

let log: SqliteLog | undefined;
let mark: RevisionMarkFile | undefined;

function reply(message: WorkerReply, transfer: ArrayBuffer[] = []): void {
  parentPort?.postMessage(message, transfer);
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
      return log.size;
    case "write":
      mark?.reserve(request.batch.revision);
      return openLog().write(request.batch);
    case "values":
      return openLog().readValues(request.ids);
    case "probe":
      return { revision: openLog().probe() };
    case "close":
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

parentPort?.on("message", (request: WorkerRequest) => {
  try {
    reply({ seq: request.seq, answer: handle(request) });
    // Whoever waits for the write need not wait for this.
    if (request.kind === "write") mark?.committed(request.batch.revision);
  } catch (error) {
    reply({ seq: request.seq, error: { code: codeOf(error), message: messageOf(error) } });
  }
});
