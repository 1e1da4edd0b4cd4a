/**
 * The newest state in an etcd snapshot, one of etcd's own or one of ours. Pure. Throws "Corrupt" with what is wrong.
 * Source: etcd server/mvcc kvstore.go restore, revision.go, lease/lessor.go.
 */
import { createHash } from "node:crypto";
import { BerthError } from "#pkg/system/errors.ts";
import type * as pb from "../generated/etcd.ts";
import { compareKeyStrings, keyString } from "../keys.ts";
import type { KeyValue } from "../store.ts";
import { BoltFile } from "./bbolt-reader.ts";
import { decodeMessage } from "./descriptor.ts";
import { fromKeyValue } from "./response-messages.ts";

export interface SnapshotState {
  readonly revision: number;
  /** Ascending by key. */
  readonly pairs: readonly KeyValue[];
  readonly leases: readonly { readonly id: bigint; readonly ttlSeconds: number }[];
}

const digestBytes = 32;
const tombstoneMark = 0x74;

export function readSnapshot(snapshot: Uint8Array): SnapshotState {
  const database = snapshot.subarray(0, Math.max(0, snapshot.length - digestBytes));
  const digest = createHash("sha256").update(database).digest();
  if (!digest.equals(snapshot.subarray(database.length))) {
    throw new BerthError("Corrupt", "the snapshot is damaged or cut short: its SHA-256 is another one");
  }
  const file = new BoltFile(database);
  const newest = new Map<string, KeyValue>();
  let revision = 1;
  // Changes come in the order of their revisions, so the last one of a key counts.
  for (const { key, value } of file.entries("key")) {
    if (key.length < 17) throw new BerthError("Corrupt", "the snapshot is damaged: a revision is cut short");
    revision = Math.max(revision, Number(key.readBigUInt64BE(0)));
    const kv = fromKeyValue(decodeMessage("mvccpb.KeyValue", value) as pb.KeyValue);
    if (key[17] === tombstoneMark) newest.delete(keyString(kv.key));
    else newest.set(keyString(kv.key), kv);
  }
  for (const { key, value } of file.entries("meta")) {
    if (key.toString() === "scheduledCompactRev" && value.length >= 8) {
      revision = Math.max(revision, Number(value.readBigUInt64BE(0)));
    }
  }
  const sorted = [...newest].sort(([left], [right]) => compareKeyStrings(left, right));
  return { revision, pairs: sorted.map(([, kv]) => kv), leases: [...readLeases(file)] };
}

function* readLeases(file: BoltFile): Generator<{ readonly id: bigint; readonly ttlSeconds: number }> {
  for (const { key, value } of file.entries("lease")) {
    if (key.length !== 8) throw new BerthError("Corrupt", "the snapshot is damaged: a lease is cut short");
    // leasepb.Lease is not part of the API; a checkpoint has the same two fields, the ID and a time to live.
    const lease = decodeMessage("etcdserverpb.LeaseCheckpoint", value) as pb.LeaseCheckpoint;
    yield { id: key.readBigInt64BE(0), ttlSeconds: Number(lease.remaining_TTL) };
  }
}
