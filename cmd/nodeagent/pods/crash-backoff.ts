/**
 * How long a container that keeps ending has to wait before it is started again. Pure.
 *  - the first restart comes at once, later ones wait 10, 20, 40 … 300 s, counted from the end of the last run;
 *  - a run that ended more than ten minutes after the last restart begins anew.
 * Source: client-go/util/flowcontrol/backoff.go, kubelet doBackOff (v1.36).
 */
export interface CrashBackoffPolicy {
  readonly baseMs: number;
  readonly maxMs: number;
}

export const defaultCrashBackoff: CrashBackoffPolicy = { baseMs: 10_000, maxMs: 300_000 };

/** After a run this long past the last restart all is forgotten, whatever the policy's maximum. */
const forgetAfterMs = 600_000;

export interface CrashBackoff {
  /** What the next restart has to wait for. */
  readonly delayMs: number;
  /** When the container was last started again. */
  readonly updatedAtMs: number;
}

/** When the container may start again; a time that has passed, or 0, means now. */
export function restartAllowedAt(backoff: CrashBackoff | undefined, finishedAtMs: number): number {
  if (!backoff || hasExpired(backoff, finishedAtMs)) return 0;
  return finishedAtMs + backoff.delayMs;
}

/** The state after the container was started again at `nowMs`. */
export function afterRestart(
  backoff: CrashBackoff | undefined,
  finishedAtMs: number,
  nowMs: number,
  policy: CrashBackoffPolicy,
): CrashBackoff {
  const base = Math.min(policy.baseMs, policy.maxMs);
  if (!backoff || hasExpired(backoff, finishedAtMs)) return { delayMs: base, updatedAtMs: nowMs };
  return { delayMs: Math.min(backoff.delayMs * 2, policy.maxMs), updatedAtMs: nowMs };
}

function hasExpired(backoff: CrashBackoff, finishedAtMs: number): boolean {
  return finishedAtMs - backoff.updatedAtMs > forgetAfterMs;
}
