/**
 * SPDY/3.1 frames as values, with a codec between them and bytes. Kubernetes streams (exec, attach, port-forward) still
 * travel in them, bare or inside a WebSocket.
 * Source: SPDY protocol draft 3.1, sections 2.2 and 2.6.
 */
import { BerthError } from "#pkg/system/errors.ts";
import { SpdyHeaderReader, type SpdyHeaders, SpdyHeaderWriter } from "./spdy-headers.ts";

export type SpdyFrame =
  | { readonly type: "synStream"; readonly streamId: number; readonly fin: boolean; readonly headers: SpdyHeaders }
  | { readonly type: "synReply"; readonly streamId: number; readonly fin: boolean; readonly headers: SpdyHeaders }
  | { readonly type: "rstStream"; readonly streamId: number; readonly status: number }
  | { readonly type: "settings" }
  | { readonly type: "ping"; readonly id: number }
  | { readonly type: "goaway"; readonly lastStreamId: number; readonly status: number }
  | { readonly type: "headers"; readonly streamId: number; readonly fin: boolean; readonly headers: SpdyHeaders }
  | { readonly type: "windowUpdate"; readonly streamId: number; readonly delta: number }
  | { readonly type: "data"; readonly streamId: number; readonly fin: boolean; readonly data: Buffer };

const controlTypes = {
  synStream: 1,
  synReply: 2,
  rstStream: 3,
  settings: 4,
  ping: 6,
  goaway: 7,
  headers: 8,
  windowUpdate: 9,
} as const;

const version = 3;
const headBytes = 8;
const flagFin = 0x01;
const idMask = 0x7fffffff;
const maxFrameBytes = 0xffffff;

export class SpdyFrameWriter {
  readonly #headers = new SpdyHeaderWriter();

  write(frame: SpdyFrame): Buffer {
    switch (frame.type) {
      case "data":
        return dataFrame(frame.streamId, frame.fin, frame.data);
      case "synStream":
        // Stream, associated stream (none), priority and slot.
        return control(
          "synStream",
          frame.fin,
          Buffer.concat([words(frame.streamId, 0), Buffer.alloc(2), this.#headers.write(frame.headers)]),
        );
      case "synReply":
      case "headers":
        return control(
          frame.type,
          frame.fin,
          Buffer.concat([words(frame.streamId), this.#headers.write(frame.headers)]),
        );
      case "rstStream":
        return control(frame.type, false, words(frame.streamId, frame.status));
      case "settings":
        return control(frame.type, false, words(0));
      case "ping":
        return control(frame.type, false, words(frame.id));
      case "goaway":
        return control(frame.type, false, words(frame.lastStreamId, frame.status));
      case "windowUpdate":
        return control(frame.type, false, words(frame.streamId, frame.delta));
    }
  }
}

/** Turns bytes, cut anywhere, into frames. Throws "Corrupt" on anything a SPDY/3.1 peer would not send. */
export class SpdyFrameReader {
  readonly #headers = new SpdyHeaderReader();
  #pending: Buffer = Buffer.alloc(0);

  push(chunk: Uint8Array): readonly SpdyFrame[] {
    this.#pending = this.#pending.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#pending, chunk]);
    const frames: SpdyFrame[] = [];
    for (;;) {
      if (this.#pending.length < headBytes) return frames;
      const length = this.#pending.readUInt32BE(4) & maxFrameBytes;
      if (this.#pending.length < headBytes + length) return frames;
      const frame = this.#parse(
        this.#pending.subarray(0, headBytes),
        this.#pending.subarray(headBytes, headBytes + length),
      );
      if (frame) frames.push(frame);
      this.#pending = this.#pending.subarray(headBytes + length);
    }
  }

  #parse(head: Buffer, body: Buffer): SpdyFrame | undefined {
    const fin = ((head[4] ?? 0) & flagFin) !== 0;
    if (((head[0] ?? 0) & 0x80) === 0) {
      return { type: "data", streamId: head.readUInt32BE(0) & idMask, fin, data: body };
    }
    if ((head.readUInt16BE(0) & 0x7fff) !== version) {
      throw new BerthError(
        "Corrupt",
        `a SPDY frame of version ${head.readUInt16BE(0) & 0x7fff}; only ${version} is known`,
      );
    }
    return this.#parseControl(head.readUInt16BE(2), fin, body);
  }

  #parseControl(type: number, fin: boolean, body: Buffer): SpdyFrame | undefined {
    switch (type) {
      case controlTypes.synStream:
        return {
          type: "synStream",
          streamId: word(body, 0) & idMask,
          fin,
          headers: this.#headers.read(body.subarray(10)),
        };
      case controlTypes.synReply:
        return {
          type: "synReply",
          streamId: word(body, 0) & idMask,
          fin,
          headers: this.#headers.read(body.subarray(4)),
        };
      case controlTypes.headers:
        return {
          type: "headers",
          streamId: word(body, 0) & idMask,
          fin,
          headers: this.#headers.read(body.subarray(4)),
        };
      case controlTypes.rstStream:
        return { type: "rstStream", streamId: word(body, 0) & idMask, status: word(body, 4) };
      case controlTypes.settings:
        return { type: "settings" };
      case controlTypes.ping:
        return { type: "ping", id: word(body, 0) };
      case controlTypes.goaway:
        return { type: "goaway", lastStreamId: word(body, 0) & idMask, status: word(body, 4) };
      case controlTypes.windowUpdate:
        return { type: "windowUpdate", streamId: word(body, 0) & idMask, delta: word(body, 4) & idMask };
      default:
        // Unknown control frames are skipped, as the protocol asks.
        return undefined;
    }
  }
}

function dataFrame(streamId: number, fin: boolean, data: Buffer): Buffer {
  if (data.length > maxFrameBytes)
    throw new BerthError("Invalid", `a SPDY data frame of ${data.length} bytes is too large`);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(streamId & idMask, 0);
  head.writeUInt32BE(((fin ? flagFin : 0) << 24) | data.length, 4);
  return Buffer.concat([head, data]);
}

function control(type: keyof typeof controlTypes, fin: boolean, body: Buffer): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt16BE(0x8000 | version, 0);
  head.writeUInt16BE(controlTypes[type], 2);
  head.writeUInt32BE(((fin ? flagFin : 0) << 24) | body.length, 4);
  return Buffer.concat([head, body]);
}

function words(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(values.length * 4);
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value >>> 0, index * 4);
  return bytes;
}

function word(body: Buffer, offset: number): number {
  if (body.length < offset + 4) throw new BerthError("Corrupt", "a SPDY control frame ends too early");
  return body.readUInt32BE(offset);
}
