/** gRPC's framing of messages in a stream of bytes: one byte of flags, four bytes of length, the message. */
import { BerthError } from "#pkg/system/errors.ts";

const prefixBytes = 5;

export function frameMessage(message: Uint8Array): Buffer {
  const frame = Buffer.allocUnsafe(prefixBytes + message.length);
  frame[0] = 0;
  frame.writeUInt32BE(message.length, 1);
  frame.set(message, prefixBytes);
  return frame;
}

/** Cuts arriving bytes into messages. */
export class FrameReader {
  readonly #maxMessageBytes: number;
  #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(maxMessageBytes: number) {
    this.#maxMessageBytes = maxMessageBytes;
  }

  /** True while part of a message waits for the rest. */
  get isPartial(): boolean {
    return this.#bytes > 0;
  }

  /** The messages that are whole now. Throws "Exhausted" for one that is too large, "Unsupported" for a compressed one. */
  push(chunk: Buffer): readonly Buffer[] {
    this.#chunks.push(chunk);
    this.#bytes += chunk.length;
    const messages: Buffer[] = [];
    for (let message = this.#take(); message !== undefined; message = this.#take()) messages.push(message);
    return messages;
  }

  #take(): Buffer | undefined {
    if (this.#bytes < prefixBytes) return undefined;
    const first = this.#joined(prefixBytes);
    if (first[0] !== 0) throw new BerthError("Unsupported", "grpc: compressed messages are not supported");
    const length = first.readUInt32BE(1);
    if (length > this.#maxMessageBytes) {
      throw new BerthError(
        "Exhausted",
        `grpc: received message larger than max (${length} vs. ${this.#maxMessageBytes})`,
      );
    }
    const end = prefixBytes + length;
    if (this.#bytes < end) return undefined;
    const joined = this.#joined(end);
    const rest = joined.subarray(end);
    this.#chunks[0] = rest;
    if (rest.length === 0) this.#chunks.shift();
    this.#bytes -= end;
    return joined.subarray(prefixBytes, end);
  }

  /** The first chunk, made at least `bytes` long. */
  #joined(bytes: number): Buffer {
    const first = this.#chunks[0];
    if (first !== undefined && first.length >= bytes) return first;
    const joined = Buffer.concat(this.#chunks);
    this.#chunks = [joined];
    return joined;
  }
}
