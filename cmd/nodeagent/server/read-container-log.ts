/**
 * A container's log as a stream: from the start, the last lines or a time on, and on as it grows. A log that is rotated while
 * it is followed goes on in the new file.
 */
import path from "node:path";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ReadableFile, ReadableFiles } from "#pkg/system/readable-files.ts";
import { LineCutter, LogFormatter, type LogSelection, parseLogLine } from "./log-lines.ts";

export interface LogRequest extends LogSelection {
  readonly file: string;
  readonly follow: boolean;
  /** Undefined: all of it. */
  readonly tailLines: number | undefined;
  readonly limitBytes: number | undefined;
}

export interface LogPorts {
  readonly files: ReadableFiles;
  readonly clock: Clock;
  /** Whether more may come. */
  isRunning(): Promise<boolean>;
}

const chunkBytes = 64 * 1024;
/** How long a follower waits when nothing tells it of a change. */
const idleMs = 1_000;

/** Ends when all is read, when nothing more will come, or when the signal fires. Throws "NotFound" when there is no log. */
export async function* readContainerLog(
  request: LogRequest,
  ports: LogPorts,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, void> {
  let left = request.limitBytes ?? Number.POSITIVE_INFINITY;
  const formatter = new LogFormatter(request);
  for await (const lines of readLines(request, ports, signal)) {
    const shown = lines.flatMap((line) => {
      const entry = parseLogLine(line);
      return (entry && formatter.format(entry)) ?? [];
    });
    const bytes = Buffer.concat(shown);
    if (bytes.length > 0) yield bytes.length > left ? bytes.subarray(0, left) : bytes;
    left -= bytes.length;
    if (left <= 0) return;
  }
}

async function* readLines(
  request: LogRequest,
  ports: LogPorts,
  signal: AbortSignal,
): AsyncGenerator<readonly Buffer[], void, void> {
  const first = await ports.files.open(request.file);
  if (!first) throw new BerthError("NotFound", `there is no log at ${request.file}`);
  await using stack = new AsyncDisposableStack();
  const changes = new Changes(ports.clock);
  if (request.follow) stack.use(ports.files.watchFolder(path.dirname(request.file), () => changes.notify()));
  let file: ReadableFile = first;
  stack.defer(() => file[Symbol.asyncDispose]());
  let position = await findTail(file, request.tailLines);
  const cutter = new LineCutter();
  let willEnd = !request.follow;
  while (!signal.aborted) {
    const chunk = await file.read(position, chunkBytes);
    position += chunk.length;
    if (chunk.length > 0) {
      yield cutter.push(chunk);
      continue;
    }
    const next = await openSuccessor(request.file, file, ports.files);
    if (next) {
      await file[Symbol.asyncDispose]();
      [file, position] = [next, 0];
      continue;
    }
    if (willEnd) return;
    // What it wrote last may have come after the read: one more round.
    willEnd = !(await ports.isRunning());
    if (!willEnd) await changes.next(idleMs, signal);
  }
}

/** The file that took the name since, when there is another. */
async function openSuccessor(
  name: string,
  file: ReadableFile,
  files: ReadableFiles,
): Promise<ReadableFile | undefined> {
  const id = await files.identify(name);
  return id === undefined || id === file.id ? undefined : await files.open(name);
}

/** Where the last `lines` lines begin. */
async function findTail(file: ReadableFile, lines: number | undefined): Promise<number> {
  if (lines === undefined) return 0;
  const size = await file.size();
  if (lines === 0) return size;
  let found = 0;
  for (let end = size; end > 0; ) {
    const start = Math.max(end - chunkBytes, 0);
    const chunk = await file.read(start, end - start);
    for (let at = chunk.lastIndexOf("\n"); at >= 0; at = at === 0 ? -1 : chunk.lastIndexOf("\n", at - 1)) {
      // The last line's own end does not count.
      if (start + at === size - 1) continue;
      found++;
      if (found === lines) return start + at + 1;
    }
    end = start;
  }
  return 0;
}

/** Remembers a change that came while nobody waited. */
class Changes {
  readonly #clock: Clock;
  #isChanged = false;
  #wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  notify(): void {
    this.#isChanged = true;
    this.#wake?.();
  }

  async next(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#isChanged && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      using _limit = this.#clock.setTimer(ms, resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
      await promise;
      this.#wake = undefined;
    }
    this.#isChanged = false;
  }
}
