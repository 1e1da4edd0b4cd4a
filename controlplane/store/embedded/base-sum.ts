/**
 * A sum over the rows that a compaction leaves at and below its revision. It is written down with the compaction, so
 * that a start can prove none of these rows is missing; rows above are proved by their ids, which have no gaps.
 */

export interface BaseSum {
  readonly count: number;
  /** Sum of the row ids modulo 2^52, which numbers add and subtract exactly. */
  readonly idSum: number;
}

const modulus = 2 ** 52;

export const emptyBase: BaseSum = { count: 0, idSum: 0 };

export function addToBase(base: BaseSum, id: number): BaseSum {
  return { count: base.count + 1, idSum: (base.idSum + id) % modulus };
}

export function removeFromBase(base: BaseSum, id: number): BaseSum {
  return { count: base.count - 1, idSum: (base.idSum - id + modulus) % modulus };
}

export function isSameBase(left: BaseSum, right: BaseSum): boolean {
  return left.count === right.count && left.idSum === right.idSum;
}
