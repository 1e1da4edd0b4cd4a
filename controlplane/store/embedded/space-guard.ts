/**
 * Stops writes that add data before the disk is full, so that deletions and compaction, which must write to free
 * anything, still have room. Like etcd's NOSPACE alarm, but it clears by itself.
 */
import type { Clock, Timer } from "#pkg/system/clock.ts";
import type { DiskSpace } from "#pkg/system/disk-space.ts";
import type { Logger } from "#pkg/system/log.ts";

export interface SpaceLimits {
  /** Free bytes on the file system below which nothing is added. */
  readonly leastFreeBytes: number;
  /** Bytes in use by the store from which on nothing is added. */
  readonly mostUsedBytes: number;
}

export const defaultSpaceLimits: SpaceLimits = {
  leastFreeBytes: 64 * 1024 * 1024,
  mostUsedBytes: 8 * 1024 * 1024 * 1024,
};

/** Why nothing may be added; undefined when all is well. Pure. */
export function computeShortage(limits: SpaceLimits, space: DiskSpace, usedBytes: number): string | undefined {
  if (usedBytes >= limits.mostUsedBytes) {
    return `the store uses ${mebibytes(usedBytes)} MiB of the ${mebibytes(limits.mostUsedBytes)} MiB it may use`;
  }
  if (space.availableBytes < limits.leastFreeBytes) {
    const [left, least] = [mebibytes(space.availableBytes), mebibytes(limits.leastFreeBytes)];
    return `the disk has ${left} MiB left, less than the ${least} MiB kept free for deletions and compaction`;
  }
  return undefined;
}

const mebibytes = (bytes: number): number => Math.round(bytes / 1024 / 1024);

const checkMs = 2000;

export interface SpaceGuardOptions {
  readonly limits: SpaceLimits;
  readonly readSpace: () => Promise<DiskSpace>;
  readonly usedBytes: () => number;
  readonly clock: Clock;
  readonly log: Logger;
}

export class SpaceGuard implements Disposable {
  readonly #options: SpaceGuardOptions;
  #shortage: string | undefined;
  #timer: Timer | undefined;
  #isChecking = false;
  #writtenSinceCheck = 0;
  #closed = false;

  constructor(options: SpaceGuardOptions) {
    this.#options = options;
  }

  get shortage(): string | undefined {
    return this.#shortage;
  }

  /** Looks now and from now on. */
  async start(): Promise<void> {
    await this.#check();
  }

  /** Looks again when so much was written that the room kept free may be at stake before the next regular look. */
  noteWritten(bytes: number): void {
    this.#writtenSinceCheck += bytes;
    if (this.#writtenSinceCheck * 8 < this.#options.limits.leastFreeBytes || this.#isChecking) return;
    this.#timer?.cancel();
    void this.#check();
  }

  [Symbol.dispose](): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  async #check(): Promise<void> {
    const { limits, readSpace, usedBytes, log, clock } = this.#options;
    this.#isChecking = true;
    this.#writtenSinceCheck = 0;
    try {
      const shortage = computeShortage(limits, await readSpace(), usedBytes());
      if (shortage !== undefined && this.#shortage === undefined)
        log.error("the store is short of space", { shortage });
      if (shortage === undefined && this.#shortage !== undefined) log.info("the store has space again");
      this.#shortage = shortage;
    } catch (error) {
      log.warn("cannot tell how much space the store has", { error });
    }
    this.#isChecking = false;
    if (!this.#closed) this.#timer = clock.setTimer(checkMs, () => void this.#check());
  }
}
