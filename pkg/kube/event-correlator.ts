/**
 * Keeps the stream of events small, with the rules and numbers of client-go, which people know from `kubectl describe`:
 *  - the same event again only raises the count of the stored one;
 *  - from the tenth different message of one reason about one object within ten minutes, they are combined into one event;
 *  - about one object, a source may send 25 events at once and one every five minutes after that; the rest is dropped.
 * Pure apart from its own memory of at most 4096 entries per rule; time is an argument.
 */
import type { Event } from "#pkg/api/core/v1.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { LruCache } from "./lru-cache.ts";
import { TokenBucket } from "./token-bucket.ts";

export type CorrelatedEvent =
  | { readonly kind: "create"; readonly event: Event }
  /** The stored event `event.metadata.name` happened again: `patch` says what changes, `event` is the whole for creating it anew. */
  | { readonly kind: "repeat"; readonly event: Event; readonly patch: EventPatch }
  | { readonly kind: "drop" };

/** A merge patch. */
export interface EventPatch {
  readonly count: number;
  readonly message: string;
  readonly lastTimestamp: string;
}

interface Observed {
  readonly count: number;
  readonly firstTimestamp: string | undefined;
  readonly name: string | undefined;
}

interface SimilarEvents {
  readonly messages: Set<string>;
  readonly lastAt: number;
}

const capacity = 4096;
const combineFrom = 10;
const combineWithinMs = 600_000;
const spamLimit = { burst: 25, perSecond: 1 / 300 };

export class EventCorrelator {
  readonly #observed = new LruCache<Observed>(capacity);
  readonly #similar = new LruCache<SimilarEvents>(capacity);
  readonly #limits = new LruCache<TokenBucket>(capacity);
  readonly #nameFor: (objectName: string) => string;

  /** `nameFor` makes a new name for an event about an object. */
  constructor(nameFor: (objectName: string) => string) {
    this.#nameFor = nameFor;
  }

  /** What is to be done about a new event. */
  correlate(event: Event, nowMs: number): CorrelatedEvent {
    const { combined, key } = this.#combine(event, nowMs);
    const observed = this.#observe(combined, key);
    if (!this.#isWithinLimit(combined, nowMs)) return { kind: "drop" };
    const { count = 1, message = "", lastTimestamp = "" } = observed;
    if (count === 1) return { kind: "create", event: observed };
    return { kind: "repeat", event: observed, patch: { count, message, lastTimestamp } };
  }

  /** The server's state of an event that was created or patched. */
  noteStored(event: Event): void {
    const { count = 1, firstTimestamp, metadata } = event;
    this.#observed.set(wholeKey(event), { count, firstTimestamp, name: metadata.name });
  }

  /** The event itself, or the one that stands for it and its like. */
  #combine(event: Event, nowMs: number): { combined: Event; key: string } {
    const key = reasonKey(event);
    const known = this.#similar.get(key);
    const isFresh = known === undefined || nowMs - known.lastAt > combineWithinMs;
    const messages = isFresh ? new Set<string>() : known.messages;
    messages.add(event.message ?? "");
    this.#similar.set(key, { messages, lastAt: nowMs });
    if (messages.size < combineFrom) return { combined: event, key: wholeKey(event) };
    // The set must not grow; which message goes does not matter.
    const [some] = messages;
    if (some !== undefined) messages.delete(some);
    const now = formatTime(nowMs);
    const combined: Event = {
      ...event,
      metadata: { ...event.metadata, name: this.#nameFor(event.involvedObject.name ?? "") },
      message: `(combined from similar events): ${event.message ?? ""}`,
      count: 1,
      firstTimestamp: now,
      lastTimestamp: now,
    };
    return { combined, key };
  }

  /** The event as it is to be stored: the known one with a higher count, or the new one. */
  #observe(event: Event, key: string): Event {
    const last = this.#observed.get(key);
    const name = last?.name ?? event.metadata.name;
    const observed: Event = last
      ? {
          ...event,
          metadata: { ...event.metadata, name },
          count: last.count + 1,
          firstTimestamp: last.firstTimestamp,
        }
      : event;
    this.#observed.set(key, { count: observed.count ?? 1, firstTimestamp: observed.firstTimestamp, name });
    return observed;
  }

  #isWithinLimit(event: Event, nowMs: number): boolean {
    const key = objectKeyOf(event);
    const limit = this.#limits.get(key) ?? new TokenBucket(spamLimit, nowMs);
    this.#limits.set(key, limit);
    return limit.tryTake(nowMs);
  }
}

/** What is told apart: source, object, type. */
function objectParts({ source, involvedObject: about, type }: Event): readonly (string | undefined)[] {
  return [source?.component, source?.host, about.kind, about.namespace, about.name, about.uid, about.apiVersion, type];
}

function objectKeyOf(event: Event): string {
  return JSON.stringify(objectParts(event));
}

function reasonKey(event: Event): string {
  const { reason, reportingComponent, reportingInstance } = event;
  return JSON.stringify([...objectParts(event), reason, reportingComponent, reportingInstance]);
}

function wholeKey(event: Event): string {
  return JSON.stringify([...objectParts(event), event.involvedObject.fieldPath, event.reason, event.message]);
}
