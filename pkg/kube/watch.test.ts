import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { decodeWatch, type WatchDecodeOptions, type WatchEvent } from "./watch.ts";

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;
const named = (name: string): KubeObject => ({ kind: "Pod", metadata: { name } });

async function* chunks(parts: readonly (string | Uint8Array)[]): AsyncGenerator<Uint8Array, void, void> {
  for (const part of parts) yield Buffer.from(part);
}

/** All events, and what the stream ended with. */
async function drain(
  body: AsyncIterable<Uint8Array>,
  options?: WatchDecodeOptions,
): Promise<{ events: WatchEvent[]; error: unknown }> {
  const events: WatchEvent[] = [];
  try {
    for await (const batch of decodeWatch(body, options)) events.push(...batch);
  } catch (error) {
    return { events, error };
  }
  return { events, error: undefined };
}

describe("decodeWatch", () => {
  test("finds the same events wherever the chunks are cut", async () => {
    const names = ["a", "ü", "漢字", "🙂", "", "with\nnewline"];
    const bytes = Buffer.from(names.map((name) => line("ADDED", named(name))).join(""));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const borders = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
        const parts = borders.slice(1).map((end, index) => bytes.subarray(borders[index], end));
        const { events, error } = await drain(chunks(parts));
        expect(error).toBeUndefined();
        expect(events).toEqual(names.map((name) => ({ type: "ADDED", object: named(name) })));
      }),
    );
  });

  test("groups the events of one chunk", async () => {
    const batches: number[] = [];
    const body = chunks([line("ADDED", named("a")) + line("DELETED", named("a")), line("BOOKMARK", named(""))]);
    for await (const batch of decodeWatch(body)) batches.push(batch.length);
    expect(batches).toEqual([2, 1]);
  });

  test("an ERROR event ends the stream with its Status, after the events before it", async () => {
    const status = { kind: "Status", code: 410, reason: "Expired", message: "too old resource version: 1 (2)" };
    const { events, error } = await drain(chunks([line("ADDED", named("a")) + line("ERROR", status)]));
    expect(events).toHaveLength(1);
    expect(error).toMatchObject({ code: 410, reason: "Expired", message: status.message });
  });

  test.each([
    ["not JSON", "nonsense\n"],
    ["an event without an object", '{"type":"ADDED"}\n'],
    ["an unknown type", line("RENAMED", named("a"))],
    ["null", "null\n"],
  ])("%s is Corrupt", async (_name, text) => {
    expect((await drain(chunks([text]))).error).toMatchObject({ code: "Corrupt" });
  });

  test("a line that never ends is Exhausted at its longest length, not kept", async () => {
    let sent = 0;
    async function* endless(): AsyncGenerator<Uint8Array, void, void> {
      for (;;) {
        sent += 100;
        yield Buffer.alloc(100, "x");
      }
    }
    expect((await drain(endless(), { maxLineBytes: 1000 })).error).toMatchObject({ code: "Exhausted" });
    expect(sent).toBe(1100);
  });

  test("a line cut off by the end of the stream is dropped", async () => {
    const { events, error } = await drain(chunks([line("ADDED", named("a")), '{"type":"ADD']));
    expect([events.length, error]).toEqual([1, undefined]);
  });
});
