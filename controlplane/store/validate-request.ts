/**
 * What a request must obey before any engine looks at it: keys present, sizes and counts in bounds, no key changed twice
 * in one transaction. Pure; throws BerthError "Invalid" with etcd's text.
 * Source: etcd server/etcdserver/api/v3rpc/key.go for which combinations are refused.
 */
import { assertNever } from "#pkg/system/errors.ts";
import { etcdError } from "./etcd-errors.ts";
import { type Bounds, boundsOf, inBounds, keyString } from "./keys.ts";
import type { Operation, PutOperation, RangeRequest, TxnRequest } from "./store.ts";

export const maxTxnOperations = 128;

/** etcd's default of --max-request-bytes. */
export const defaultMaxRequestBytes = 1_572_864;

/** Bytes that one operation takes besides its key and its value, on the wire and in memory: a rough upper bound. */
const operationOverheadBytes = 32;

const sortTargets: ReadonlySet<string> = new Set(["key", "version", "create", "mod", "value"]);

export function validateRange(request: RangeRequest): void {
  if (request.start.length === 0) throw etcdError("emptyKey");
  if (request.sort !== undefined && !sortTargets.has(request.sort.by)) throw etcdError("invalidSort");
}

export function validateTxn(request: TxnRequest, maxRequestBytes: number = defaultMaxRequestBytes): void {
  validateLevel(request, maxTxnOperations);
  if (request.success.length > 1 || request.failure.length > 1 || hasNested(request)) {
    collectChanges(request.success);
    collectChanges(request.failure);
  }
  const bytes = txnBytes(request);
  if (bytes > maxRequestBytes) throw etcdError("requestTooLarge", undefined, { bytes, maxRequestBytes });
}

/** True when no branch can change anything. */
export function isReadOnlyTxn(request: TxnRequest): boolean {
  return request.success.every(isReadOnlyOperation) && request.failure.every(isReadOnlyOperation);
}

function isReadOnlyOperation(operation: Operation): boolean {
  return operation.kind === "range" || (operation.kind === "txn" && isReadOnlyTxn(operation));
}

function hasNested(request: TxnRequest): boolean {
  return request.success.some((each) => each.kind === "txn") || request.failure.some((each) => each.kind === "txn");
}

/** Nested transactions share the budget of the one around them. */
function validateLevel(request: TxnRequest, budget: number): void {
  const widest = Math.max(request.compare.length, request.success.length, request.failure.length);
  if (widest > budget) throw etcdError("tooManyOperations");
  for (const compare of request.compare) {
    if (compare.start.length === 0) throw etcdError("emptyKey");
  }
  for (const operation of request.success) validateOperation(operation, budget - widest);
  for (const operation of request.failure) validateOperation(operation, budget - widest);
}

function validateOperation(operation: Operation, nestedBudget: number): void {
  switch (operation.kind) {
    case "put":
      validatePut(operation);
      break;
    case "delete":
      if (operation.start.length === 0) throw etcdError("emptyKey");
      break;
    case "range":
      validateRange(operation);
      break;
    case "txn":
      validateLevel(operation, nestedBudget);
      break;
    default:
      assertNever(operation, "operation");
  }
}

function validatePut(put: PutOperation): void {
  if (put.key.length === 0) throw etcdError("emptyKey");
  if (put.ignoreValue && put.value.length > 0) throw etcdError("valueProvided");
  if (put.ignoreLease && put.lease !== undefined && put.lease !== 0n) throw etcdError("leaseProvided");
}

interface Changes {
  readonly puts: Set<string>;
  readonly deletes: Bounds[];
}

/** The keys that a list of operations changes; throws when two of them could hit one key in the same run. */
function collectChanges(operations: readonly Operation[]): Changes {
  const deletes: Bounds[] = [];
  for (const operation of operations) if (operation.kind === "delete") deletes.push(boundsOf(operation));
  const puts = new Set<string>();
  for (const operation of operations) {
    if (operation.kind !== "txn") continue;
    const success = collectChanges(operation.success);
    const failure = collectChanges(operation.failure);
    for (const key of success.puts) addPut(puts, deletes, key);
    for (const key of failure.puts) {
      // Only one of the two branches runs, so both may write the same key.
      if (!success.puts.has(key)) addPut(puts, deletes, key);
    }
    deletes.push(...success.deletes, ...failure.deletes);
  }
  for (const operation of operations) {
    if (operation.kind === "put") addPut(puts, deletes, keyString(operation.key));
  }
  return { puts, deletes };
}

function addPut(puts: Set<string>, deletes: readonly Bounds[], key: string): void {
  if (puts.has(key) || deletes.some((bounds) => inBounds(bounds, key))) throw etcdError("duplicateKey");
  puts.add(key);
}

function txnBytes(request: TxnRequest): number {
  let bytes = 0;
  for (const compare of request.compare) {
    bytes += compare.start.length + operationOverheadBytes;
    if (compare.operand instanceof Uint8Array) bytes += compare.operand.length;
  }
  for (const operation of request.success) bytes += operationBytes(operation);
  for (const operation of request.failure) bytes += operationBytes(operation);
  return bytes;
}

function operationBytes(operation: Operation): number {
  switch (operation.kind) {
    case "put":
      return operation.key.length + operation.value.length + operationOverheadBytes;
    case "delete":
    case "range":
      return operation.start.length + (operation.end?.length ?? 0) + operationOverheadBytes;
    case "txn":
      return txnBytes(operation);
    default:
      return assertNever(operation, "operation");
  }
}
