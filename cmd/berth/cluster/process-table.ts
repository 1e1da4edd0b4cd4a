/**
 * The long-lived processes of a cluster. Each has a record on disk that names it by pid, start time and boot, so that a pid
 * that another program got meanwhile is never taken for ours.
 */
import path from "node:path";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import { type ProcessName, processNames } from "./programs.ts";
import { readIfThere } from "./settings.ts";

export interface ProcessRecord {
  readonly name: ProcessName;
  readonly pid: number;
  /** Clock ticks between boot and the start of the process: field 22 of /proc/<pid>/stat. */
  readonly startTicks: number;
  readonly bootId: string;
  readonly argv: readonly string[];
  /** Wall clock, ms. */
  readonly startedMs: number;
}

export interface ProcessTablePorts {
  readonly runner: CommandRunner;
  readonly files: Files;
  readonly kernelFiles: Pick<KernelFiles, "read">;
  readonly clock: Clock;
  /** Harmless for processes that are gone. */
  readonly kill: (pid: number, signal: "SIGTERM" | "SIGKILL") => void;
}

export class ProcessTable {
  readonly #folder: string;
  readonly #ports: ProcessTablePorts;

  constructor(folder: string, ports: ProcessTablePorts) {
    this.#folder = folder;
    this.#ports = ports;
  }

  /** Undefined when it does not run, also when another process has its pid by now. */
  async running(name: ProcessName): Promise<ProcessRecord | undefined> {
    const text = await readIfThere(this.#file(name), this.#ports.files);
    const record = text === undefined ? undefined : parseRecord(text);
    return record && (await this.isRunning(record)) ? record : undefined;
  }

  /** All that run, in the order of starting. */
  async list(): Promise<readonly ProcessRecord[]> {
    const records = await Promise.all(processNames.map((name) => this.running(name)));
    return records.filter((record) => record !== undefined);
  }

  async isRunning({ pid, startTicks, bootId }: ProcessRecord): Promise<boolean> {
    const seen = await this.#look(pid);
    return seen?.startTicks === startTicks && bootId === (await this.#bootId());
  }

  /** Starts a process that outlives this one, its output appended to the file. */
  async start(
    name: ProcessName,
    argv: readonly [string, ...string[]],
    logFile: string,
    env?: Readonly<Record<string, string>>,
  ): Promise<ProcessRecord> {
    const { runner, files, clock } = this.#ports;
    await files.makeFolder(path.dirname(logFile));
    const child = await runner.spawn({ argv, detached: true, output: { file: logFile }, env });
    const seen = await this.#look(child.pid);
    if (!seen) throw new BerthError("Unavailable", `${name} ended as soon as it was started`);
    const record: ProcessRecord = {
      name,
      pid: child.pid,
      startTicks: seen.startTicks,
      bootId: await this.#bootId(),
      argv,
      startedMs: clock.now(),
    };
    await files.writeAtomic(this.#file(name), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
    return record;
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. Harmless when it does not run. */
  async stop(record: ProcessRecord, graceMs = 10_000): Promise<void> {
    const { clock, files, kill } = this.#ports;
    const deadline = clock.monotonic() + graceMs;
    for (let isFirst = true; await this.isRunning(record); isFirst = false) {
      const late = clock.monotonic() > deadline;
      if (isFirst || late) kill(record.pid, late ? "SIGKILL" : "SIGTERM");
      await clock.sleep(pollMs);
    }
    await files.remove(this.#file(record.name));
  }

  async #look(pid: number): Promise<{ readonly startTicks: number } | undefined> {
    const text = await this.#ports.kernelFiles.read(`/proc/${pid}/stat`).catch(() => undefined);
    return text === undefined ? undefined : parseProcStat(text);
  }

  async #bootId(): Promise<string> {
    return (await this.#ports.kernelFiles.read("/proc/sys/kernel/random/boot_id")).trim();
  }

  #file(name: ProcessName): string {
    return path.join(this.#folder, `${name}.json`);
  }
}

const pollMs = 25;

/** Undefined for a process that has ended and only waits to be noticed. The command in brackets may hold anything. */
export function parseProcStat(text: string): { readonly startTicks: number } | undefined {
  const [state = "Z", ...rest] = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const startTicks = Number(rest[18]);
  return state === "Z" || state === "X" || !Number.isInteger(startTicks) ? undefined : { startTicks };
}

/** A damaged record is as good as none: what it named is found by other means when things are taken down. */
export function parseRecord(text: string): ProcessRecord | undefined {
  try {
    const record = JSON.parse(text) as Partial<ProcessRecord>;
    const isWhole = Number.isInteger(record.pid) && Number.isInteger(record.startTicks) && Array.isArray(record.argv);
    return isWhole && processNames.some((name) => name === record.name) ? (record as ProcessRecord) : undefined;
  } catch {
    return undefined;
  }
}
