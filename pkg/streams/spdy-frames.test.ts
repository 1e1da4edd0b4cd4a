import { constants, createDeflate, inflateSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { spdyDictionary } from "./spdy-dictionary.ts";
import { type SpdyFrame, SpdyFrameReader, SpdyFrameWriter } from "./spdy-frames.ts";
import { SpdyHeaderReader, SpdyHeaderWriter } from "./spdy-headers.ts";

const headersArbitrary = fc.dictionary(
  fc.stringMatching(/^[a-z-]{1,12}$/),
  fc.string({ unit: "grapheme-ascii", maxLength: 40 }),
  {
    maxKeys: 6,
  },
);
const id = fc.integer({ min: 1, max: 0x7fffffff });
const frameArbitrary: fc.Arbitrary<SpdyFrame> = fc.oneof(
  fc.record({ type: fc.constant("synStream" as const), streamId: id, fin: fc.boolean(), headers: headersArbitrary }),
  fc.record({ type: fc.constant("synReply" as const), streamId: id, fin: fc.boolean(), headers: headersArbitrary }),
  fc.record({ type: fc.constant("headers" as const), streamId: id, fin: fc.boolean(), headers: headersArbitrary }),
  fc.record({ type: fc.constant("rstStream" as const), streamId: id, status: fc.integer({ min: 1, max: 11 }) }),
  fc.record({ type: fc.constant("ping" as const), id: fc.integer({ min: 1, max: 0xffffffff }) }),
  fc.record({ type: fc.constant("goaway" as const), lastStreamId: id, status: fc.integer({ min: 0, max: 2 }) }),
  fc.record({ type: fc.constant("windowUpdate" as const), streamId: id, delta: id }),
  fc.record({
    type: fc.constant("data" as const),
    streamId: id,
    fin: fc.boolean(),
    data: fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  }),
);

describe("spdyDictionary", () => {
  test("is the one of the protocol, by its length and checksum", () => {
    expect(spdyDictionary).toHaveLength(1423);
    const block = new SpdyHeaderWriter().write({});
    expect(block.subarray(2, 6).toString("hex")).toBe("e3c6a7c2");
  });
});

describe("SpdyFrameReader", () => {
  test("reads back what SpdyFrameWriter wrote, however the bytes are cut", () => {
    fc.assert(
      fc.property(fc.array(frameArbitrary, { maxLength: 8 }), fc.integer({ min: 1, max: 64 }), (frames, step) => {
        const writer = new SpdyFrameWriter();
        const bytes = Buffer.concat(frames.map((frame) => writer.write(frame)));
        const reader = new SpdyFrameReader();
        const got: SpdyFrame[] = [];
        for (let offset = 0; offset < bytes.length; offset += step)
          got.push(...reader.push(bytes.subarray(offset, offset + step)));
        expect(got).toEqual(
          frames.map((frame) => ("headers" in frame ? { ...frame, headers: { ...frame.headers } } : frame)),
        );
      }),
    );
  });

  test("refuses another protocol version", () => {
    expect(() => new SpdyFrameReader().push(Buffer.from("8002000600000004deadbeef", "hex"))).toThrow(/version 2/);
  });

  test("refuses a control frame that ends too early", () => {
    expect(() => new SpdyFrameReader().push(Buffer.from("8003000300000000", "hex"))).toThrow(/too early/);
  });
});

describe("SpdyHeaderReader", () => {
  test("reads what a real zlib compressor makes, block after block with shared history", async () => {
    const deflate = createDeflate({ dictionary: spdyDictionary });
    const compress = (plain: Buffer): Promise<Buffer> =>
      new Promise((resolve) => {
        const parts: Buffer[] = [];
        const collect = (part: Buffer): number => parts.push(part);
        deflate.on("data", collect);
        deflate.write(plain);
        deflate.flush(constants.Z_SYNC_FLUSH, () => {
          deflate.off("data", collect);
          resolve(Buffer.concat(parts));
        });
      });
    const reader = new SpdyHeaderReader();
    for (const headers of [
      { streamtype: "error", port: "8080" },
      { streamtype: "data", port: "8080" },
      { streamtype: "data", port: "8080" },
    ]) {
      expect({ ...reader.read(await compress(plainBlock(headers))) }).toEqual(headers);
    }
  });

  test("refuses blocks that unpack to too much", () => {
    const bomb = new SpdyHeaderWriter().write({ a: "x".repeat(100_000) });
    expect(() => new SpdyHeaderReader().read(bomb)).toThrow(/decompress/);
  });
});

describe("SpdyHeaderWriter", () => {
  test("writes what a real zlib inflater reads", () => {
    const block = new SpdyHeaderWriter().write({ streamtype: "stdin" });
    const plain = inflateSync(block, { dictionary: spdyDictionary, finishFlush: constants.Z_SYNC_FLUSH });
    expect(plain).toEqual(plainBlock({ streamtype: "stdin" }));
  });
});

function plainBlock(headers: Record<string, string>): Buffer {
  const parts: Buffer[] = [];
  const text = (value: string): void => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(Buffer.byteLength(value), 0);
    parts.push(length, Buffer.from(value));
  };
  const count = Buffer.alloc(4);
  count.writeUInt32BE(Object.keys(headers).length, 0);
  for (const [name, value] of Object.entries(headers)) {
    text(name);
    text(value);
  }
  return Buffer.concat([count, ...parts]);
}
