/** exec probes: the command runs in the container; exit status 0 is success, a timeout is a failure. */
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import { type ProbeResult, probeResult } from "./probe.ts";

/** Runs a command in a container; throws "Timeout" when it did not end in time. */
export type ExecInContainer = (
  command: readonly string[],
  timeoutMs: number,
) => Promise<{ readonly exitCode: number; readonly output: string }>;

export async function probeExec(
  command: readonly string[],
  timeoutMs: number,
  exec: ExecInContainer,
): Promise<ProbeResult> {
  try {
    const { exitCode, output } = await exec(command, timeoutMs);
    return probeResult(exitCode === 0 ? "success" : "failure", output);
  } catch (error) {
    if (hasCode(error, "Timeout"))
      return probeResult("failure", `command ${JSON.stringify(command.join(" "))} timed out`);
    return probeResult("unknown", messageOf(error));
  }
}
