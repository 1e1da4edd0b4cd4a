/**
 * When to compact, and to which revision: history older than an age goes, and so does history beyond a number of
 * revisions, however young; a least number of revisions stays, however old, so that a quiet store keeps its watchers.
 * Pure; the store asks at intervals.
 */

export interface CompactionPolicy {
  /** How long history is kept, in milliseconds. Default 5 minutes, as the upstream API server has it. */
  readonly keepMs: number;
  /** Most revisions kept. */
  readonly mostRevisions: number;
  /** Revisions that stay whatever their age. */
  readonly leastRevisions: number;
}

export const defaultCompactionPolicy: CompactionPolicy = {
  keepMs: 5 * 60 * 1000,
  mostRevisions: 200_000,
  leastRevisions: 1000,
};

export class AutoCompaction {
  readonly #policy: CompactionPolicy;
  /** Which revision was the newest at which time, oldest first. */
  readonly #samples: { readonly at: number; readonly revision: number }[] = [];

  constructor(policy: CompactionPolicy) {
    this.#policy = policy;
  }

  /** How often to ask: a tenth of the age, so that history is at most that much too old. */
  get intervalMs(): number {
    return Math.min(Math.max(this.#policy.keepMs / 10, 100), 30_000);
  }

  /** Notes the newest revision at `now` (monotonic) and returns what to compact to; undefined: nothing to do. */
  next(now: number, revision: number, compactRevision: number): number | undefined {
    const { keepMs, mostRevisions, leastRevisions } = this.#policy;
    if (this.#samples.at(-1)?.revision !== revision) this.#samples.push({ at: now, revision });
    const last = this.#samples.findLastIndex((sample) => sample.at <= now - keepMs);
    const old = this.#samples[last]?.revision ?? 0;
    if (last > 0) this.#samples.splice(0, last);
    const target = Math.max(Math.min(old, revision - leastRevisions), revision - mostRevisions);
    // Revision 1 is the empty store: nothing to forget.
    return target > Math.max(compactRevision, 1) ? target : undefined;
  }
}
