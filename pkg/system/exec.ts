/**
 * The only place where a process starts. Short commands go through `run`, which buffers the output and throws on a
 * non-zero exit; long-lived programs go through `spawn`, whose handle is an AsyncDisposable that ends the process.
 * Children that are not detached end with this process, however it exits by itself.
 */
import child_process, { type SpawnOptions as NodeSpawnOptions, type StdioOptions } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import type { Readable } from "node:stream";
import { BerthError } from "./errors.ts";

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly stdin?: string | Uint8Array | undefined;
  /** Replaces the environment when given; else the process's own is inherited. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /**
   * Milliseconds after which the command is ended (SIGTERM, a second later SIGKILL) and the call fails with code "Timeout".
   * Default: no limit.
   */
  readonly timeoutMs?: number | undefined;
}

export interface CommandOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/** A command that started and ended with a non-zero status or by a signal. */
export class CommandError extends BerthError {
  override readonly name = "CommandError";
  readonly argv: readonly string[];
  /** Exit status; undefined when a signal ended the command. */
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;

  constructor(argv: readonly string[], exitCode: number | undefined, stdout: string, stderr: string, signal?: string) {
    const said = lastLines(stderr) || lastLines(stdout);
    const how = exitCode === undefined ? `was killed${signal ? ` by ${signal}` : ""}` : `exited with ${exitCode}`;
    super("Internal", `${argv.join(" ")} ${how}${said ? `: ${said}` : ""}`, {
      details: { argv, exitCode, ...(signal ? { signal } : {}) },
    });
    this.argv = argv;
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

export interface ChildProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process has ended, whatever its own children do; never rejects. */
  readonly exited: Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }>;
  kill(signal?: NodeJS.Signals): void;
}

export interface SpawnOptions {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Where standard output and error go: a file (appended), this process's own, or nowhere. Default: nowhere. */
  readonly output?: { readonly file: string } | "inherit" | "ignore" | undefined;
  /** True: a session of its own, which outlives this process. */
  readonly detached?: boolean | undefined;
  /** How long dispose waits after SIGTERM before SIGKILL. Default 5000. */
  readonly stopGraceMs?: number | undefined;
}

export interface CommandRunner {
  /**
   * Resolves with the output; throws CommandError on a non-zero exit, BerthError "NotFound" when there is no such program,
   * "Aborted" when the signal fired, "Timeout", or "Exhausted" when it prints too much. Children of the command that keep its
   * output open are not waited for.
   */
  run(command: Command, signal?: AbortSignal): Promise<CommandOutput>;
  /** Starts a long-lived program; throws BerthError "NotFound" when there is no such program. */
  spawn(options: SpawnOptions): Promise<ChildProcess>;
}

/** Output past this many bytes fails the command: nothing we run prints so much. */
const maxOutputBytes = 256 * 1024 * 1024;
/** How long a command that was told to end may take before it is killed. */
const runStopGraceMs = 1000;
/** How long output may still come once the process has ended. */
const lateOutputMs = 250;

export const systemRunner: CommandRunner = { run, spawn };

async function run(command: Command, signal?: AbortSignal): Promise<CommandOutput> {
  const { argv, stdin, timeoutMs } = command;
  if (signal?.aborted) throw new BerthError("Aborted", `${argv.join(" ")} was aborted`);
  const child = start(command, ["pipe", "pipe", "pipe"]);
  const started = awaitStart(child, command);
  const ended = awaitExit(child);
  let failure: BerthError | undefined;
  let killTimer: NodeJS.Timeout | undefined;
  const end = (error: BerthError): void => {
    failure ??= error;
    child.kill("SIGTERM");
    killTimer ??= setTimeout(() => child.kill("SIGKILL"), runStopGraceMs);
  };
  const abort = (): void => end(new BerthError("Aborted", `${argv.join(" ")} was aborted`));
  signal?.addEventListener("abort", abort, { once: true });
  const late = (): void => end(new BerthError("Timeout", `${argv.join(" ")} did not end within ${timeoutMs} ms`));
  const timer = timeoutMs ? setTimeout(late, timeoutMs) : undefined;
  const full = (): void => end(new BerthError("Exhausted", `${argv.join(" ")} printed over ${maxOutputBytes} bytes`));
  const [stdout, stderr] = [collect(child.stdout, full), collect(child.stderr, full)];
  try {
    await started;
    // A command that does not read its input closes it; that is no failure.
    child.stdin?.on("error", () => undefined);
    child.stdin?.end(stdin ?? "");
    const { exitCode, signal: killedBy } = await ended;
    const [out, err] = await Promise.all([stdout.settle(lateOutputMs), stderr.settle(lateOutputMs)]);
    if (failure) throw failure;
    if (exitCode !== 0) throw new CommandError(argv, exitCode, out, err, killedBy);
    return { stdout: out, stderr: err };
  } finally {
    clearTimeout(timer);
    clearTimeout(killTimer);
    signal?.removeEventListener("abort", abort);
  }
}

async function spawn(options: SpawnOptions): Promise<ChildProcess> {
  const output = options.output ?? "ignore";
  // The child writes to the file itself, so that it can outlive this process.
  const target = typeof output === "string" ? output : openForAppend(output.file);
  let child: child_process.ChildProcess;
  try {
    child = start(options, ["ignore", target, target], options.detached);
  } finally {
    if (typeof target === "number") closeSync(target);
  }
  const exited = awaitExit(child);
  await awaitStart(child, options);
  if (options.detached) child.unref();
  return {
    pid: child.pid ?? 0,
    exited,
    kill: (signal = "SIGTERM") => {
      child.kill(signal);
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const force = setTimeout(() => child.kill("SIGKILL"), options.stopGraceMs ?? 5000);
      await exited;
      clearTimeout(force);
    },
  };
}

function openForAppend(file: string): number {
  try {
    return openSync(file, "a");
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new BerthError(code === "ENOENT" ? "NotFound" : "Internal", `cannot write output to ${file}: ${message}`, {
      cause: error,
    });
  }
}

interface Program {
  readonly argv: readonly [string, ...string[]];
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
}

const children = new Set<child_process.ChildProcess>();

function endChildren(): void {
  for (const child of children) child.kill("SIGTERM");
}

function start({ argv, env, cwd }: Program, stdio: StdioOptions, isDetached = false): child_process.ChildProcess {
  const [file, ...args] = argv;
  const options: NodeSpawnOptions = { stdio, detached: isDetached, ...(cwd ? { cwd } : {}), ...(env ? { env } : {}) };
  const child = spawnOrThrow(file, args, options);
  if (isDetached) return child;
  if (children.size === 0) process.once("exit", endChildren);
  children.add(child);
  child.once("close", () => {
    children.delete(child);
    if (children.size === 0) process.off("exit", endChildren);
  });
  return child;
}

/** Node throws some errors and emits others. */
function spawnOrThrow(file: string, args: readonly string[], options: NodeSpawnOptions): child_process.ChildProcess {
  try {
    return child_process.spawn(file, args, options);
  } catch (error) {
    throw startError({ argv: [file, ...args] }, error as NodeJS.ErrnoException);
  }
}

function awaitStart(child: child_process.ChildProcess, program: Program): Promise<void> {
  return new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.on("error", (error) => {
      if (child.pid === undefined) reject(startError(program, error));
    });
  });
}

function awaitExit(
  child: child_process.ChildProcess,
): Promise<{ readonly exitCode: number | undefined; readonly signal: string | undefined }> {
  return new Promise((resolve) => {
    child.once("exit", (exitCode, signal) => {
      resolve({ exitCode: exitCode ?? undefined, signal: signal ?? undefined });
    });
  });
}

/** Gathers what a stream brings, as text. `settle` resolves when it ends, or after `ms` in which it did not. */
function collect(stream: Readable | null, onFull: () => void): { settle(ms: number): Promise<string> } {
  const chunks: Buffer[] = [];
  let length = 0;
  const ended = new Promise<void>((resolve) => {
    stream?.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= maxOutputBytes) chunks.push(chunk);
      else onFull();
    });
    stream?.on("error", () => undefined);
    if (stream) stream.once("close", resolve);
    else resolve();
  });
  return {
    async settle(ms) {
      const timer = setTimeout(() => stream?.destroy(), ms);
      await ended;
      clearTimeout(timer);
      return Buffer.concat(chunks).toString("utf8");
    },
  };
}

function startError({ argv, cwd }: Program, cause: NodeJS.ErrnoException): BerthError {
  if (cause.code === "ENOENT" && cwd !== undefined && !existsSync(cwd)) {
    return new BerthError("NotFound", `cannot run ${argv[0]}: there is no folder ${cwd} to run it in`, { cause });
  }
  if (cause.code === "ENOENT") {
    return new BerthError("NotFound", `cannot run ${argv[0]}: no such program; install it or fix PATH`, { cause });
  }
  const code = cause.code === "EACCES" || cause.code === "EPERM" ? "Forbidden" : "Internal";
  return new BerthError(code, `cannot run ${argv.join(" ")}: ${cause.message}`, { cause });
}

function lastLines(output: string): string {
  return output.trim().split("\n").slice(-3).join(" | ");
}
