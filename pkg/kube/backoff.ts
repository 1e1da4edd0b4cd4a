/** Delays that grow with repeated failure. Pure: the caller keeps the count and does the waiting. */
import { jitter, type Random } from "#pkg/system/random.ts";

export interface BackoffPolicy {
  /** The delay after the first failure. */
  readonly baseMs: number;
  readonly maxMs: number;
  /** Each further failure multiplies the delay by this. Default 2. */
  readonly factor?: number | undefined;
  /** Spreads each delay by up to this share of itself, upwards: 1 gives [d, 2d). Default 0. */
  readonly jitter?: number | undefined;
}

/** The delay after `failures` failures in a row: 0 for none, at most `maxMs` before jitter. */
export function backoffMs(policy: BackoffPolicy, failures: number, random?: Random): number {
  if (failures <= 0) return 0;
  const grown = policy.baseMs * (policy.factor ?? 2) ** (failures - 1);
  const capped = Math.min(grown, policy.maxMs);
  return policy.jitter && random ? jitter(random, capped, policy.jitter) : capped;
}

/** What informers wait after failures, as client-go's reflectors do. */
export const reflectorBackoff: BackoffPolicy = { baseMs: 800, maxMs: 30_000, jitter: 1 };

/** What work queues wait per item, as client-go's controllers do. */
export const itemBackoff: BackoffPolicy = { baseMs: 5, maxMs: 1_000_000 };
