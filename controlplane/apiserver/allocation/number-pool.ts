/**
 * Numbers 0 to size - 1, each held at most once. The lowest `reserved` ones are meant for people who ask for a number by
 * name, so automatic choice leaves them for last (KEP-3070, KEP-3668): it tries from a random place upwards, wrapping
 * around in the upper band, then does the same in the lower one.
 */
import { type Random, randomInt } from "#pkg/system/random.ts";

export class NumberPool {
  readonly size: number;
  readonly #reserved: number;
  readonly #held = new Set<number>();

  constructor(size: number, reserved: number) {
    this.size = size;
    this.#reserved = Math.min(reserved, size);
  }

  get held(): number {
    return this.#held.size;
  }

  has(number: number): boolean {
    return this.#held.has(number);
  }

  /** False when it is held already. */
  take(number: number): boolean {
    if (this.#held.has(number)) return false;
    this.#held.add(number);
    return true;
  }

  /** Undefined when all are held. */
  takeAny(random: Random): number | undefined {
    const number = this.#freeIn(this.#reserved, this.size, random) ?? this.#freeIn(0, this.#reserved, random);
    if (number !== undefined) this.#held.add(number);
    return number;
  }

  release(number: number): void {
    this.#held.delete(number);
  }

  clear(): void {
    this.#held.clear();
  }

  #freeIn(from: number, to: number, random: Random): number | undefined {
    const count = to - from;
    if (count <= 0) return undefined;
    const start = randomInt(random, count);
    // No more steps than numbers held are needed to come to a free one.
    const steps = Math.min(count, this.#held.size + 1);
    for (let step = 0; step < steps; step++) {
      const number = from + ((start + step) % count);
      if (!this.#held.has(number)) return number;
    }
    return undefined;
  }
}

/** How many of `size` numbers are left to people: a share of them, at least `least` and at most `most`; none of a few. */
export function reservedCount(size: number, share: number, least: number, most: number): number {
  if (size < least) return 0;
  return Math.min(Math.max(least, Math.floor(size / share)), most);
}
