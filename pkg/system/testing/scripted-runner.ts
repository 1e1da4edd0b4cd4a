/** A CommandRunner with an ordered script of expected calls; any other call fails the test. */

import { BerthError } from "../errors.ts";
import type { ChildProcess, Command, CommandOutput, CommandRunner, SpawnOptions } from "../exec.ts";
import { CommandError } from "../exec.ts";

export interface ScriptedCall {
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  /** Non-zero makes the call throw a CommandError. */
  readonly exitCode?: number;
}

export class ScriptedRunner implements CommandRunner, Disposable {
  readonly #script: ScriptedCall[];

  constructor(script: readonly ScriptedCall[]) {
    this.#script = [...script];
  }

  async run(command: Command): Promise<CommandOutput> {
    const expected = this.#script.shift();
    const got = JSON.stringify(command.argv);
    if (!expected) throw new BerthError("Internal", `unexpected command ${got}: the script is at its end`);
    if (got !== JSON.stringify(expected.argv)) {
      throw new BerthError("Internal", `unexpected command ${got}: the script wants ${JSON.stringify(expected.argv)}`);
    }
    if (expected.stdin !== undefined && String(command.stdin ?? "") !== expected.stdin) {
      throw new BerthError(
        "Internal",
        `unexpected stdin of ${got}:\n${String(command.stdin)}\nwanted:\n${expected.stdin}`,
      );
    }
    const [stdout, stderr] = [expected.stdout ?? "", expected.stderr ?? ""];
    if (expected.exitCode) throw new CommandError(command.argv, expected.exitCode, stdout, stderr);
    return { stdout, stderr };
  }

  spawn(options: SpawnOptions): Promise<ChildProcess> {
    throw new BerthError("Internal", `unexpected spawn of ${options.argv.join(" ")}`);
  }

  /** Fails when calls of the script were never made. */
  [Symbol.dispose](): void {
    if (this.#script.length > 0) {
      throw new BerthError(
        "Internal",
        `commands never run: ${this.#script.map((call) => call.argv.join(" ")).join("; ")}`,
      );
    }
  }
}
