/**
 * The store on a real etcd cluster, over gRPC. What etcd promises is what callers get: this adapter keeps no state but
 * the connection, retries only what is safe to repeat, and leaves resuming a lost watch to whoever watches.
 */
import type { ServiceError } from "@grpc/grpc-js";
import type { GrpcMethod, GrpcService, MessageInput } from "#pkg/api/schema/grpc.ts";
import { type Clock, systemClock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { kvService, leaseService, maintenanceService } from "./etcd/descriptor.ts";
import { EtcdConnection, type EtcdTls, toStoreError } from "./etcd/etcd-connection.ts";
import { EtcdWatch } from "./etcd/etcd-watch.ts";
import { numberOf, toRangeRequest, toTxnRequest } from "./etcd/request-messages.ts";
import { fromRangeResponse, fromTxnResponse } from "./etcd/response-messages.ts";
import { etcdError } from "./etcd-errors.ts";
import type * as pb from "./generated/etcd.ts";
import type {
  LeaseInfo,
  Leases,
  RangeRequest,
  RangeResponse,
  Store,
  StoreStatus,
  TxnRequest,
  TxnResponse,
  WatchHandle,
  WatchReceiver,
  WatchRequest,
} from "./store.ts";
import { isReadOnlyTxn } from "./validate-request.ts";

export interface EtcdStoreOptions {
  /** "https://10.0.0.1:2379", …: members of one cluster. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
  readonly clock?: Clock | undefined;
  /** How long one try of a call may take. Default 10 s. */
  readonly timeoutMs?: number | undefined;
}

/** Connects, and asks every member for its version. Throws "Unavailable" when no endpoint answers. */
export async function openEtcdStore(options: EtcdStoreOptions): Promise<EtcdStore> {
  const { endpoints, tls, clock = systemClock, timeoutMs = 10_000 } = options;
  const connection = new EtcdConnection({ endpoints, tls, clock, timeoutMs });
  try {
    const status = methodOf(maintenanceService, "Status");
    const answers = await connection.callEach<pb.StatusResponse>(status, {});
    const reached = answers.filter((answer) => answer.status === "fulfilled").map((answer) => answer.value.version);
    // When nobody answered, asking once more gives the error to show.
    if (reached.length === 0) await connection.call(status, {}, true);
    return new EtcdStore(connection, clock, reached.every(canTrustProgress));
  } catch (error) {
    connection[Symbol.dispose]();
    throw error;
  }
}

/**
 * Older servers answer a progress request at once with the newest revision, whether or not the events up to it were sent
 * (etcd issue 15220). The bounds are those the upstream API server goes by.
 */
export function canTrustProgress(version: string): boolean {
  const [major = 0, minor = 0, patch = 0] = version.split(/[.-]/).map((part) => Number.parseInt(part, 10) || 0);
  if (major !== 3 || minor > 5) return major > 3 || minor > 5;
  return minor === 5 ? patch >= 13 : minor === 4 && patch >= 31;
}

export class EtcdStore implements Store {
  readonly leases: Leases;
  readonly #connection: EtcdConnection;
  readonly #clock: Clock;
  readonly #watches = new Set<EtcdWatch>();
  /** False: `requestProgress` of a watch does nothing, and progress comes only when the servers send it by themselves. */
  readonly canRequestProgress: boolean;
  #closed = false;

  constructor(connection: EtcdConnection, clock: Clock, canRequestProgress: boolean) {
    this.#connection = connection;
    this.#clock = clock;
    this.canRequestProgress = canRequestProgress;
    this.leases = new EtcdLeases(this.#connection);
  }

  async range(request: RangeRequest): Promise<RangeResponse> {
    this.#assertOpen();
    const answer = await this.#connection.call<pb.RangeResponse>(
      methodOf(kvService, "Range"),
      toRangeRequest(request),
      true,
    );
    return fromRangeResponse(answer, numberOf(answer.header?.revision));
  }

  async txn(request: TxnRequest): Promise<TxnResponse> {
    this.#assertOpen();
    const message = toTxnRequest(request);
    const readOnly = isReadOnlyTxn(request);
    return fromTxnResponse(await this.#connection.call<pb.TxnResponse>(methodOf(kvService, "Txn"), message, readOnly));
  }

  watch(request: WatchRequest, receiver: WatchReceiver): WatchHandle {
    this.#assertOpen();
    const watch = new EtcdWatch(
      {
        connection: this.#connection,
        clock: this.#clock,
        canRequestProgress: this.canRequestProgress,
        onEnd: (ended) => this.#watches.delete(ended),
      },
      request,
      receiver,
    );
    this.#watches.add(watch);
    return watch;
  }

  async compact(revision: number): Promise<void> {
    this.#assertOpen();
    await this.#connection.call(methodOf(kvService, "Compact"), { revision }, false);
  }

  /** Of the member in use. etcd does not tell its compacted revision: 0. */
  async status(): Promise<StoreStatus> {
    this.#assertOpen();
    const answer = await this.#connection.call<pb.StatusResponse>(methodOf(maintenanceService, "Status"), {}, true);
    return {
      revision: numberOf(answer.header?.revision),
      compactRevision: 0,
      sizeBytes: numberOf(answer.dbSize),
      sizeInUseBytes: numberOf(answer.dbSizeInUse),
      version: answer.version,
      readOnlyReason: answer.errors.length > 0 ? answer.errors.join("; ") : undefined,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const watch of [...this.#watches]) watch.close();
    this.#connection[Symbol.dispose]();
  }

  #assertOpen(): void {
    if (this.#closed) throw new BerthError("Unavailable", "the connection to etcd is closed");
  }
}

class EtcdLeases implements Leases {
  readonly #connection: EtcdConnection;

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
  }

  async grant(ttlSeconds: number, id = 0n): Promise<{ readonly id: bigint; readonly ttlSeconds: number }> {
    const request: MessageInput<pb.LeaseGrantRequest> = { ID: id, TTL: ttlSeconds };
    const answer = await this.#call<pb.LeaseGrantResponse>("LeaseGrant", request, false);
    return { id: answer.ID, ttlSeconds: numberOf(answer.TTL) };
  }

  async revoke(id: bigint): Promise<{ readonly revision: number }> {
    const answer = await this.#call<pb.LeaseRevokeResponse>("LeaseRevoke", { ID: id }, false);
    return { revision: numberOf(answer.header?.revision) };
  }

  /** etcd takes these on a stream; one that carries a single question does. */
  keepAlive(id: bigint): Promise<number> {
    const method = methodOf(leaseService, "LeaseKeepAlive");
    const { stream, failed } = this.#connection.converse<{ ID: bigint }, pb.LeaseKeepAliveResponse>(method);
    return new Promise((resolve, reject) => {
      stream.on("data", (answer: pb.LeaseKeepAliveResponse) => {
        stream.end();
        if (answer.TTL > 0n) resolve(Number(answer.TTL));
        else reject(etcdError("leaseNotFound"));
      });
      stream.on("error", (error: ServiceError) => {
        failed();
        reject(toStoreError(error, method.path));
      });
      stream.on("end", () => reject(new BerthError("Unavailable", "etcd ended the stream without an answer")));
      stream.write({ ID: id });
    });
  }

  async timeToLive(id: bigint, withKeys: boolean): Promise<LeaseInfo> {
    const request: MessageInput<pb.LeaseTimeToLiveRequest> = { ID: id, keys: withKeys };
    const answer = await this.#call<pb.LeaseTimeToLiveResponse>("LeaseTimeToLive", request, true);
    return {
      id: answer.ID,
      grantedTtlSeconds: numberOf(answer.grantedTTL),
      ttlSeconds: numberOf(answer.TTL),
      keys: answer.keys,
    };
  }

  async list(): Promise<readonly bigint[]> {
    const answer = await this.#call<pb.LeaseLeasesResponse>("LeaseLeases", {}, true);
    return answer.leases.map((lease) => lease.ID);
  }

  #call<Answer>(name: string, request: object, readOnly: boolean): Promise<Answer> {
    return this.#connection.call<Answer>(methodOf(leaseService, name), request, readOnly);
  }
}

function methodOf(service: GrpcService, name: string): GrpcMethod {
  const method = service[name];
  if (method === undefined) throw new BerthError("Internal", `the descriptor has no method ${name}`);
  return method;
}
