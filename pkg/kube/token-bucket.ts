/** A rate limit with bursts: a bucket that holds `burst` tokens and gets `perSecond` new ones. Pure: time is an argument. */
export class TokenBucket {
  readonly #perSecond: number;
  readonly #burst: number;
  #tokens: number;
  #at: number;

  constructor(limit: { readonly perSecond: number; readonly burst: number }, nowMs: number) {
    this.#perSecond = limit.perSecond;
    this.#burst = limit.burst;
    this.#tokens = limit.burst;
    this.#at = nowMs;
  }

  /** True, and one token less, when there is one. */
  tryTake(nowMs: number): boolean {
    this.#fill(nowMs);
    if (this.#tokens < 1) return false;
    this.#tokens -= 1;
    return true;
  }

  /** Milliseconds until there is a token. */
  waitMs(nowMs: number): number {
    this.#fill(nowMs);
    return this.#tokens >= 1 ? 0 : Math.ceil(((1 - this.#tokens) / this.#perSecond) * 1000);
  }

  #fill(nowMs: number): void {
    const elapsed = Math.max(nowMs - this.#at, 0);
    this.#tokens = Math.min(this.#burst, this.#tokens + (elapsed / 1000) * this.#perSecond);
    this.#at = nowMs;
  }
}
