/** Requests of the store port as etcd's messages and back. Pure. Source: etcd api/etcdserverpb/rpc.proto. */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import { assertNever } from "#pkg/system/errors.ts";
import { etcdError } from "../etcd-errors.ts";
import type * as pb from "../generated/etcd.ts";
import type {
  Compare,
  CompareTarget,
  DeleteOperation,
  Operation,
  PutOperation,
  RangeRequest,
  SortTarget,
  TxnRequest,
} from "../store.ts";

const sortTargets = { key: "KEY", version: "VERSION", create: "CREATE", mod: "MOD", value: "VALUE" } as const;
const compareTargets = { version: "VERSION", create: "CREATE", mod: "MOD", value: "VALUE", lease: "LEASE" } as const;
const relations = { equal: "EQUAL", notEqual: "NOT_EQUAL", greater: "GREATER", less: "LESS" } as const;

const byWireName = <Name extends string, Wire extends string>(names: Readonly<Record<Name, Wire>>): Map<string, Name> =>
  new Map(Object.entries(names).map(([name, wire]) => [wire as string, name as Name]));
const sortTargetOf = byWireName<SortTarget, string>(sortTargets);
const compareTargetOf = byWireName<CompareTarget, string>(compareTargets);
const relationOf = byWireName<Compare["relation"], string>(relations);

/** A revision or a count from the wire: always a safe integer in practice. */
export const numberOf = (value: bigint | null | undefined): number => Number(value ?? 0n);

export function toRangeRequest(request: RangeRequest): MessageInput<pb.RangeRequest> {
  const { sort } = request;
  return {
    key: request.start,
    rangeEnd: request.end ?? null,
    limit: request.limit ?? 0,
    revision: request.revision ?? 0,
    countOnly: request.countOnly ?? false,
    keysOnly: request.keysOnly ?? false,
    serializable: request.serializable ?? false,
    minModRevision: request.minModRevision ?? 0,
    maxModRevision: request.maxModRevision ?? 0,
    minCreateRevision: request.minCreateRevision ?? 0,
    maxCreateRevision: request.maxCreateRevision ?? 0,
    ...(sort === undefined
      ? {}
      : { sortOrder: sort.descending ? "DESCEND" : "ASCEND", sortTarget: sortTargets[sort.by] }),
  };
}

export function fromRangeRequest(message: pb.RangeRequest): RangeRequest {
  return {
    ...fromKeys(message),
    limit: numberOf(message.limit),
    revision: numberOf(message.revision),
    countOnly: message.countOnly,
    keysOnly: message.keysOnly,
    serializable: message.serializable,
    minModRevision: numberOf(message.minModRevision),
    maxModRevision: numberOf(message.maxModRevision),
    minCreateRevision: numberOf(message.minCreateRevision),
    maxCreateRevision: numberOf(message.maxCreateRevision),
    sort: fromSort(message),
  };
}

function fromSort({ sortOrder, sortTarget }: pb.RangeRequest): RangeRequest["sort"] {
  const by = sortTargetOf.get(sortTarget);
  const isOrder = sortOrder === "NONE" || sortOrder === "ASCEND" || sortOrder === "DESCEND";
  if (by === undefined || !isOrder) throw etcdError("invalidSort");
  // Without an order the answer is ascending, by key or by what was asked for.
  return sortOrder === "NONE" && by === "key" ? undefined : { by, descending: sortOrder === "DESCEND" };
}

function fromKeys({ key, rangeEnd }: { readonly key: Uint8Array; readonly rangeEnd: Uint8Array }): {
  readonly start: Uint8Array;
  readonly end: Uint8Array | undefined;
} {
  return { start: key, end: rangeEnd.length === 0 ? undefined : rangeEnd };
}

export function fromPutRequest(message: pb.PutRequest): PutOperation {
  const { key, value, lease, prevKv, ignoreValue, ignoreLease } = message;
  return { kind: "put", key, value, lease, prevKv, ignoreValue, ignoreLease };
}

export function fromDeleteRequest(message: pb.DeleteRangeRequest): DeleteOperation {
  return { kind: "delete", ...fromKeys(message), prevKv: message.prevKv };
}

export function toTxnRequest(request: TxnRequest): MessageInput<pb.TxnRequest> {
  return {
    compare: request.compare.map(toCompare),
    success: request.success.map(toOperation),
    failure: request.failure.map(toOperation),
  };
}

export function fromTxnRequest(message: pb.TxnRequest): TxnRequest {
  return {
    compare: message.compare.map(fromCompare),
    success: message.success.map(fromOperation),
    failure: message.failure.map(fromOperation),
  };
}

function toOperation(operation: Operation): MessageInput<pb.RequestOp> {
  switch (operation.kind) {
    case "range":
      return { requestRange: toRangeRequest(operation) };
    case "put": {
      const { key, value, lease = 0n, prevKv = false, ignoreValue = false, ignoreLease = false } = operation;
      return { requestPut: { key, value, lease, prevKv, ignoreValue, ignoreLease } };
    }
    case "delete": {
      const { start, end, prevKv = false } = operation;
      return { requestDeleteRange: { key: start, rangeEnd: end ?? null, prevKv } };
    }
    case "txn":
      return { requestTxn: toTxnRequest(operation) };
    default:
      return assertNever(operation, "operation");
  }
}

function fromOperation(message: pb.RequestOp): Operation {
  if (message.requestPut) return fromPutRequest(message.requestPut);
  if (message.requestRange) return { kind: "range", ...fromRangeRequest(message.requestRange) };
  if (message.requestDeleteRange) return fromDeleteRequest(message.requestDeleteRange);
  if (message.requestTxn) return { kind: "txn", ...fromTxnRequest(message.requestTxn) };
  // etcd's answer to an operation that says nothing.
  throw etcdError("keyNotFound");
}

function toCompare(compare: Compare): MessageInput<pb.Compare> {
  const { target, relation, operand } = compare;
  return {
    key: compare.start,
    rangeEnd: compare.end ?? null,
    target: compareTargets[target],
    result: relations[relation],
    ...toOperand(target, operand),
  };
}

function toOperand(target: CompareTarget, operand: Compare["operand"]): MessageInput<pb.Compare> {
  if (operand instanceof Uint8Array) return { value: operand };
  const number = BigInt(operand);
  switch (target) {
    case "version":
      return { version: number };
    case "create":
      return { createRevision: number };
    case "mod":
      return { modRevision: number };
    case "lease":
      return { lease: number };
    case "value":
      return { value: new Uint8Array(0) };
    default:
      return assertNever(target, "compare target");
  }
}

function fromCompare(message: pb.Compare): Compare {
  const target = compareTargetOf.get(message.target) ?? "version";
  const relation = relationOf.get(message.result) ?? "equal";
  const range = fromKeys(message);
  switch (target) {
    case "version":
      return { ...range, target, relation, operand: numberOf(message.version) };
    case "create":
      return { ...range, target, relation, operand: numberOf(message.createRevision) };
    case "mod":
      return { ...range, target, relation, operand: numberOf(message.modRevision) };
    case "lease":
      return { ...range, target, relation, operand: message.lease ?? 0n };
    case "value":
      return { ...range, target, relation, operand: message.value ?? new Uint8Array(0) };
    default:
      return assertNever(target, "compare target");
  }
}
