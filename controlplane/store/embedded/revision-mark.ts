/**
 * A second witness of which revisions were given out, kept outside the database so that damage there cannot hide it.
 * `reserved` is on disk before any revision up to it is used; `committed` follows every commit without a sync, so after
 * the death of the process (not of the machine) it is exact. After damage the store goes on above `reserved`: a revision
 * that a client has seen never comes back with another meaning.
 */
import { RecordFile } from "#pkg/system/record-file.ts";

export interface RevisionMark {
  readonly reserved: number;
  readonly committed: number;
}

/** Revisions reserved at a time: one sync for so many writes. */
const reserveStep = 1_000_000;

export class RevisionMarkFile implements Disposable {
  readonly #file: RecordFile;
  #mark: RevisionMark;

  constructor(path: string) {
    this.#file = new RecordFile(path);
    this.#mark = parseMark(this.#file.read()) ?? { reserved: 0, committed: 0 };
  }

  static read(path: string): RevisionMark | undefined {
    using file = new RecordFile(path);
    return parseMark(file.read());
  }

  /** Before revisions up to `revision` are written. */
  reserve(revision: number): void {
    if (revision <= this.#mark.reserved) return;
    this.#mark = { reserved: revision + reserveStep, committed: this.#mark.committed };
    this.#file.write(formatMark(this.#mark), true);
  }

  /** After revisions up to `revision` were written. */
  committed(revision: number): void {
    if (revision <= this.#mark.committed) return;
    this.#mark = { reserved: this.#mark.reserved, committed: revision };
    this.#file.write(formatMark(this.#mark), false);
  }

  [Symbol.dispose](): void {
    this.#file[Symbol.dispose]();
  }
}

function formatMark({ reserved, committed }: RevisionMark): string {
  return `reserved=${reserved} committed=${committed}`;
}

function parseMark(text: string | undefined): RevisionMark | undefined {
  const match = text?.match(/^reserved=(\d+) committed=(\d+)$/);
  return match ? { reserved: Number(match[1]), committed: Number(match[2]) } : undefined;
}
