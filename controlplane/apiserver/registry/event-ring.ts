/**
 * Recent changes of one resource, oldest first, for watches that start in the past and for watchers that read at their
 * own pace. Grows while its oldest event is younger than what a client may need to reconnect, shrinks when it holds far
 * more than that. Events are numbered from 0 on, without gaps; a number stays with its event.
 * Sizes and times: k8s.io/apiserver/pkg/storage/cacher watch_cache.go.
 */
import { StoredEntry } from "./stored-entry.ts";

/** One change of one object. */
export class CacheEvent {
  readonly revision: number;
  /** Key within the resource: `namespace/name` or `name`, as latin1 text. */
  readonly key: string;
  /** Undefined: the object was created. */
  readonly previous: StoredEntry | undefined;
  /** Undefined: the object was deleted. */
  readonly next: StoredEntry | undefined;
  readonly atMs: number;
  #gone: StoredEntry | undefined;

  constructor(
    revision: number,
    key: string,
    previous: StoredEntry | undefined,
    next: StoredEntry | undefined,
    atMs: number,
  ) {
    this.revision = revision;
    this.key = key;
    this.previous = previous;
    this.next = next;
    this.atMs = atMs;
  }

  /** The state before, with this event's revision: what a watcher is told when the object left its view. */
  get gone(): StoredEntry {
    if (!this.#gone) {
      const { previous, revision } = this;
      if (!previous) throw new RangeError(`the change of ${this.key} at ${revision} has no state before it`);
      this.#gone = StoredEntry.lazy(() => {
        const { object } = previous;
        return { ...object, metadata: { ...object.metadata, resourceVersion: String(revision) } };
      }, revision);
    }
    return this.#gone;
  }
}

export interface EventRingLimits {
  readonly minCapacity: number;
  readonly maxCapacity: number;
  /** Events younger than this are kept while maxCapacity allows. */
  readonly keepMs: number;
}

export const defaultRingLimits: EventRingLimits = { minCapacity: 100, maxCapacity: 102_400, keepMs: 75_000 };

export class EventRing {
  readonly #limits: EventRingLimits;
  #slots: (CacheEvent | undefined)[];
  #first = 0;
  #end = 0;
  #completeAfter: number;

  constructor(revision: number, limits: EventRingLimits = defaultRingLimits) {
    this.#limits = limits;
    this.#slots = new Array<CacheEvent | undefined>(limits.minCapacity);
    this.#completeAfter = revision;
  }

  /** Number of the oldest event held. */
  get first(): number {
    return this.#first;
  }

  /** Number of the next event to come. */
  get end(): number {
    return this.#end;
  }

  get capacity(): number {
    return this.#slots.length;
  }

  /** Every change after this revision is here; a watch may start at it or later. */
  get completeAfter(): number {
    return this.#completeAfter;
  }

  at(number: number): CacheEvent {
    const event = this.#slots[number % this.#slots.length];
    if (number < this.#first || number >= this.#end || !event) throw new RangeError(`no event ${number} in the ring`);
    return event;
  }

  append(event: CacheEvent): void {
    if (this.#end - this.#first === this.#slots.length) this.#makeRoom(event.atMs);
    this.#slots[this.#end % this.#slots.length] = event;
    this.#end++;
  }

  /** Number of the first event after `revision`. */
  numberAfter(revision: number): number {
    let low = this.#first;
    let high = this.#end;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle).revision > revision) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Forgets everything: changes up to `revision` were lost. Numbers go on, so that older ones are seen as gone. */
  reset(revision: number): void {
    this.#slots = new Array<CacheEvent | undefined>(this.#limits.minCapacity);
    this.#end++;
    this.#first = this.#end;
    this.#completeAfter = revision;
  }

  #makeRoom(nowMs: number): void {
    const { minCapacity, maxCapacity, keepMs } = this.#limits;
    const capacity = this.#slots.length;
    if (nowMs - this.at(this.#first).atMs < keepMs && capacity < maxCapacity) {
      this.#resize(Math.min(capacity * 2, maxCapacity));
      return;
    }
    const newestQuarter = this.at(this.#end - Math.max(1, capacity >>> 2));
    if (capacity > minCapacity && nowMs - newestQuarter.atMs > keepMs) {
      const smaller = Math.max(capacity >>> 1, minCapacity);
      this.#dropTo(this.#end - smaller + 1);
      this.#resize(smaller);
      return;
    }
    this.#dropTo(this.#first + 1);
  }

  #dropTo(number: number): void {
    for (; this.#first < number; this.#first++) {
      this.#completeAfter = this.at(this.#first).revision;
      this.#slots[this.#first % this.#slots.length] = undefined;
    }
  }

  #resize(capacity: number): void {
    const slots = new Array<CacheEvent | undefined>(capacity);
    for (let number = this.#first; number < this.#end; number++) slots[number % capacity] = this.at(number);
    this.#slots = slots;
  }
}
