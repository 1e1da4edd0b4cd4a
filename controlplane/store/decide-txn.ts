/**
 * A transaction as data: given the state, which branch runs, what it answers and which changes it makes. Nothing is
 * applied here, so that an engine may throw a decision away when it cannot be made durable.
 */
import { assertNever } from "#pkg/system/errors.ts";
import { compactedError, etcdError } from "./etcd-errors.ts";
import { evaluateCompare } from "./evaluate-compare.ts";
import { type Bounds, boundsOf, compareKeyStrings, inBounds, keyString } from "./keys.ts";
import { type KeyView, readRange } from "./read-range.ts";
import type {
  DeleteOperation,
  KeyValue,
  Operation,
  OperationResult,
  PutOperation,
  RangeRequest,
  TxnRequest,
  TxnResponse,
} from "./store.ts";

/** The state that a transaction is decided on. */
export interface TxnView extends KeyView {
  /** Newest revision; the transaction's own is the next one. */
  readonly headRevision: number;
  readonly compactRevision: number;
  hasLease(id: bigint): boolean;
}

/** One key's new pair; of a deletion only the key and modRevision mean anything. */
export interface Change {
  readonly name: string;
  readonly kv: KeyValue;
  readonly deleted: boolean;
}

export interface TxnDecision extends TxnResponse {
  /** In the order they were made. Empty: the transaction changes nothing and makes no revision. */
  readonly changes: readonly Change[];
}

const noBytes = new Uint8Array(0);

/** Throws "Expired" or "Invalid" (a read out of history, a missing key to keep) and "NotFound" (lease). */
export function decideTxn(view: TxnView, request: TxnRequest): TxnDecision {
  const run = new TxnRun(view);
  const response = run.txn(request);
  return { ...response, changes: run.changes };
}

/** The revision that a range reads at; throws "Expired" or "Invalid" when it has no such state. */
export function resolveRevision(requested: number | undefined, newest: number, compactRevision: number): number {
  if (requested === undefined || requested <= 0) return newest;
  if (requested > newest) throw etcdError("futureRevision");
  if (requested < compactRevision) throw compactedError(compactRevision);
  return requested;
}

class TxnRun implements KeyView {
  readonly changes: Change[] = [];
  readonly #view: TxnView;
  /** The newest own change of each key: later operations of the transaction see it. */
  readonly #own = new Map<string, Change>();

  constructor(view: TxnView) {
    this.#view = view;
  }

  /** What operations see: the state before the transaction, or with its own changes. */
  get #revision(): number {
    return this.#view.headRevision + (this.changes.length > 0 ? 1 : 0);
  }

  txn(request: TxnRequest): TxnResponse {
    // Comparisons, also nested ones, see the state before the whole transaction: etcd picks all branches first.
    const view = this.#view;
    const succeeded = request.compare.every((compare) => evaluateCompare(view, compare, view.headRevision));
    const results = (succeeded ? request.success : request.failure).map((operation) => this.#operation(operation));
    return { succeeded, revision: this.#revision, results };
  }

  pairs(bounds: Bounds, revision: number, most: number): { pairs: readonly KeyValue[]; count: number } {
    const { headRevision } = this.#view;
    if (revision <= headRevision) return this.#view.pairs(bounds, revision, most);
    const merged = new Map<string, KeyValue>();
    for (const kv of this.#view.pairs(bounds, headRevision, Number.POSITIVE_INFINITY).pairs) {
      merged.set(keyString(kv.key), kv);
    }
    for (const [name, change] of this.#own) {
      if (!inBounds(bounds, name)) continue;
      if (change.deleted) merged.delete(name);
      else merged.set(name, change.kv);
    }
    const all = [...merged].sort(([left], [right]) => compareKeyStrings(left, right)).map(([, kv]) => kv);
    return { pairs: all.length > most ? all.slice(0, most) : all, count: all.length };
  }

  #operation(operation: Operation): OperationResult {
    switch (operation.kind) {
      case "put":
        return this.#put(operation);
      case "delete":
        return this.#delete(operation);
      case "range":
        return this.#range(operation);
      case "txn":
        return { kind: "txn", ...this.txn(operation) };
      default:
        return assertNever(operation, "operation");
    }
  }

  #put(put: PutOperation): OperationResult {
    const bounds = boundsOf({ start: put.key });
    const previous = this.pairs(bounds, this.#revision, 1).pairs[0];
    if ((put.ignoreValue || put.ignoreLease) && previous === undefined) throw etcdError("keyNotFound");
    const lease = put.ignoreLease && previous !== undefined ? previous.lease : (put.lease ?? 0n);
    if (lease !== 0n && !this.#view.hasLease(lease)) throw etcdError("leaseNotFound");
    const revision = this.#view.headRevision + 1;
    this.#change(bounds.start, false, {
      key: previous?.key ?? ownBytes(put.key),
      value: put.ignoreValue && previous !== undefined ? previous.value : ownBytes(put.value),
      createRevision: previous?.createRevision ?? revision,
      modRevision: revision,
      version: (previous?.version ?? 0) + 1,
      lease,
    });
    return { kind: "put", prevKv: put.prevKv ? previous : undefined };
  }

  #delete(operation: DeleteOperation): OperationResult {
    const { pairs } = this.pairs(boundsOf(operation), this.#revision, Number.POSITIVE_INFINITY);
    const revision = this.#view.headRevision + 1;
    for (const { key } of pairs) this.#change(keyString(key), true, deletedPair(key, revision));
    return { kind: "delete", deleted: pairs.length, prevKvs: operation.prevKv ? pairs : [] };
  }

  #range(request: RangeRequest): OperationResult {
    const { headRevision, compactRevision } = this.#view;
    const requested = request.revision ?? 0;
    const revision = requested > 0 ? resolveRevision(requested, headRevision, compactRevision) : this.#revision;
    return { kind: "range", revision: this.#revision, ...readRange(this, request, revision) };
  }

  #change(name: string, deleted: boolean, kv: KeyValue): void {
    const change = { name, deleted, kv };
    this.changes.push(change);
    this.#own.set(name, change);
  }
}

/** What a watcher sees of a deletion. */
export function deletedPair(key: Uint8Array, revision: number): KeyValue {
  return { key, value: noBytes, createRevision: 0, modRevision: revision, version: 0, lease: 0n };
}

/** Bytes that keep nothing else alive: a view into a larger buffer (a socket's chunk, Node's pool) is copied out. */
function ownBytes(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
