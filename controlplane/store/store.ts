/**
 * The store port: etcd's key-value semantics, whatever engine is behind it.
 *
 * Properties every implementation keeps (one shared suite proves them on the memory fake, the embedded engine and a real
 * etcd):
 *  1. A fresh store is at revision 1; each transaction that changes anything takes exactly the next revision, and all
 *     its changes share it. Nothing else moves the revision.
 *  2. Strict serializability of transactions; a resolved write is durable.
 *  3. A watch delivers every change once, in revision order, never splitting a revision, with no gap.
 *  4. Reading or watching below the compacted revision fails with code "Expired"; reading at it works.
 *
 * Keys and values are bytes; keys compare as unsigned bytes. Revisions are safe integers.
 * Source: etcd v3 API (etcdserverpb/rpc.proto, api_guarantees).
 */

export interface KeyValue {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly createRevision: number;
  readonly modRevision: number;
  /** Number of writes in this life of the key, from 1. */
  readonly version: number;
  /** Lease ID, or 0n. */
  readonly lease: bigint;
}

/** Keys from `start` (inclusive) to `end` (exclusive). */
export interface KeyRange {
  readonly start: Uint8Array;
  /** Absent: the single key `start`. The byte 0x00 alone: every key from `start` on. */
  readonly end?: Uint8Array | undefined;
}

export type SortTarget = "key" | "version" | "create" | "mod" | "value";

export interface RangeRequest extends KeyRange {
  /** At most this many pairs; 0 or absent: all. */
  readonly limit?: number | undefined;
  /** The state as of this revision; 0 or absent: the newest. */
  readonly revision?: number | undefined;
  readonly countOnly?: boolean | undefined;
  /** Values come back empty. */
  readonly keysOnly?: boolean | undefined;
  /** May answer from local state without asking the cluster. */
  readonly serializable?: boolean | undefined;
  /** Absent: ascending by key. */
  readonly sort?: { readonly by: SortTarget; readonly descending: boolean } | undefined;
  readonly minModRevision?: number | undefined;
  readonly maxModRevision?: number | undefined;
  readonly minCreateRevision?: number | undefined;
  readonly maxCreateRevision?: number | undefined;
}

export interface RangeResponse {
  /** The store's newest revision when the request was answered. */
  readonly revision: number;
  readonly kvs: readonly KeyValue[];
  /** True when `limit` cut the answer. */
  readonly more: boolean;
  /** All matches in the range, also those cut by `limit`. */
  readonly count: number;
}

export type CompareTarget = "version" | "create" | "mod" | "lease" | "value";

export interface Compare extends KeyRange {
  readonly target: CompareTarget;
  readonly relation: "equal" | "notEqual" | "greater" | "less";
  /** A number for version, create and mod; a bigint for lease; bytes for value. */
  readonly operand: number | bigint | Uint8Array;
}

export interface PutOperation {
  readonly kind: "put";
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** 0n or absent: no lease. */
  readonly lease?: bigint | undefined;
  readonly prevKv?: boolean | undefined;
  /** Keep the value (or the lease) that the key has; fails when the key is absent. */
  readonly ignoreValue?: boolean | undefined;
  readonly ignoreLease?: boolean | undefined;
}

export interface DeleteOperation extends KeyRange {
  readonly kind: "delete";
  readonly prevKv?: boolean | undefined;
}

export type Operation =
  | PutOperation
  | DeleteOperation
  | ({ readonly kind: "range" } & RangeRequest)
  | ({ readonly kind: "txn" } & TxnRequest);

/** All compares hold: `success` runs; else `failure`. At most 128 compares and operations each. */
export interface TxnRequest {
  readonly compare: readonly Compare[];
  readonly success: readonly Operation[];
  readonly failure: readonly Operation[];
}

export type OperationResult =
  | { readonly kind: "put"; readonly prevKv?: KeyValue | undefined }
  | { readonly kind: "delete"; readonly deleted: number; readonly prevKvs: readonly KeyValue[] }
  | ({ readonly kind: "range" } & RangeResponse)
  | ({ readonly kind: "txn" } & TxnResponse);

export interface TxnResponse {
  readonly succeeded: boolean;
  /** The revision the transaction made, or the newest one when it changed nothing. */
  readonly revision: number;
  readonly results: readonly OperationResult[];
}

export interface WatchEvent {
  readonly type: "put" | "delete";
  /** Of a delete: the key, modRevision of the deletion, and no value. */
  readonly kv: KeyValue;
  /** The pair before the change, when it was asked for and existed at a revision that is not compacted. */
  readonly prevKv?: KeyValue | undefined;
}

export interface WatchRequest extends KeyRange {
  /** First revision to deliver; 0 or absent: what comes after the watch was set up. A future one waits silently. */
  readonly startRevision?: number | undefined;
  readonly prevKv?: boolean | undefined;
}

/** Called in revision order, never concurrently. Receivers must not block: they queue. */
export interface WatchReceiver {
  /** Whole revisions: events of one revision are never split over two calls. `revision` is the last one included. */
  events(events: readonly WatchEvent[], revision: number): void;
  /** Everything up to and including `revision` has been delivered. */
  progress(revision: number): void;
  /**
   * The watch ended: `undefined` after `close`, an error with code "Expired" and `details.compactRevision` when the
   * start was compacted, "Unavailable" when the connection was lost or the receiver fell too far behind.
   */
  closed(error: Error | undefined): void;
}

export interface WatchHandle {
  /** Resolves once the watch is set up (changes made after that are delivered), or when it ended before that. */
  readonly ready: Promise<void>;
  /**
   * Asks for a `progress` call with the current revision as soon as everything before it was delivered. Over an etcd too
   * old to answer in order it does nothing.
   */
  requestProgress(): void;
  close(): void;
}

export interface LeaseInfo {
  readonly id: bigint;
  readonly grantedTtlSeconds: number;
  /** Seconds left; -1 when there is no such lease. */
  readonly ttlSeconds: number;
  readonly keys: readonly Uint8Array[];
}

/** Leases: keys attached to one are deleted, at a new revision, when it is revoked or runs out. */
export interface Leases {
  /** `id` 0n: the store picks one. Throws "AlreadyExists". */
  grant(ttlSeconds: number, id?: bigint): Promise<{ readonly id: bigint; readonly ttlSeconds: number }>;
  /** Throws "NotFound". */
  revoke(id: bigint): Promise<{ readonly revision: number }>;
  /** Starts the time to live again; returns it, or throws "NotFound". */
  keepAlive(id: bigint): Promise<number>;
  timeToLive(id: bigint, withKeys: boolean): Promise<LeaseInfo>;
  list(): Promise<readonly bigint[]>;
}

export interface StoreStatus {
  readonly revision: number;
  readonly compactRevision: number;
  readonly sizeBytes: number;
  readonly sizeInUseBytes: number;
  /** Version of the engine as etcd reports it, e.g. "3.5.30". */
  readonly version: string;
  /** Set while writes are refused, e.g. disk full; the text says why. */
  readonly readOnlyReason?: string | undefined;
}

/**
 * Errors: "Expired" (compacted), "Invalid" (future revision, duplicate key in a transaction, too many operations, request
 * too large: the message is etcd's), "Exhausted" (no space), "NotFound" (lease), "Unavailable", "Timeout".
 * A write that fails with "Unavailable" or "Timeout" may or may not have happened.
 */
export interface Store extends AsyncDisposable {
  range(request: RangeRequest): Promise<RangeResponse>;
  txn(request: TxnRequest): Promise<TxnResponse>;
  watch(request: WatchRequest, receiver: WatchReceiver): WatchHandle;
  /** Forgets history below `revision`. Throws "Expired" when already compacted, "Invalid" when in the future. */
  compact(revision: number): Promise<void>;
  status(): Promise<StoreStatus>;
  readonly leases: Leases;
  /** False: `requestProgress` of a watch does nothing (an etcd too old to be trusted with it). Absent: it works. */
  readonly canRequestProgress?: boolean | undefined;
}
