/**
 * A Store served as an etcd v3 member over gRPC, for etcdctl and any other etcd client: KV, Watch, Lease, Cluster
 * (members listed), Maintenance (status, alarms, hashes, defragmentation, snapshots), Auth (disabled).
 */
import { type Clock, systemClock } from "#pkg/system/clock.ts";
import { type Logger, silentLogger } from "#pkg/system/log.ts";
import { GrpcServer, type GrpcServerTls } from "./etcd/grpc-server.ts";
import { kvHandlers } from "./etcd/kv-service.ts";
import { leaseHandlers } from "./etcd/lease-service.ts";
import { maintenanceHandlers } from "./etcd/maintenance-service.ts";
import type { HeaderOf } from "./etcd/response-messages.ts";
import { watchHandlers } from "./etcd/watch-service.ts";
import type { Store } from "./store.ts";
import { defaultMaxRequestBytes } from "./validate-request.ts";

export interface EtcdServerOptions {
  readonly store: Store;
  /** Default 127.0.0.1. */
  readonly host?: string | undefined;
  /** 0: any free one. */
  readonly port: number;
  /** Absent: no TLS. */
  readonly tls?: GrpcServerTls | undefined;
  /** IDs that answers carry; a store's own should not change over its life. */
  readonly identity: { readonly clusterId: bigint; readonly memberId: bigint };
  readonly defragment?: (() => Promise<void>) | undefined;
  readonly maxRequestBytes?: number | undefined;
  /** Default 10 minutes. */
  readonly progressIntervalMs?: number | undefined;
  readonly clock?: Clock | undefined;
  readonly log?: Logger | undefined;
}

export interface EtcdServer extends AsyncDisposable {
  /** "https://127.0.0.1:2379" */
  readonly endpoint: string;
}

/** What gRPC needs on top of the largest request. */
const grpcOverheadBytes = 512 * 1024;

/** Throws "AlreadyExists" when the port is taken. */
export async function startEtcdServer(options: EtcdServerOptions): Promise<EtcdServer> {
  const { store, host = "127.0.0.1", identity, tls, log = silentLogger, clock = systemClock } = options;
  const { maxRequestBytes = defaultMaxRequestBytes, progressIntervalMs = 10 * 60 * 1000 } = options;
  const { clusterId, memberId } = identity;
  const headerOf: HeaderOf = (revision) => ({ clusterId, memberId, revision, raftTerm: 1 });
  let endpoint = "";
  const server = new GrpcServer({
    handlers: [
      ...kvHandlers(store, headerOf),
      ...watchHandlers({ store, headerOf, clock, progressIntervalMs, fragmentBytes: maxRequestBytes }),
      ...leaseHandlers(store, headerOf),
      ...maintenanceHandlers({
        store,
        headerOf,
        memberId,
        clientUrls: () => [endpoint],
        defragment: options.defragment,
      }),
    ],
    tls,
    maxMessageBytes: maxRequestBytes + grpcOverheadBytes,
    log,
  });
  const port = await server.listen(host, options.port);
  endpoint = `${tls === undefined ? "http" : "https"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
  return { endpoint, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}
