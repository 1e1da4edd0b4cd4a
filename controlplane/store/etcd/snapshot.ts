/**
 * The store's newest state as an etcd snapshot: a bbolt file with the buckets of etcd's backend, then the SHA-256 of it.
 * It is the state as compacted at its own revision, without older versions; `etcdctl snapshot restore` makes an etcd of
 * it that goes on at the same revision.
 * Source: etcd server/mvcc kvstore.go and revision.go, lease/lessor.go, etcdserver/cindex.
 */
import { createHash } from "node:crypto";
import { everything } from "../keys.ts";
import type { KeyValue, Store } from "../store.ts";
import { type BoltBucket, type BoltEntry, planBoltFile } from "./bbolt-writer.ts";
import { encodeKeyValue, keyValueBytes, numberField } from "./key-value-bytes.ts";

export interface Snapshot {
  readonly revision: number;
  /** Bytes of all pieces together. */
  readonly totalBytes: number;
  pieces(): Generator<Uint8Array>;
}

/** Reads the store; what is written to it afterwards is not part of the snapshot. */
export async function takeSnapshot(store: Store): Promise<Snapshot> {
  const { kvs, revision } = await store.range(everything);
  const plan = planBoltFile([
    { name: "key", entries: keyEntries(kvs) },
    { name: "lease", entries: await leaseEntries(store) },
    { name: "meta", entries: metaEntries(revision) },
    ...["alarm", "auth", "authRoles", "authUsers", "cluster", "members", "members_removed"].map(
      (name): BoltBucket => ({ name, entries: [] }),
    ),
  ]);
  const digestBytes = 32;
  return {
    revision,
    totalBytes: plan.totalBytes + digestBytes,
    *pieces() {
      const hash = createHash("sha256");
      for (const piece of plan.write()) {
        hash.update(piece);
        yield piece;
      }
      yield hash.digest();
    },
  };
}

/** Pairs by revision; those of one transaction are told apart by a running number. */
function keyEntries(kvs: readonly KeyValue[]): readonly BoltEntry[] {
  const sorted = kvs.toSorted((left, right) => left.modRevision - right.modRevision);
  let sub = 0;
  return sorted.map((kv, index) => {
    sub = sorted[index - 1]?.modRevision === kv.modRevision ? sub + 1 : 0;
    return { key: revisionBytes(kv.modRevision, sub), valueBytes: keyValueBytes(kv), value: () => encodeKeyValue(kv) };
  });
}

/** Main revision, '_', sub revision, as etcd's backend keys are written. */
function revisionBytes(main: number, sub: number): Buffer {
  const bytes = Buffer.alloc(17);
  bytes.writeBigUInt64BE(BigInt(main), 0);
  bytes.write("_", 8);
  bytes.writeBigUInt64BE(BigInt(sub), 9);
  return bytes;
}

function metaEntries(revision: number): readonly BoltEntry[] {
  const appliedIndex = Buffer.alloc(8);
  appliedIndex.writeBigUInt64BE(BigInt(revision));
  const term = Buffer.alloc(8);
  term.writeBigUInt64BE(1n);
  return [
    fixedEntry("consistent_index", appliedIndex),
    fixedEntry("finishedCompactRev", revisionBytes(revision, 0)),
    fixedEntry("scheduledCompactRev", revisionBytes(revision, 0)),
    fixedEntry("term", term),
  ];
}

async function leaseEntries(store: Store): Promise<readonly BoltEntry[]> {
  const ids = [...(await store.leases.list())].sort((left, right) => (left < right ? -1 : 1));
  const entries: BoltEntry[] = [];
  for (const id of ids) {
    const { grantedTtlSeconds } = await store.leases.timeToLive(id, false);
    const key = Buffer.alloc(8);
    key.writeBigInt64BE(id);
    const value = leaseMessage(id, BigInt(grantedTtlSeconds));
    entries.push({ key, valueBytes: value.length, value: () => value });
  }
  return entries;
}

function fixedEntry(key: string, value: Uint8Array): BoltEntry {
  return { key: Buffer.from(key), valueBytes: value.length, value: () => value };
}

/** leasepb.Lease: ID = 1, TTL = 2. */
function leaseMessage(id: bigint, ttl: bigint): Buffer {
  return Buffer.concat([numberField(1, id), numberField(2, ttl)]);
}
