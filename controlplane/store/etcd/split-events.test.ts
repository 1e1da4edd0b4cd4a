import { describe, expect, test } from "vitest";
import type { WatchEvent } from "../store.ts";
import { splitEvents } from "./split-events.ts";

const event = (bytes: number): WatchEvent => ({
  type: "put",
  kv: {
    key: new Uint8Array(0),
    value: new Uint8Array(bytes),
    createRevision: 1,
    modRevision: 1,
    version: 1,
    lease: 0n,
  },
});

describe("splitEvents", () => {
  test.each([
    ["nothing", [], []],
    ["what fits together", [100, 100, 100], [3]],
    ["what does not", [400, 400, 400, 400], [2, 2]],
    ["an event larger than the bound alone", [10, 5000, 10], [1, 1, 1]],
  ])("%s", (_what, sizes, wanted) => {
    const parts = splitEvents(sizes.map(event), 1000);
    expect(parts.map((part) => part.length)).toEqual(wanted);
    expect(parts.flat().map((each) => each.kv.value.length)).toEqual(sizes);
  });
});
