/**
 * Keys as strings: byte N of a key is the character with code N (latin1). JavaScript compares strings by code unit, so
 * such strings sort exactly as the bytes do, hash fast, and work as keys of Map and of the ordered index.
 */
import type { KeyRange } from "./store.ts";

/** Bounds of a range over key strings. */
export interface Bounds {
  readonly start: string;
  /** Exclusive; undefined: no upper bound. */
  readonly end: string | undefined;
  /** True: only the key `start`. */
  readonly single: boolean;
}

export function keyString(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.byteLength).toString("latin1");
}

export function keyBytes(key: string): Uint8Array {
  return Buffer.from(key, "latin1");
}

/** Reads etcd's convention: no end is one key, the end "\0" is everything from the start on. */
export function boundsOf(range: KeyRange): Bounds {
  const start = keyString(range.start);
  if (range.end === undefined || range.end.length === 0) return { start, end: undefined, single: true };
  if (range.end.length === 1 && range.end[0] === 0) return { start, end: undefined, single: false };
  return { start, end: keyString(range.end), single: false };
}

export function inBounds(bounds: Bounds, key: string): boolean {
  if (bounds.single) return key === bounds.start;
  return key >= bounds.start && (bounds.end === undefined || key < bounds.end);
}

/** The exclusive end of all keys that begin with `prefix`; "\0" (no bound) when every byte of it is 0xff. */
export function prefixEnd(prefix: Uint8Array): Uint8Array {
  for (let last = prefix.length - 1; last >= 0; last--) {
    const byte = prefix[last] ?? 0;
    if (byte === 0xff) continue;
    // Not slice: on a Buffer that shares memory.
    const end = Uint8Array.from(prefix.subarray(0, last + 1));
    end[last] = byte + 1;
    return end;
  }
  return Uint8Array.of(0);
}

export function compareKeyStrings(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

export function compareBytes(left: Uint8Array, right: Uint8Array): number {
  return Buffer.compare(left, right);
}

/** The range of every key. */
export const everything: Required<KeyRange> = { start: Uint8Array.of(0), end: Uint8Array.of(0) };
