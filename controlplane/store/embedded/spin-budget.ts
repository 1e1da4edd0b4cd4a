/**
 * How long to keep awake for something that is expected soon, before going to sleep. Waking a sleeping thread costs tens
 * of microseconds, half of what a fast disk takes for a whole write; staying awake costs as much processor time as it
 * lasts. So it is done only while it pays: after a miss it is tried for half as long, after something that came within
 * the full time for the full time again. Milliseconds. Pure.
 */
export class SpinBudget {
  readonly #fullMs: number;
  #ms: number;

  constructor(fullMs: number) {
    this.#fullMs = fullMs;
    this.#ms = fullMs;
  }

  /** How long to keep awake this time; 0: not at all. */
  get ms(): number {
    return this.#ms;
  }

  /** What was waited for came after so long, whether awake or asleep. */
  came(afterMs: number): void {
    if (afterMs <= this.#fullMs) this.#ms = this.#fullMs;
    else this.#ms = this.#ms < this.#fullMs / 8 ? 0 : this.#ms / 2;
  }
}
