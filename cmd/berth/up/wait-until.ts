/** Waiting for something that another process does, with an answer to why it takes so long. */
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";

export interface WaitOptions {
  /** Named in the error. */
  readonly what: string;
  readonly timeoutMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Throws when waiting on is pointless: the process has ended. */
  readonly check?: () => Promise<void>;
  readonly pollMs?: number;
}

/**
 * `probe` says what is still missing, or undefined when all is there; what it throws counts as missing. Throws "Timeout" with
 * the last answer, "Aborted", or what `check` threw.
 */
export async function waitUntil(probe: () => Promise<string | undefined>, options: WaitOptions): Promise<void> {
  const { what, timeoutMs, clock, signal, check, pollMs = 50 } = options;
  const deadline = clock.monotonic() + timeoutMs;
  for (;;) {
    const missing = await probe().catch(messageOf);
    if (missing === undefined) return;
    await check?.();
    if (clock.monotonic() > deadline)
      throw new BerthError("Timeout", `${what}: not there after ${timeoutMs / 1000} s: ${missing}`);
    await clock.sleep(pollMs, signal);
  }
}
