/** What a probe found. The mechanisms beside this file find it; `next-probe-state.ts` says what follows from it. */

export type ProbeKind = "startup" | "liveness" | "readiness";

/**
 * "warning" counts as success and is worth an event; "unknown" means that the probe itself could not be carried out, and
 * counts as nothing.
 */
export type ProbeOutcome = "success" | "warning" | "failure" | "unknown";

export interface ProbeResult {
  readonly outcome: ProbeOutcome;
  /** For people: what came back, or what went wrong. Cut to a few kilobytes. */
  readonly output: string;
}

/** Longest output that is kept, in characters. */
export const maxProbeOutput = 10 * 1024;

export function probeResult(outcome: ProbeOutcome, output: string): ProbeResult {
  return { outcome, output: output.length > maxProbeOutput ? output.slice(0, maxProbeOutput) : output };
}
