/**
 * Rows of the log as bytes, for the way between the store and the thread that writes them. Little endian:
 * id, modRevision, createRevision, version as doubles, lease as int64, then flags, key length and value length as
 * uint32, the key, the value. The checksum of a row on disk is taken over exactly these bytes.
 */
import { keyString } from "../keys.ts";
import type { KeyValue } from "../store.ts";

/** A row: one change of one key. */
export interface LogRow {
  readonly id: number;
  readonly kv: KeyValue;
  readonly deleted: boolean;
  /** The last row of its revision. */
  readonly last: boolean;
}

export const rowHeaderBytes = 52;
const deletedFlag = 1;
const lastFlag = 2;

export function rowBytes(row: LogRow): number {
  return rowHeaderBytes + row.kv.key.length + row.kv.value.length;
}

/** Writes rows one after the other into a buffer of their own. */
export function encodeRows(rows: readonly LogRow[]): ArrayBuffer {
  let total = 0;
  for (const row of rows) total += rowBytes(row);
  const buffer = new ArrayBuffer(total);
  const view = new DataView(buffer);
  const bytes = new Uint8Array(buffer);
  let offset = 0;
  for (const row of rows) offset = encodeRow(row, view, bytes, offset);
  return buffer;
}

/** Returns the offset after the row. */
export function encodeRow({ id, kv, deleted, last }: LogRow, view: DataView, bytes: Uint8Array, start: number): number {
  view.setFloat64(start, id, true);
  view.setFloat64(start + 8, kv.modRevision, true);
  view.setFloat64(start + 16, kv.createRevision, true);
  view.setFloat64(start + 24, kv.version, true);
  view.setBigInt64(start + 32, kv.lease, true);
  view.setUint32(start + 40, (deleted ? deletedFlag : 0) | (last ? lastFlag : 0), true);
  view.setUint32(start + 44, kv.key.length, true);
  view.setUint32(start + 48, kv.value.length, true);
  bytes.set(kv.key, start + rowHeaderBytes);
  bytes.set(kv.value, start + rowHeaderBytes + kv.key.length);
  return start + rowHeaderBytes + kv.key.length + kv.value.length;
}

/** A decoded row with its bytes; keys and values are views of the buffer. */
export interface DecodedRow extends LogRow {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export function* decodeRows(buffer: ArrayBuffer, end: number = buffer.byteLength): Generator<DecodedRow> {
  const view = new DataView(buffer);
  for (let start = 0; start < end; ) {
    const keyLength = view.getUint32(start + 44, true);
    const valueLength = view.getUint32(start + 48, true);
    const flags = view.getUint32(start + 40, true);
    const bytes = new Uint8Array(buffer, start, rowHeaderBytes + keyLength + valueLength);
    const key = bytes.subarray(rowHeaderBytes, rowHeaderBytes + keyLength);
    const kv: KeyValue = {
      key,
      value: bytes.subarray(rowHeaderBytes + keyLength),
      createRevision: view.getFloat64(start + 16, true),
      modRevision: view.getFloat64(start + 8, true),
      version: view.getFloat64(start + 24, true),
      lease: view.getBigInt64(start + 32, true),
    };
    yield {
      id: view.getFloat64(start, true),
      name: keyString(key),
      kv,
      deleted: (flags & deletedFlag) !== 0,
      last: (flags & lastFlag) !== 0,
      bytes,
    };
    start += bytes.length;
  }
}
