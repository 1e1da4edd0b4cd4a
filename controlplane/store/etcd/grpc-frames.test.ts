import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { FrameReader, frameMessage } from "./grpc-frames.ts";

describe("FrameReader", () => {
  test("finds the messages however the bytes are cut", () => {
    const messages = fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 8 });
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 20 }), { minLength: 1 }), (sent, cuts) => {
        const bytes = Buffer.concat(sent.map(frameMessage));
        const reader = new FrameReader(100);
        const received: number[][] = [];
        for (let at = 0, cut = 0; at < bytes.length; cut++) {
          const next = at + (cuts[cut % cuts.length] ?? 1);
          received.push(...reader.push(bytes.subarray(at, next)).map((message) => [...message]));
          at = next;
        }
        expect(received).toEqual(sent.map((message) => [...message]));
        expect(reader.isPartial).toBe(false);
      }),
    );
  });

  test("refuses a message over the bound as soon as its length is known, and a compressed one", () => {
    const long = frameMessage(new Uint8Array(101)).subarray(0, 5);
    expect(() => new FrameReader(100).push(long)).toThrow("received message larger than max (101 vs. 100)");
    const compressed = frameMessage(Uint8Array.of(1));
    compressed[0] = 1;
    expect(() => new FrameReader(100).push(compressed)).toThrow("compressed");
  });
});
