/** What the tool's commands need of the world, made once in main.ts. */
import type { Clock } from "#pkg/system/clock.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import type { Installation } from "./cluster/programs.ts";
import type { OciArchitecture } from "./images/oci-layout.ts";
import type { StageReporter } from "./report/stage-reporter.ts";

export interface BerthPorts {
  readonly runner: CommandRunner;
  readonly files: Files;
  readonly kernelFiles: KernelFiles;
  readonly clock: Clock;
  readonly reporter: StageReporter;
  /** Fires on Ctrl-C. */
  readonly signal: AbortSignal;
  /** Harmless for processes that are gone. */
  readonly kill: (pid: number, signal: "SIGTERM" | "SIGKILL") => void;
  /** Status of a GET; throws when there is no answer within the time. */
  readonly httpStatus: (url: string, timeoutMs: number) => Promise<number>;
  readonly machine: MachineIdentity;
  readonly installation: Installation;
  readonly version: string;
}

export interface MachineIdentity {
  readonly isRoot: boolean;
  readonly hostName: string;
  readonly architecture: OciArchitecture;
  /** The Node.js that runs this program. */
  readonly node: string;
  /** Built programs and images are kept here between runs. */
  readonly cacheDir: string;
  /** The environment that long-lived processes get. */
  readonly env: Readonly<Record<string, string>>;
}
