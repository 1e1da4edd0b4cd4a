/** Answers of the store port as etcd's messages and back. Pure. Source: etcd api/etcdserverpb/rpc.proto. */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import { assertNever, BerthError } from "#pkg/system/errors.ts";
import type * as pb from "../generated/etcd.ts";
import type { KeyValue, OperationResult, RangeResponse, TxnResponse, WatchEvent } from "../store.ts";
import { numberOf } from "./request-messages.ts";

/** Makes the header of an answer at a revision. */
export type HeaderOf = (revision: number) => MessageInput<pb.ResponseHeader>;

export function fromKeyValue(message: pb.KeyValue): KeyValue {
  return {
    key: message.key,
    value: message.value,
    createRevision: numberOf(message.createRevision),
    modRevision: numberOf(message.modRevision),
    version: numberOf(message.version),
    lease: message.lease,
  };
}

export function fromRangeResponse(message: pb.RangeResponse, revision: number): RangeResponse {
  return { revision, kvs: message.kvs.map(fromKeyValue), more: message.more, count: numberOf(message.count) };
}

export function toRangeResponse(response: RangeResponse, headerOf: HeaderOf): MessageInput<pb.RangeResponse> {
  const { revision, kvs, more, count } = response;
  return { header: headerOf(revision), kvs, more, count };
}

export function fromTxnResponse(message: pb.TxnResponse, outerRevision?: number): TxnResponse {
  const revision = outerRevision ?? numberOf(message.header?.revision);
  return {
    succeeded: message.succeeded,
    revision,
    results: message.responses.map((response) => fromResult(response, revision)),
  };
}

function fromResult(message: pb.ResponseOp, revision: number): OperationResult {
  const { responseRange, responsePut, responseDeleteRange, responseTxn } = message;
  if (responsePut) return { kind: "put", prevKv: responsePut.prevKv ? fromKeyValue(responsePut.prevKv) : undefined };
  if (responseRange) return { kind: "range", ...fromRangeResponse(responseRange, revision) };
  if (responseDeleteRange) {
    const { deleted, prevKvs } = responseDeleteRange;
    return { kind: "delete", deleted: numberOf(deleted), prevKvs: prevKvs.map(fromKeyValue) };
  }
  if (responseTxn) return { kind: "txn", ...fromTxnResponse(responseTxn, revision) };
  throw new BerthError("Internal", "etcd answered a transaction with an operation that says nothing");
}

export function toTxnResponse(response: TxnResponse, headerOf: HeaderOf): MessageInput<pb.TxnResponse> {
  return {
    header: headerOf(response.revision),
    succeeded: response.succeeded,
    responses: response.results.map((result) => toResult(result, response.revision)),
  };
}

/** Inner answers have a header with a revision alone. */
function toResult(result: OperationResult, revision: number): MessageInput<pb.ResponseOp> {
  const header = { revision };
  switch (result.kind) {
    case "put":
      return { responsePut: { header, prevKv: result.prevKv ?? null } };
    case "delete":
      return { responseDeleteRange: { header, deleted: result.deleted, prevKvs: result.prevKvs } };
    case "range":
      return { responseRange: { header, kvs: result.kvs, more: result.more, count: result.count } };
    case "txn":
      return { responseTxn: toTxnResponse(result, () => header) };
    default:
      return assertNever(result, "result");
  }
}

export function fromEvent(message: pb.Event): WatchEvent {
  const kv = message.kv;
  if (kv === null) throw new BerthError("Internal", "etcd sent an event without a key");
  return {
    type: message.type === "DELETE" ? "delete" : "put",
    kv: fromKeyValue(kv),
    prevKv: message.prevKv ? fromKeyValue(message.prevKv) : undefined,
  };
}

export function toEvent(event: WatchEvent): MessageInput<pb.Event> {
  return { type: event.type === "put" ? "PUT" : "DELETE", kv: event.kv, prevKv: event.prevKv ?? null };
}
