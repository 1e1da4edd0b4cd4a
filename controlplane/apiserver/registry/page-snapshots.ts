/**
 * States that paged lists are being read from. When a page ends with a continue token the state is kept for a while
 * (sharing all that did not change since), so that the next pages need no read of history and no parsing. Later, and for
 * tokens of another server, the store's history answers, until it is compacted.
 */
import type { Deadline, DeadlineWheel } from "./deadline-wheel.ts";
import type { SortedEntries } from "./sorted-entries.ts";

/** Not extended by use: a token must go out of date although its list never changes. */
const keepMs = 60_000;
const maxSnapshots = 32;

export class PageSnapshots {
  readonly #wheel: DeadlineWheel;
  readonly #byRevision = new Map<number, { readonly entries: SortedEntries; readonly deadline: Deadline }>();

  constructor(wheel: DeadlineWheel) {
    this.#wheel = wheel;
  }

  get(revision: number): SortedEntries | undefined {
    return this.#byRevision.get(revision)?.entries;
  }

  /** `take` makes the snapshot, when there is none of this revision yet. */
  keep(revision: number, take: () => SortedEntries): void {
    if (this.#byRevision.has(revision)) return;
    const deadline = this.#wheel.after(keepMs, () => this.#byRevision.delete(revision));
    this.#byRevision.set(revision, { entries: take(), deadline });
    if (this.#byRevision.size > maxSnapshots) this.#dropOldest();
  }

  #dropOldest(): void {
    for (const [revision, { deadline }] of this.#byRevision) {
      deadline.cancel();
      this.#byRevision.delete(revision);
      return;
    }
  }
}
