/**
 * Reads protobuf's wire format from bytes. Every read is checked against the end of the bytes, and throws DecodeError.
 */
import { DecodeError } from "./decode-error.ts";

export const wireType = { varint: 0, fixed64: 1, bytes: 2, startGroup: 3, endGroup: 4, fixed32: 5 } as const;

const maxGroupDepth = 32;

export class WireReader {
  readonly #bytes: Buffer;
  #position: number;
  #end: number;

  constructor(bytes: Uint8Array, start = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#position = start;
    this.#end = bytes.byteLength;
  }

  /** True when the current message has been read. */
  get atEnd(): boolean {
    return this.#position >= this.#end;
  }

  /** Field number times eight, plus wire type. */
  tag(): number {
    const tag = this.uint32();
    if (tag >>> 3 === 0) throw new DecodeError("proto: illegal tag 0");
    return tag;
  }

  /** The low 32 bits of a varint, unsigned. */
  uint32(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    let value = first & 0x7f;
    for (let shift = 7; shift < 70; shift += 7) {
      const byte = this.#byte();
      if (shift < 35) value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value >>> 0;
    }
    throw new DecodeError("proto: integer overflow");
  }

  int32(): number {
    return this.uint32() | 0;
  }

  bool(): boolean {
    return this.int64() !== 0;
  }

  /** Numbers past 2^53 lose their last digits. */
  int64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else high |= bits << 31;
      if (byte < 0x80) return (high | 0) * 0x1_0000_0000 + (low >>> 0);
    }
    throw new DecodeError("proto: integer overflow");
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#advance(8));
  }

  string(): string {
    const length = this.uint32();
    const start = this.#advance(length);
    return shortAscii(this.#bytes, start, length) ?? this.#bytes.toString("utf8", start, start + length);
  }

  /** A view, not a copy. */
  bytes(): Buffer {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.#bytes.subarray(start, start + length);
  }

  base64(): string {
    const length = this.uint32();
    const start = this.#advance(length);
    return this.#bytes.toString("base64", start, start + length);
  }

  /** Narrows the reader to the message that starts here; hand the result to `leave` when it has been read. */
  enter(): number {
    const length = this.uint32();
    const outer = this.#end;
    if (length > outer - this.#position) throw unexpectedEnd();
    this.#end = this.#position + length;
    return outer;
  }

  leave(outer: number): void {
    this.#position = this.#end;
    this.#end = outer;
  }

  /** Steps over a field whose tag has been read. */
  skip(tag: number, groupDepth = 0): void {
    switch (tag & 7) {
      case wireType.varint:
        this.int64();
        return;
      case wireType.fixed64:
        this.#advance(8);
        return;
      case wireType.bytes:
        this.#advance(this.uint32());
        return;
      case wireType.fixed32:
        this.#advance(4);
        return;
      case wireType.startGroup:
        this.#skipGroup(tag >>> 3, groupDepth);
        return;
      default:
        throw new DecodeError(`proto: illegal wire type ${tag & 7}`);
    }
  }

  #skipGroup(number: number, depth: number): void {
    if (depth >= maxGroupDepth) throw new DecodeError("proto: groups nested too deep");
    for (;;) {
      const tag = this.tag();
      if ((tag & 7) === wireType.endGroup) {
        if (tag >>> 3 !== number) throw new DecodeError("proto: unexpected end of group");
        return;
      }
      this.skip(tag, depth + 1);
    }
  }

  #byte(): number {
    if (this.#position >= this.#end) throw unexpectedEnd();
    return this.#bytes[this.#position++]!;
  }

  #advance(length: number): number {
    const start = this.#position;
    if (length > this.#end - start) throw unexpectedEnd();
    this.#position = start + length;
    return start;
  }
}

/** Most strings are short and plain; reading them here saves the call into the runtime. */
function shortAscii(bytes: Buffer, start: number, length: number): string | undefined {
  if (length > 24) return undefined;
  let text = "";
  for (let at = start; at < start + length; at++) {
    const code = bytes[at]!;
    if (code >= 0x80) return undefined;
    text += String.fromCharCode(code);
  }
  return text;
}

function unexpectedEnd(): DecodeError {
  return new DecodeError("unexpected EOF");
}
