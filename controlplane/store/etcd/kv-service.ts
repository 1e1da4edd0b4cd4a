/** etcd's KV service over a Store. */
import type * as pb from "../generated/etcd.ts";
import type { OperationResult, Store } from "../store.ts";
import { kvService } from "./descriptor.ts";
import type { GrpcHandler } from "./grpc-server.ts";
import { fromDeleteRequest, fromPutRequest, fromRangeRequest, fromTxnRequest, numberOf } from "./request-messages.ts";
import { type HeaderOf, toRangeResponse, toTxnResponse } from "./response-messages.ts";
import { unary } from "./service-handlers.ts";

export function kvHandlers(store: Store, headerOf: HeaderOf): readonly GrpcHandler[] {
  const single = async (
    operation: Parameters<Store["txn"]>[0]["success"][number],
  ): Promise<{ revision: number; result: OperationResult | undefined }> => {
    const { revision, results } = await store.txn({ compare: [], success: [operation], failure: [] });
    return { revision, result: results[0] };
  };
  return [
    unary(kvService, "Range", async (request: pb.RangeRequest) =>
      toRangeResponse(await store.range(fromRangeRequest(request)), headerOf),
    ),
    unary(kvService, "Put", async (request: pb.PutRequest) => {
      const { revision, result } = await single(fromPutRequest(request));
      return { header: headerOf(revision), prevKv: result?.kind === "put" ? (result.prevKv ?? null) : null };
    }),
    unary(kvService, "DeleteRange", async (request: pb.DeleteRangeRequest) => {
      const { revision, result } = await single(fromDeleteRequest(request));
      const { deleted = 0, prevKvs = [] } = result?.kind === "delete" ? result : {};
      return { header: headerOf(revision), deleted, prevKvs };
    }),
    unary(kvService, "Txn", async (request: pb.TxnRequest) =>
      toTxnResponse(await store.txn(fromTxnRequest(request)), headerOf),
    ),
    unary(kvService, "Compact", async (request: pb.CompactionRequest) => {
      await store.compact(numberOf(request.revision));
      const { revision } = await store.status();
      return { header: headerOf(revision) };
    }),
  ];
}
