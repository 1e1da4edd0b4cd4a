/**
 * The only place where a process starts. Short commands go through `run`, which buffers the output and throws on a
 * non-zero exit; long-lived programs go through `spawn`, whose handle is an AsyncDisposable that ends the process.
 */
import { execa, type Options } from "execa";
import { BerthError } from "./errors.ts";

export interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly stdin?: string | Uint8Array | undefined;
  /** Replaces the environment when given; else the process's own is inherited. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly cwd?: string | undefined;
  /** Milliseconds after which the command is killed and the call fails with code "Timeout". Default: no limit. */
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

  constructor(argv: readonly string[], exitCode: number | undefined, stdout: string, stderr: string, cause?: unknown) {
    const said = lastLines(stderr) || lastLines(stdout);
    super(
      "Internal",
      `${argv.join(" ")} ${exitCode === undefined ? "was killed" : `exited with ${exitCode}`}${said ? `: ${said}` : ""}`,
      { cause, details: { argv, exitCode } },
    );
    this.argv = argv;
    this.exitCode = exitCode;
    this.stdout = stdout;
    this.stderr = stderr;
  }
}

export interface ChildProcess extends AsyncDisposable {
  readonly pid: number;
  /** Resolves when the process has ended; never rejects. */
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
  /** Resolves with the output; throws CommandError on a non-zero exit, BerthError "NotFound" when there is no such program. */
  run(command: Command, signal?: AbortSignal): Promise<CommandOutput>;
  /** Starts a long-lived program; throws BerthError "NotFound" when there is no such program. */
  spawn(options: SpawnOptions): Promise<ChildProcess>;
}

/** Output past this many bytes fails the command: nothing we run prints so much. */
const maxOutputBytes = 256 * 1024 * 1024;

export const systemRunner: CommandRunner = { run, spawn };

async function run(command: Command, signal?: AbortSignal): Promise<CommandOutput> {
  const [file, ...args] = command.argv;
  const options: Options = {
    reject: false,
    stripFinalNewline: false,
    maxBuffer: maxOutputBytes,
    input: command.stdin ?? "",
    ...(command.env ? { env: { ...command.env }, extendEnv: false } : {}),
    ...(command.cwd ? { cwd: command.cwd } : {}),
    ...(command.timeoutMs ? { timeout: command.timeoutMs, forceKillAfterDelay: 1000 } : {}),
    ...(signal ? { cancelSignal: signal } : {}),
  };
  const result = await execa(file, args, options);
  const stdout = text(result.stdout);
  const stderr = text(result.stderr);
  if (result.isCanceled) throw new BerthError("Aborted", `${command.argv.join(" ")} was aborted`);
  if (result.timedOut) {
    throw new BerthError("Timeout", `${command.argv.join(" ")} did not end within ${command.timeoutMs} ms`);
  }
  if (result.failed && result.exitCode === undefined && result.signal === undefined) {
    throw startError(command.argv, result);
  }
  if (result.failed) throw new CommandError(command.argv, result.exitCode, stdout, stderr, result.cause);
  return { stdout, stderr };
}

async function spawn(options: SpawnOptions): Promise<ChildProcess> {
  const [file, ...args] = options.argv;
  const output = options.output ?? "ignore";
  const target = typeof output === "string" ? output : { file: output.file, append: true };
  const child = execa(file, args, {
    reject: false,
    buffer: false,
    stdin: "ignore",
    stdout: target,
    stderr: target,
    cleanup: !options.detached,
    detached: options.detached ?? false,
    ...(options.env ? { env: { ...options.env }, extendEnv: false } : {}),
    ...(options.cwd ? { cwd: options.cwd } : {}),
  });
  const exited = child.then((result) => ({ exitCode: result.exitCode, signal: result.signal }));
  if (child.pid === undefined) throw startError(options.argv, await child);
  if (options.detached) child.nodeChildProcess.unref();
  const pid = child.pid;
  return {
    pid,
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

function startError(
  argv: readonly string[],
  result: { readonly cause?: unknown; readonly message?: string | undefined },
): BerthError {
  const cause = result.cause as { code?: string } | undefined;
  if (cause?.code === "ENOENT") {
    return new BerthError("NotFound", `cannot run ${argv[0]}: no such program; install it or fix PATH`, { cause });
  }
  return new BerthError("Internal", `cannot run ${argv.join(" ")}: ${result.message ?? "unknown error"}`, { cause });
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function lastLines(output: string): string {
  return output.trim().split("\n").slice(-3).join(" | ");
}
