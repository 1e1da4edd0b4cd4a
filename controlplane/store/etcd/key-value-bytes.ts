/**
 * mvccpb.KeyValue as bytes, with its size known before it is made. Fields that hold their default are left out, as
 * proto3 has it. Pure. Source: etcd api/mvccpb/kv.proto for the field numbers.
 */
import type { KeyValue } from "../store.ts";

const fields = { key: 1, createRevision: 2, modRevision: 3, version: 4, value: 5, lease: 6 } as const;

export function keyValueBytes(kv: KeyValue): number {
  return (
    blobBytes(kv.key) +
    numberBytes(BigInt(kv.createRevision)) +
    numberBytes(BigInt(kv.modRevision)) +
    numberBytes(BigInt(kv.version)) +
    blobBytes(kv.value) +
    numberBytes(kv.lease)
  );
}

export function encodeKeyValue(kv: KeyValue): Buffer {
  return Buffer.concat([
    blobField(fields.key, kv.key),
    numberField(fields.createRevision, BigInt(kv.createRevision)),
    numberField(fields.modRevision, BigInt(kv.modRevision)),
    numberField(fields.version, BigInt(kv.version)),
    blobField(fields.value, kv.value),
    numberField(fields.lease, kv.lease),
  ]);
}

/** A number as protobuf writes it: seven bits a byte, the lowest first. */
export function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, value);
  for (; rest > 0x7fn; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80);
  return Buffer.from([...bytes, Number(rest)]);
}

export function numberField(field: number, value: bigint): Buffer {
  return value === 0n ? Buffer.alloc(0) : Buffer.concat([Buffer.of(field << 3), varint(value)]);
}

function blobField(field: number, value: Uint8Array): Buffer {
  if (value.length === 0) return Buffer.alloc(0);
  return Buffer.concat([Buffer.of((field << 3) | 2), varint(BigInt(value.length)), value]);
}

function numberBytes(value: bigint): number {
  return value === 0n ? 0 : 1 + varint(value).length;
}

function blobBytes(value: Uint8Array): number {
  return value.length === 0 ? 0 : 1 + varint(BigInt(value.length)).length + value.length;
}
