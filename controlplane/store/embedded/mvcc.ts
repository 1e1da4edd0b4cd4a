/**
 * The state of the embedded store in memory: every key with its newest version, older versions linked behind it, and the
 * log of changes since the last compaction. No I/O and no time.
 *
 *  1. A change is applied before it is durable (`head`) and becomes visible to readers when it is (`commit`); when it
 *     cannot be made durable it is taken back (`rollback`).
 *  2. Current values are in memory. Values of replaced versions are too, up to a budget; past it the oldest are dropped
 *     and read back from disk by whoever needs them (EvictedPair).
 *  3. Compaction costs as much as the changes it forgets, not as many keys as there are, and runs in slices.
 */
import type { Change, TxnView } from "../decide-txn.ts";
import { compactedError, etcdError } from "../etcd-errors.ts";
import { type Bounds, compareKeyStrings } from "../keys.ts";
import type { KeyValue } from "../store.ts";
import { addToBase, type BaseSum, emptyBase, removeFromBase } from "./base-sum.ts";
import { KeysByLease } from "./keys-by-lease.ts";
import { OrderedMap } from "./ordered-map.ts";
import { EvictedPair, Version } from "./version.ts";
import { VersionLog } from "./version-log.ts";

/** A key of the index; its head moves without touching the index. */
interface Entry {
  readonly name: string;
  head: Version;
}

/** A row of the log as it comes back from disk. */
export interface LoadedRow {
  readonly id: number;
  readonly name: string;
  readonly kv: KeyValue;
  readonly deleted: boolean;
}

/** What a finished compaction leaves to write down and to delete. */
export interface CompactionResult {
  readonly base: BaseSum;
  /** The highest row of a revision up to the compacted one. */
  readonly lastId: number;
  readonly garbage: readonly number[];
}

export interface MvccOptions {
  readonly revision?: number | undefined;
  readonly compactRevision?: number | undefined;
  /** Bytes of replaced values to keep in memory. Default 32 MiB. */
  readonly historyBytes?: number | undefined;
  readonly hasLease?: ((id: bigint) => boolean) | undefined;
}

export class Mvcc implements TxnView {
  headRevision: number;
  committedRevision: number;
  compactRevision: number;
  readonly keysByLease = new KeysByLease();
  readonly #hasLease: (id: bigint) => boolean;
  readonly #historyBudget: number;
  readonly #entries = new Map<string, Entry>();
  readonly #order = new OrderedMap<string, Entry>(undefined, compareKeyStrings);
  readonly #log = new VersionLog();
  #nextId = 1;
  #lastCompactedId = 0;
  #base = emptyBase;
  #historyBytes = 0;
  /** Log index up to which replaced values were counted, and up to which they were dropped. */
  #counted = 0;
  #evicted = 0;

  constructor(options: MvccOptions = {}) {
    this.headRevision = options.revision ?? 1;
    this.committedRevision = this.headRevision;
    this.compactRevision = options.compactRevision ?? 0;
    this.#historyBudget = options.historyBytes ?? 32 * 1024 * 1024;
    this.#hasLease = options.hasLease ?? (() => false);
  }

  /** Keys that exist now or are remembered as deleted. */
  get keyCount(): number {
    return this.#entries.size;
  }

  get historyLength(): number {
    return this.#log.length;
  }

  get nextId(): number {
    return this.#nextId;
  }

  get base(): BaseSum {
    return this.#base;
  }

  hasLease(id: bigint): boolean {
    return this.#hasLease(id);
  }

  /** The version of a key as of a revision; undefined when the key did not exist or was deleted. */
  #visible(entry: Entry, revision: number): Version | undefined {
    let version: Version | undefined = entry.head;
    while (version !== undefined && version.kv.modRevision > revision) version = version.previous;
    return version === undefined || version.deleted ? undefined : version;
  }

  pairs(bounds: Bounds, revision: number, most: number): { pairs: readonly KeyValue[]; count: number } {
    const pairs: KeyValue[] = [];
    if (bounds.single) {
      const entry = this.#entries.get(bounds.start);
      const version = entry && this.#visible(entry, revision);
      if (version !== undefined && most > 0) pairs.push(version.kv);
      return { pairs, count: version === undefined ? 0 : 1 };
    }
    const highest = bounds.end ?? this.#order.maxKey();
    if (highest === undefined || highest < bounds.start) return { pairs, count: 0 };
    let count = 0;
    this.#order.forRange(bounds.start, highest, bounds.end === undefined, (_name, entry) => {
      const version = this.#visible(entry, revision);
      if (version === undefined) return;
      count += 1;
      if (pairs.length < most) pairs.push(version.kv);
    });
    return { pairs, count };
  }

  /** Applies a decided transaction at the next revision. Returns its versions, to be written down in this order. */
  apply(changes: readonly Change[]): readonly Version[] {
    this.headRevision += 1;
    return changes.map((change) => this.#append(this.#nextId, change.name, change.kv, change.deleted));
  }

  #append(id: number, name: string, kv: KeyValue, deleted: boolean): Version {
    const entry = this.#entries.get(name);
    const previous = entry?.head;
    const version = new Version(id, name, kv, deleted, previous);
    if (entry === undefined) this.#addEntry({ name, head: version });
    else entry.head = version;
    if (previous !== undefined) this.keysByLease.remove(previous.kv.lease, name);
    this.keysByLease.add(kv.lease, name);
    this.#log.push(version);
    this.#nextId = id + 1;
    return version;
  }

  /** Makes everything up to `revision` visible to readers. */
  commit(revision: number): void {
    this.committedRevision = revision;
  }

  /** Takes back every change that was not committed. */
  rollback(): void {
    while ((this.#log.at(this.#log.length - 1)?.kv.modRevision ?? 0) > this.committedRevision) {
      const version = this.#log.pop();
      if (version === undefined) break;
      this.#nextId = version.id;
      this.keysByLease.remove(version.kv.lease, version.name);
      const { previous } = version;
      const entry = this.#entries.get(version.name);
      // A deletion may have been compacted away while this change was on top of it.
      if (previous === undefined || (previous.deleted && previous.kv.modRevision < this.compactRevision)) {
        this.#removeEntry(version.name);
      } else if (entry !== undefined) {
        entry.head = previous;
        this.keysByLease.add(previous.kv.lease, version.name);
      }
    }
    this.headRevision = this.committedRevision;
  }

  /** Drops values of replaced versions from memory, oldest first, until they fit the budget. */
  trimHistory(): void {
    for (; this.#counted < this.#log.length; this.#counted++) {
      const version = this.#log.at(this.#counted);
      if (version === undefined || version.kv.modRevision > this.committedRevision) break;
      this.#historyBytes += version.previous?.kv.value.length ?? 0;
    }
    while (this.#historyBytes > this.#historyBudget && this.#evicted < this.#counted) {
      const replaced = this.#log.at(this.#evicted++)?.previous;
      if (replaced === undefined || replaced.kv.value.length === 0) continue;
      this.#historyBytes -= replaced.kv.value.length;
      replaced.kv = new EvictedPair(replaced.id, replaced.kv);
    }
  }

  /**
   * Committed changes from revision `from` on, at least `least` of them if there are so many, cut between revisions;
   * `revision` is the last one they cover.
   */
  changesFrom(from: number, least: number): { readonly versions: readonly Version[]; readonly revision: number } {
    const versions: Version[] = [];
    let revision = this.committedRevision;
    for (let index = this.#log.indexOf(from); index < this.#log.length; index++) {
      const version = this.#log.at(index);
      if (version === undefined || version.kv.modRevision > this.committedRevision) break;
      const newest = versions.at(-1)?.kv.modRevision;
      if (versions.length >= least && newest !== undefined && newest !== version.kv.modRevision) {
        revision = newest;
        break;
      }
      versions.push(version);
    }
    return { versions, revision };
  }

  /** Throws "Expired" or "Invalid" when `revision` cannot be compacted to. */
  assertCompactable(revision: number): void {
    if (revision > this.committedRevision) throw etcdError("futureRevision");
    if (revision <= this.compactRevision) throw compactedError(this.compactRevision);
  }

  /**
   * Forgets what only revisions below `revision` could see. History is refused to readers at once; the work itself goes
   * on slice by slice, `sliceSize` changes at a time, and the last slice returns the result.
   */
  *compact(revision: number, sliceSize: number): Generator<undefined, CompactionResult> {
    this.assertCompactable(revision);
    const before = this.compactRevision;
    this.compactRevision = revision;
    const garbage: number[] = [];
    // New changes only ever come behind `end`, so the slices keep their place in the log.
    const end = this.#log.indexOf(revision + 1);
    for (let index = 0; index < end; index++) {
      const version = this.#log.at(index);
      if (version !== undefined) this.#compactVersion(version, before, revision, index, garbage);
      if ((index + 1) % sliceSize === 0) yield;
    }
    this.#dropLog(revision);
    return { base: this.#base, lastId: this.#lastCompactedId, garbage };
  }

  #compactVersion(version: Version, before: number, revision: number, index: number, garbage: number[]): void {
    if (version.kv.modRevision > before) this.#base = addToBase(this.#base, version.id);
    this.#lastCompactedId = Math.max(this.#lastCompactedId, version.id);
    const { previous } = version;
    if (previous !== undefined && previous.kv.modRevision < revision) {
      if (index < this.#counted) this.#historyBytes -= previous.kv.value.length;
      // A deletion that was older than the compaction is counted out where it is found itself, below.
      if (!previous.deleted) this.#discard(previous.id, garbage);
      version.previous = undefined;
    }
    // A deletion at exactly the compacted revision stays: a watch may still begin there.
    if (!version.deleted || version.kv.modRevision >= revision) return;
    this.#discard(version.id, garbage);
    if (this.#entries.get(version.name)?.head === version) this.#removeEntry(version.name);
  }

  #discard(id: number, garbage: number[]): void {
    this.#base = removeFromBase(this.#base, id);
    garbage.push(id);
  }

  #dropLog(revision: number): void {
    const dropped = this.#log.indexOf(revision);
    this.#log.drop(dropped);
    this.#counted = Math.max(0, this.#counted - dropped);
    this.#evicted = Math.max(0, this.#evicted - dropped);
  }

  /**
   * Takes a row back from disk; rows come in ascending order of their ids. Returns the ids of rows that a compaction had
   * given up but not yet deleted.
   */
  load(row: LoadedRow): readonly number[] {
    const { id, name, kv, deleted } = row;
    this.headRevision = Math.max(this.headRevision, kv.modRevision);
    this.committedRevision = this.headRevision;
    this.#nextId = id + 1;
    if (kv.modRevision > this.compactRevision) {
      this.#append(id, name, kv, deleted);
      return [];
    }
    this.#lastCompactedId = id;
    return this.#loadCompacted(row);
  }

  #loadCompacted({ id, name, kv, deleted }: LoadedRow): readonly number[] {
    const garbage: number[] = [];
    const replaced = this.#entries.get(name)?.head;
    const sameRevision = replaced?.kv.modRevision === this.compactRevision;
    if (replaced !== undefined) {
      this.keysByLease.remove(replaced.kv.lease, name);
      if (!sameRevision) this.#discard(replaced.id, garbage);
      this.#removeEntry(name);
    }
    this.#base = addToBase(this.#base, id);
    if (deleted && kv.modRevision < this.compactRevision) {
      this.#discard(id, garbage);
      return garbage;
    }
    const version = new Version(id, name, kv, deleted, sameRevision ? replaced : undefined);
    this.#addEntry({ name, head: version });
    this.keysByLease.add(kv.lease, name);
    if (kv.modRevision === this.compactRevision) this.#log.push(version);
    return garbage;
  }

  #addEntry(entry: Entry): void {
    this.#entries.set(entry.name, entry);
    this.#order.set(entry.name, entry);
  }

  #removeEntry(name: string): void {
    this.#entries.delete(name);
    this.#order.delete(name);
  }
}
