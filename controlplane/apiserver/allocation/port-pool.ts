/** Node ports: one pool for services and for their health checks. */
import type { Random } from "#pkg/system/random.ts";
import { NumberPool, reservedCount } from "./number-pool.ts";

export interface PortRange {
  readonly first: number;
  readonly last: number;
}

export class PortPool {
  readonly #range: PortRange;
  readonly #numbers: NumberPool;

  constructor(range: PortRange) {
    this.#range = range;
    const size = range.last - range.first + 1;
    this.#numbers = new NumberPool(size, reservedCount(size, 32, 16, 128));
  }

  get held(): number {
    return this.#numbers.held;
  }

  /** Why the port cannot be taken; undefined when it was. */
  take(port: number): string | undefined {
    const { first, last } = this.#range;
    if (port < first || port > last) {
      return `provided port is not in the valid range. The range of valid ports is ${first}-${last}`;
    }
    return this.#numbers.take(port - first) ? undefined : "provided port is already allocated";
  }

  /** Undefined when all are taken. */
  takeAny(random: Random): number | undefined {
    const number = this.#numbers.takeAny(random);
    return number === undefined ? undefined : this.#range.first + number;
  }

  release(port: number): void {
    this.#numbers.release(port - this.#range.first);
  }

  clear(): void {
    this.#numbers.clear();
  }
}
