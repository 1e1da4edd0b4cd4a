import { describe, expect, test } from "vitest";
import type { WatchEvent } from "../store.ts";
import { bytes } from "./store-client.ts";
import type { WatchRecord } from "./watch-recorder.ts";
import { watchProblems } from "./watch-validators.ts";

interface Sketch {
  readonly key?: string;
  readonly at: number;
  readonly version?: number;
  readonly created?: number;
  readonly was?: number;
  readonly gone?: boolean;
}

/** A change of key "k": a put whose creation follows from its version, unless told otherwise. */
function event({ key = "k", at, version = 1, created, was, gone = false }: Sketch): WatchEvent {
  const kv = (modRevision: number, own: number) => ({
    key: bytes(key),
    value: bytes(""),
    createRevision: gone ? 0 : (created ?? modRevision - own + 1),
    modRevision,
    version: own,
    lease: 0n,
  });
  const previous = was === undefined ? {} : { prevKv: kv(was, version - 1) };
  return { type: gone ? "delete" : "put", kv: kv(at, gone ? 0 : version), ...previous };
}

const call = (revision: number, ...sketches: Sketch[]): WatchRecord => ({
  kind: "events",
  events: sketches.map(event),
  revision,
});
const progress = (revision: number): WatchRecord => ({ kind: "progress", revision });

const sound: WatchRecord[] = [
  call(2, { at: 2 }),
  call(4, { at: 3, version: 2, was: 2 }, { at: 4, gone: true, was: 3 }),
  progress(5),
  call(6, { key: "a", at: 6 }, { key: "b", at: 6 }),
  progress(6),
];

const broken: readonly (readonly [string, RegExp, WatchRecord[]])[] = [
  ["going back in time", /not ordered/, [call(5, { at: 5 }), call(4, { key: "a", at: 4 })]],
  ["the same event twice", /not unique/, [call(5, { at: 5 }, { at: 5 })]],
  ["a revision in two calls", /not atomic/, [call(5, { key: "a", at: 5 }), call(5, { key: "b", at: 5 })]],
  ["an event at or below a bookmark", /after progress to 7/, [progress(7), call(7, { at: 7 })]],
  ["a bookmark that goes back", /went back from 7 to 6/, [progress(7), progress(6)]],
  ["a skipped version", /follows version 1/, [call(2, { at: 2 }), call(4, { at: 4, version: 3, created: 2, was: 2 })]],
  ["a creation that is none", /create revision 2/, [call(3, { at: 3, created: 2 })]],
  [
    "a wrong previous pair",
    /previous revision 1/,
    [call(2, { at: 2 }), call(3, { at: 3, version: 2, created: 2, was: 1 })],
  ],
  ["a call that holds more than it says", /holds 5/, [call(4, { at: 5 })]],
];

describe("watchProblems", () => {
  test("finds nothing wrong with a sound watch", () => {
    expect(watchProblems(sound, { startRevision: 2 })).toEqual([]);
  });

  test.each(broken)("finds %s", (_what, wanted, records) => {
    expect(watchProblems(records, { startRevision: 0 }).join("; ")).toMatch(wanted);
  });

  test("finds an event before the start, a gap, and a story cut short", () => {
    expect(watchProblems(sound, { startRevision: 3 })[0]).toMatch(/not ordered/);
    const story = [event({ at: 2 }), event({ at: 3, version: 2 }), event({ at: 4, gone: true })];
    const told = (records: WatchRecord[]): string => watchProblems(records, { startRevision: 0, story }).join("; ");
    expect(told([call(2, { at: 2 }), call(4, { at: 4, gone: true, was: 3 })])).toMatch(/not reliable: event 1/);
    expect(told([call(2, { at: 2 })])).toMatch(/not reliable: event 1 should be put k @3 v2 and is missing/);
  });
});
