/** Bodies out of many small pieces: short ones as a whole, long ones chunk by chunk. */
import type { ChunkedBody } from "./api-request.ts";

/** Chunks are about this large: each is one write to the connection. */
export const chunkBytes = 256 * 1024;

/** `pieces` is asked for once, when the body is sent, unless the body is short. */
export function joinBody(pieces: () => Iterable<Uint8Array>, byteLength: number | undefined): Uint8Array | ChunkedBody {
  if (byteLength !== undefined && byteLength <= chunkBytes) return Buffer.concat([...pieces()], byteLength);
  return { byteLength, chunks: () => inChunks(pieces()) };
}

/** Joins pieces until a chunk is full. */
export function* inChunks(pieces: Iterable<Uint8Array>): Iterable<Uint8Array> {
  let pending: Uint8Array[] = [];
  let size = 0;
  for (const piece of pieces) {
    pending.push(piece);
    size += piece.length;
    if (size < chunkBytes) continue;
    yield Buffer.concat(pending, size);
    pending = [];
    size = 0;
  }
  if (size > 0) yield Buffer.concat(pending, size);
}
