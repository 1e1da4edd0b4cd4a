/**
 * Writes protobuf's wire format from the end to the beginning: by the time the length of a message has to be written, the
 * message already stands behind it. Callers write the last field first, and of each field the value before the tag.
 */

const initialCapacity = 1024;

export class WireWriter {
  #buffer: Buffer = Buffer.allocUnsafe(initialCapacity);
  /** Bytes from here to the end of the buffer are written. */
  #start: number = initialCapacity;

  /** How much has been written; the difference of two readings is the length of what was written between them. */
  get length(): number {
    return this.#buffer.length - this.#start;
  }

  /** A copy of what has been written. The writer can be used again. */
  finish(): Buffer {
    const written = Buffer.from(this.#buffer.subarray(this.#start));
    this.#start = this.#buffer.length;
    return written;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#buffer[--this.#start] = value;
  }

  uint32(value: number): void {
    if (value < 0x80) {
      this.byte(value);
      return;
    }
    const size = value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : value < 0x1000_0000 ? 4 : 5;
    this.#reserve(size);
    this.#start -= size;
    let rest = value;
    for (let at = this.#start; at < this.#start + size - 1; at++) {
      this.#buffer[at] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.#buffer[this.#start + size - 1] = rest;
  }

  /** Any whole number a double can hold, cut to 64 bits; negative numbers take ten bytes. */
  int64(value: number): void {
    if (value >= 0 && value <= 0xffff_ffff) {
      this.uint32(value);
      return;
    }
    let rest = BigInt.asUintN(64, BigInt(value));
    const bytes: number[] = [];
    while (rest >= 0x80n) {
      bytes.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.byte(Number(rest));
    for (const byte of bytes.reverse()) this.byte(byte);
  }

  double(value: number): void {
    this.#reserve(8);
    this.#start -= 8;
    this.#buffer.writeDoubleLE(value, this.#start);
  }

  /** The text and its length. */
  string(text: string): void {
    const size = this.#shortAscii(text) ?? this.#utf8(text);
    this.uint32(size);
  }

  /** The bytes and their length. */
  bytes(bytes: Uint8Array): void {
    this.#reserve(bytes.length);
    this.#start -= bytes.length;
    this.#buffer.set(bytes, this.#start);
    this.uint32(bytes.length);
  }

  #shortAscii(text: string): number | undefined {
    const size = text.length;
    if (size > 24) return undefined;
    this.#reserve(size);
    const start = this.#start - size;
    for (let at = 0; at < size; at++) {
      const code = text.charCodeAt(at);
      if (code >= 0x80) return undefined;
      this.#buffer[start + at] = code;
    }
    this.#start = start;
    return size;
  }

  #utf8(text: string): number {
    const size = Buffer.byteLength(text);
    this.#reserve(size);
    this.#start -= size;
    this.#buffer.write(text, this.#start, size, "utf8");
    return size;
  }

  #reserve(size: number): void {
    if (this.#start >= size) return;
    const written = this.#buffer.subarray(this.#start);
    const capacity = Math.max(this.#buffer.length * 2, written.length + size);
    const larger = Buffer.allocUnsafe(capacity);
    larger.set(written, capacity - written.length);
    this.#start = capacity - written.length;
    this.#buffer = larger;
  }
}
