/**
 * SPDY/3.1 header blocks. Each direction of a connection is one zlib stream with a preset dictionary.
 *
 *  - Writing uses stored (uncompressed) deflate blocks: valid zlib, and no state beyond "was the header sent".
 *  - Reading inflates each block by itself: a block ends at a byte border (sync flush), so the last 32 KiB of output are
 *    the only state the next block needs, and Node's synchronous raw inflate takes them as its dictionary.
 */
import { constants, inflateRawSync } from "node:zlib";
import { BerthError } from "#pkg/system/errors.ts";
import { spdyDictionary } from "./spdy-dictionary.ts";

/** Lower-case names to values. */
export type SpdyHeaders = Readonly<Record<string, string>>;

const windowBytes = 32 * 1024;
/** A header block larger than this is an attack: ours hold a handful of short headers. */
const maxBlockBytes = 64 * 1024;
const maxStoredBytes = 0xffff;

export class SpdyHeaderWriter {
  #started = false;

  write(headers: SpdyHeaders): Buffer {
    const plain = encodeHeaders(headers);
    const parts = this.#started ? [] : [zlibStart()];
    this.#started = true;
    for (let offset = 0; offset < plain.length; offset += maxStoredBytes) {
      parts.push(storedBlock(plain.subarray(offset, offset + maxStoredBytes)));
    }
    // An empty block is how zlib flushes. Go's inflater hands data out only then: without it, it reads past the frame.
    parts.push(storedBlock(Buffer.alloc(0)));
    return Buffer.concat(parts);
  }
}

export class SpdyHeaderReader {
  #started = false;
  #window: Buffer = spdyDictionary;

  /** Throws "Corrupt" when the block is not what a SPDY peer may send. */
  read(block: Buffer): SpdyHeaders {
    const start = this.#started ? 0 : zlibStart().length;
    this.#started = true;
    let plain: Buffer;
    try {
      plain = inflateRawSync(block.subarray(start), {
        dictionary: this.#window,
        finishFlush: constants.Z_SYNC_FLUSH,
        maxOutputLength: maxBlockBytes,
      });
    } catch (error) {
      throw new BerthError("Corrupt", "cannot decompress a SPDY header block", { cause: error });
    }
    this.#window = Buffer.concat([this.#window, plain]).subarray(-windowBytes);
    return decodeHeaders(plain);
  }
}

function encodeHeaders(headers: SpdyHeaders): Buffer {
  const entries = Object.entries(headers);
  const parts = [uint32(entries.length)];
  for (const [name, value] of entries) {
    for (const text of [name.toLowerCase(), value]) {
      const bytes = Buffer.from(text, "utf8");
      parts.push(uint32(bytes.length), bytes);
    }
  }
  return Buffer.concat(parts);
}

function decodeHeaders(plain: Buffer): SpdyHeaders {
  let offset = 0;
  const take = (length: number): Buffer => {
    if (offset + length > plain.length) throw new BerthError("Corrupt", "a SPDY header block ends too early");
    offset += length;
    return plain.subarray(offset - length, offset);
  };
  const takeText = (): string => take(take(4).readUInt32BE(0)).toString("utf8");
  const headers: Record<string, string> = Object.create(null) as Record<string, string>;
  for (let left = take(4).readUInt32BE(0); left > 0; left--) {
    const name = takeText();
    // Repeated headers travel as one value with NULs between.
    headers[name] = takeText().replaceAll("\0", ", ");
  }
  return headers;
}

/** CMF and FLG with the preset-dictionary bit, then the dictionary's Adler-32 (RFC 1950). */
function zlibStart(): Buffer {
  return Buffer.concat([Buffer.from([0x78, 0xbb]), uint32(adler32(spdyDictionary))]);
}

/** A deflate block of type "stored" (RFC 1951, 3.2.4), which starts and ends on byte borders. */
function storedBlock(data: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt16LE(data.length, 1);
  head.writeUInt16LE(~data.length & 0xffff, 3);
  return Buffer.concat([head, data]);
}

function adler32(data: Buffer): number {
  let [low, high] = [1, 0];
  for (const byte of data) {
    low = (low + byte) % 65521;
    high = (high + low) % 65521;
  }
  return ((high << 16) | low) >>> 0;
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}
