/** etcd's Lease service over a Store. */
import type { MessageInput } from "#pkg/api/schema/grpc.ts";
import { hasCode } from "#pkg/system/errors.ts";
import type * as pb from "../generated/etcd.ts";
import type { Store } from "../store.ts";
import { leaseService } from "./descriptor.ts";
import type { GrpcHandler, GrpcStream } from "./grpc-server.ts";
import { numberOf } from "./request-messages.ts";
import type { HeaderOf } from "./response-messages.ts";
import { streaming, unary } from "./service-handlers.ts";

export function leaseHandlers(store: Store, headerOf: HeaderOf): readonly GrpcHandler[] {
  const header = async (): Promise<MessageInput<pb.ResponseHeader>> => headerOf((await store.status()).revision);
  return [
    unary(leaseService, "LeaseGrant", async (request: pb.LeaseGrantRequest) => {
      const { id, ttlSeconds } = await store.leases.grant(numberOf(request.TTL), request.ID);
      return { header: await header(), ID: id, TTL: ttlSeconds };
    }),
    unary(leaseService, "LeaseRevoke", async (request: pb.LeaseRevokeRequest) => {
      const { revision } = await store.leases.revoke(request.ID);
      return { header: headerOf(revision) };
    }),
    unary(leaseService, "LeaseTimeToLive", async (request: pb.LeaseTimeToLiveRequest) => {
      const info = await store.leases.timeToLive(request.ID, request.keys);
      const { id, ttlSeconds, grantedTtlSeconds, keys } = info;
      return { header: await header(), ID: id, TTL: ttlSeconds, grantedTTL: grantedTtlSeconds, keys };
    }),
    unary(leaseService, "LeaseLeases", async () => {
      const ids = await store.leases.list();
      return { header: await header(), leases: ids.map((id) => ({ ID: id })) };
    }),
    streaming(leaseService, "LeaseKeepAlive", (stream: GrpcStream<MessageInput<pb.LeaseKeepAliveResponse>>) => {
      // Answers keep the order of the questions, and the stream ends after the last one.
      let answers = Promise.resolve();
      const answer = async (id: bigint): Promise<void> => {
        try {
          stream.send({ ID: id, TTL: await keepAlive(store, id), header: await header() });
        } catch (error) {
          stream.end(error);
        }
      };
      return {
        message: ({ ID }: pb.LeaseKeepAliveRequest) => {
          answers = answers.then(() => answer(ID));
        },
        ended: () => void answers.then(() => stream.end()),
        closed: () => undefined,
      };
    }),
  ];
}

/** A lease that is not there has no time to live; that is no error of the stream. */
async function keepAlive(store: Store, id: bigint): Promise<number> {
  try {
    return await store.leases.keepAlive(id);
  } catch (error) {
    if (hasCode(error, "NotFound")) return 0;
    throw error;
  }
}
