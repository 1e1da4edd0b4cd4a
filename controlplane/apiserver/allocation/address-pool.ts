/** The cluster IPs of one block. The first address of the block, and the last one of an IPv4 block, are nobody's. */
import { blockSize, formatAddress, formatBlock, type IpAddress, type IpBlock } from "#pkg/api/ip-address.ts";
import type { Random } from "#pkg/system/random.ts";
import { NumberPool, reservedCount } from "./number-pool.ts";

export class AddressPool {
  readonly block: IpBlock;
  readonly #numbers: NumberPool;

  /** Throws RangeError when no address is left for services. */
  constructor(block: IpBlock) {
    this.block = block;
    const unusable = block.family === 4 ? 2n : 1n;
    const usable = blockSize(block) - unusable;
    if (usable < 1n) throw new RangeError(`the block ${formatBlock(block)} has no address for services`);
    // IPv6 blocks have more addresses than anybody needs; those beyond this number are not given out.
    const size = Number(usable < 2n ** 48n ? usable : 2n ** 48n);
    this.#numbers = new NumberPool(size, reservedCount(size, 16, 16, 256));
  }

  get held(): number {
    return this.#numbers.held;
  }

  contains(address: IpAddress): boolean {
    const number = this.#numberOf(address);
    return number !== undefined;
  }

  /** False when it is taken already, or not of this pool. */
  take(address: IpAddress): boolean {
    const number = this.#numberOf(address);
    return number !== undefined && this.#numbers.take(number);
  }

  /** Undefined when all are taken. */
  takeAny(random: Random): IpAddress | undefined {
    const number = this.#numbers.takeAny(random);
    return number === undefined
      ? undefined
      : { family: this.block.family, value: this.block.base + 1n + BigInt(number) };
  }

  release(address: IpAddress): void {
    const number = this.#numberOf(address);
    if (number !== undefined) this.#numbers.release(number);
  }

  clear(): void {
    this.#numbers.clear();
  }

  toString(): string {
    return formatBlock(this.block);
  }

  #numberOf(address: IpAddress): number | undefined {
    if (address.family !== this.block.family) return undefined;
    const number = address.value - this.block.base - 1n;
    return number >= 0n && number < BigInt(this.#numbers.size) ? Number(number) : undefined;
  }
}

/** The text for an address that no pool has. */
export function notInRange(address: IpAddress, pools: readonly AddressPool[]): string {
  const ranges = pools.map(String).join(",");
  return `the provided IP (${formatAddress(address)}) is not in the valid range. The range of valid IPs is ${ranges}`;
}
