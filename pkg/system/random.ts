/** Randomness and identity as a port, so that a seeded run gives the same names, ids and choices again. */
import { randomBytes, randomUUID } from "node:crypto";

export interface Random {
  /** A float in [0, 1). Not for secrets. */
  float(): number;
  /** `length` unpredictable bytes. */
  bytes(length: number): Uint8Array;
  /** A version 4 UUID, the form of metadata.uid. */
  uuid(): string;
}

export const systemRandom: Random = {
  float: () => Math.random(),
  bytes: (length) => new Uint8Array(randomBytes(length)),
  uuid: () => randomUUID(),
};

/** An integer in [0, bound). */
export function randomInt(random: Random, bound: number): number {
  return Math.floor(random.float() * bound);
}

/** `base` spread by up to `factor` of itself: jitter(10, 0.5) lies in [10, 15). */
export function jitter(random: Random, base: number, factor: number): number {
  return base + random.float() * factor * base;
}
