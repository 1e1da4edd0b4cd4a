/**
 * Checks of what one watch delivered, after etcd's robustness validators: ordered, unique, atomic, bookmarkable, with
 * right previous pairs and creation marks; and, against the full story of the same range, reliable. Pure.
 */
import { keyString } from "../keys.ts";
import type { KeyValue, WatchEvent } from "../store.ts";
import type { WatchRecord } from "./watch-recorder.ts";

export interface WatchExpectation {
  /** First revision the watch asked for; 0: whatever came first. */
  readonly startRevision: number;
  /** Every change of the range from there on, as another, trusted observer saw them. Absent: not compared. */
  readonly story?: readonly WatchEvent[] | undefined;
  /** The watch asked for previous pairs. Default true. */
  readonly prevKv?: boolean | undefined;
}

/** One sentence for each broken guarantee; empty when the watch kept them all. */
export function watchProblems(records: readonly WatchRecord[], expected: WatchExpectation): readonly string[] {
  const events = records.flatMap((record) => (record.kind === "events" ? record.events : []));
  return [
    ...orderProblems(events, expected.startRevision),
    ...atomicityProblems(records),
    ...bookmarkProblems(records),
    ...pairProblems(events, expected.prevKv ?? true),
    ...storyProblems(events, expected.story),
  ];
}

function identity(event: WatchEvent): string {
  return `${event.type} ${keyString(event.kv.key)} @${event.kv.modRevision} v${event.kv.version}`;
}

function orderProblems(events: readonly WatchEvent[], startRevision: number): string[] {
  const problems: string[] = [];
  const seen = new Set<string>();
  let last = startRevision;
  for (const event of events) {
    if (event.kv.modRevision < last) problems.push(`not ordered: ${identity(event)} came after revision ${last}`);
    last = Math.max(last, event.kv.modRevision);
    if (seen.has(identity(event))) problems.push(`not unique: ${identity(event)} came twice`);
    seen.add(identity(event));
  }
  return problems;
}

/** A revision belongs to one call. */
function atomicityProblems(records: readonly WatchRecord[]): string[] {
  const problems: string[] = [];
  let delivered = 0;
  for (const record of records) {
    if (record.kind !== "events") continue;
    for (const event of record.events) {
      if (event.kv.modRevision <= delivered) problems.push(`not atomic: ${identity(event)} was split off its revision`);
    }
    const newest = record.events.at(-1)?.kv.modRevision ?? 0;
    if (newest > record.revision) problems.push(`the call for revision ${record.revision} holds ${newest}`);
    delivered = Math.max(delivered, newest);
  }
  return problems;
}

/** After progress to R nothing at or below R comes. */
function bookmarkProblems(records: readonly WatchRecord[]): string[] {
  const problems: string[] = [];
  let bookmark = 0;
  for (const record of records) {
    if (record.kind === "progress") {
      if (record.revision < bookmark) problems.push(`progress went back from ${bookmark} to ${record.revision}`);
      bookmark = record.revision;
    } else if (record.kind === "events") {
      for (const event of record.events) {
        if (event.kv.modRevision <= bookmark) problems.push(`${identity(event)} came after progress to ${bookmark}`);
      }
    }
  }
  return problems;
}

/** Versions, creation marks and previous pairs agree with the events before them. */
function pairProblems(events: readonly WatchEvent[], withPrevious: boolean): string[] {
  const problems: string[] = [];
  const known = new Map<string, KeyValue | undefined>();
  for (const event of events) {
    const name = keyString(event.kv.key);
    const before = known.get(name);
    if (event.type === "put") {
      const isFirst = event.kv.version === 1;
      if (isFirst !== (event.kv.createRevision === event.kv.modRevision)) {
        problems.push(`${identity(event)} has create revision ${event.kv.createRevision}`);
      }
      if (before !== undefined && event.kv.version !== before.version + 1) {
        problems.push(`${identity(event)} follows version ${before.version}`);
      }
    }
    if (withPrevious && known.has(name) && event.prevKv?.modRevision !== before?.modRevision) {
      problems.push(`${identity(event)} has the previous revision ${event.prevKv?.modRevision}`);
    }
    known.set(name, event.type === "put" ? event.kv : undefined);
  }
  return problems;
}

function storyProblems(events: readonly WatchEvent[], story: readonly WatchEvent[] | undefined): string[] {
  if (story === undefined) return [];
  const got = events.map(identity);
  const wanted = story.map(identity);
  const at = wanted.findIndex((each, index) => each !== got[index]);
  if (at === -1 && got.length === wanted.length) return [];
  const place = at === -1 ? wanted.length : at;
  return [`not reliable: event ${place} should be ${wanted[place] ?? "none"} and is ${got[place] ?? "missing"}`];
}
