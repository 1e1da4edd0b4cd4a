/** The versions of the last revisions in the order they were made: a queue that also gives way at its new end. */
import type { Version } from "./version.ts";

export class VersionLog {
  #versions: Version[] = [];
  /** Versions before this index were dropped and wait for the array to be cut. */
  #first = 0;

  get length(): number {
    return this.#versions.length - this.#first;
  }

  push(version: Version): void {
    this.#versions.push(version);
  }

  at(index: number): Version | undefined {
    return this.#versions[this.#first + index];
  }

  /** Removes and returns the newest version. */
  pop(): Version | undefined {
    return this.length > 0 ? this.#versions.pop() : undefined;
  }

  /** Drops the oldest `count` versions. */
  drop(count: number): void {
    this.#first += count;
    // Cutting costs a copy of what stays, so it waits until that is the smaller part.
    if (this.#first * 2 <= this.#versions.length) return;
    this.#versions = this.#versions.slice(this.#first);
    this.#first = 0;
  }

  /** Index of the first version of `revision` or later. */
  indexOf(revision: number): number {
    let low = this.#first;
    let high = this.#versions.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#versions[middle]?.kv.modRevision ?? 0) < revision) low = middle + 1;
      else high = middle;
    }
    return low - this.#first;
  }
}
