/**
 * Calls to an etcd cluster: one gRPC channel per endpoint, one of them in use, the next one when it fails.
 *
 * A call that only reads is tried again on other endpoints; one that writes only when it surely never left, because
 * nobody can tell whether a lost write happened. All failures come out as BerthErrors with etcd's texts.
 */
import { isIP } from "node:net";
import { checkServerIdentity, type PeerCertificate } from "node:tls";
import {
  type ChannelCredentials,
  Client,
  type ClientDuplexStream,
  type ClientReadableStream,
  credentials,
  Metadata,
  type ServiceError,
  status,
} from "@grpc/grpc-js";
import type { GrpcMethod } from "#pkg/api/schema/grpc.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, type ErrorCode } from "#pkg/system/errors.ts";
import { etcdError, findEtcdError } from "../etcd-errors.ts";

export interface EtcdTls {
  /** PEM. Absent: the certificate authorities that Node trusts. */
  readonly ca?: Uint8Array | undefined;
  readonly cert?: Uint8Array | undefined;
  readonly key?: Uint8Array | undefined;
}

export interface EtcdConnectionOptions {
  /** "https://10.0.0.1:2379", "http://…" or "unix:///…"; at least one. */
  readonly endpoints: readonly string[];
  readonly tls?: EtcdTls | undefined;
  readonly clock: Clock;
  /** How long one try of a call may take. */
  readonly timeoutMs: number;
}

/** A call is tried on every endpoint so many times. */
const rounds = 3;
const retryPauseMs = 50;

const channelOptions = {
  // The API server lists whole resources: no bound of ours on what etcd may answer.
  "grpc.max_receive_message_length": -1,
  "grpc.max_send_message_length": -1,
  "grpc.keepalive_time_ms": 30_000,
  "grpc.keepalive_timeout_ms": 10_000,
  "grpc.keepalive_permit_without_calls": 1,
  "grpc.initial_reconnect_backoff_ms": 50,
  "grpc.max_reconnect_backoff_ms": 1000,
  "grpc.enable_http_proxy": 0,
};

const codes: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.INVALID_ARGUMENT]: "Invalid",
  [status.OUT_OF_RANGE]: "Invalid",
  [status.FAILED_PRECONDITION]: "Invalid",
  [status.NOT_FOUND]: "NotFound",
  [status.ALREADY_EXISTS]: "AlreadyExists",
  [status.PERMISSION_DENIED]: "Forbidden",
  [status.UNAUTHENTICATED]: "Unauthorized",
  [status.RESOURCE_EXHAUSTED]: "Exhausted",
  [status.UNIMPLEMENTED]: "Unsupported",
  [status.DEADLINE_EXCEEDED]: "Timeout",
  [status.UNAVAILABLE]: "Unavailable",
  [status.CANCELLED]: "Aborted",
  [status.DATA_LOSS]: "Corrupt",
};

export class EtcdConnection implements Disposable {
  readonly #options: EtcdConnectionOptions;
  readonly #clients: readonly Client[];
  #current = 0;

  /** Throws "Invalid" for endpoints it cannot read. Connects when first used. */
  constructor(options: EtcdConnectionOptions) {
    if (options.endpoints.length === 0) throw new BerthError("Invalid", "etcd needs at least one endpoint");
    this.#options = options;
    this.#clients = options.endpoints.map((endpoint) => openClient(endpoint, options.tls ?? {}));
  }

  /** `readOnly`: may be sent twice. */
  async call<Answer>(method: GrpcMethod, request: object, readOnly: boolean): Promise<Answer> {
    const tries = this.#clients.length * rounds;
    for (let attempt = 1; ; attempt++) {
      const at = this.#current;
      try {
        return await this.#callOnce<Answer>(this.#clientAt(at), method, request);
      } catch (error) {
        const failure = error as ServiceError;
        if (failure.code === status.UNAVAILABLE) this.#moveOn(at);
        const again = failure.code === status.UNAVAILABLE && (readOnly || wasNeverSent(failure));
        if (!again || attempt >= tries) throw toStoreError(failure, method.path);
      }
      await this.#options.clock.sleep(retryPauseMs);
    }
  }

  /** One try on each endpoint. */
  callEach<Answer>(method: GrpcMethod, request: object): Promise<readonly PromiseSettledResult<Answer>[]> {
    return Promise.allSettled(this.#clients.map((client) => this.#callOnce<Answer>(client, method, request)));
  }

  /** A stream of answers on the current endpoint. */
  download<Answer>(method: GrpcMethod, request: object): ClientReadableStream<Answer> {
    return this.#clientAt(this.#current).makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as unknown as (bytes: Buffer) => Answer,
      request,
    );
  }

  /** A stream both ways on the current endpoint. When it fails, tell `failed`. */
  converse<Request extends object, Answer>(
    method: GrpcMethod,
    headers: Readonly<Record<string, string>> = {},
  ): { stream: ClientDuplexStream<Request, Answer>; failed: () => void } {
    const at = this.#current;
    const metadata = new Metadata();
    for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
    const stream = this.#clientAt(at).makeBidiStreamRequest<Request, Answer>(
      method.path,
      method.requestSerialize as (message: Request) => Buffer,
      method.responseDeserialize as unknown as (bytes: Buffer) => Answer,
      metadata,
    );
    return { stream, failed: () => this.#moveOn(at) };
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  #clientAt(index: number): Client {
    const client = this.#clients[index];
    if (client === undefined) throw new BerthError("Internal", `there is no endpoint ${index}`);
    return client;
  }

  /** Only the first of many calls that fail together moves on. */
  #moveOn(from: number): void {
    if (this.#current === from) this.#current = (from + 1) % this.#clients.length;
  }

  #callOnce<Answer>(client: Client, method: GrpcMethod, request: object): Promise<Answer> {
    const deadline = this.#options.clock.now() + this.#options.timeoutMs;
    return new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as unknown as (bytes: Buffer) => Answer,
        request,
        new Metadata(),
        { deadline },
        (error, answer) => {
          if (error) reject(error);
          else resolve(answer as Answer);
        },
      );
    });
  }
}

function openClient(endpoint: string, tls: EtcdTls): Client {
  const { target, secure } = parseEndpoint(endpoint);
  if (!secure) return new Client(target, credentials.createInsecure(), channelOptions);
  const buffer = (bytes: Uint8Array | undefined): Buffer | null => (bytes === undefined ? null : Buffer.from(bytes));
  const [ca, key, cert] = [buffer(tls.ca), buffer(tls.key), buffer(tls.cert)];
  const address = target.replace(/:\d+$/, "").replace(/^\[|\]$/g, "");
  if (isIP(address) === 0) return new Client(target, credentials.createSsl(ca, key, cert), channelOptions);
  // grpc-js would send the address as the TLS server name, which Node refuses. So another name is sent, and the
  // certificate is checked against the address all the same.
  const checkAddress = (_name: string, certificate: PeerCertificate): Error | undefined =>
    checkServerIdentity(address, certificate);
  const channel: ChannelCredentials = credentials.createSsl(ca, key, cert, { checkServerIdentity: checkAddress });
  return new Client(target, channel, { ...channelOptions, "grpc.ssl_target_name_override": "etcd" });
}

/** The gRPC target of an endpoint as etcd and the API server's flags write it. Throws "Invalid". */
export function parseEndpoint(endpoint: string): { readonly target: string; readonly secure: boolean } {
  const match = endpoint.match(/^(?:(https?|unixs?):\/\/)?(.+)$/);
  const [, scheme = "http", address = ""] = match ?? [];
  if (address === "" || address.includes("://")) throw new BerthError("Invalid", `bad etcd endpoint "${endpoint}"`);
  const secure = scheme === "https" || scheme === "unixs";
  if (scheme.startsWith("unix")) return { target: `unix:${address}`, secure };
  return { target: address.replace(/\/+$/, ""), secure };
}

/** grpc-js says so when a call ended before there was a connection to send it on. */
function wasNeverSent(error: ServiceError): boolean {
  return error.details.startsWith("No connection established") || error.details.startsWith("Name resolution failed");
}

/** What a gRPC failure means for callers of the store. */
export function toStoreError(error: ServiceError, path: string): BerthError {
  const known = findEtcdError(error.details ?? "");
  if (known !== undefined) return etcdError(known);
  if (error.code === status.RESOURCE_EXHAUSTED && error.details.includes("message larger than max")) {
    return etcdError("requestTooLarge");
  }
  const call = path.split("/").at(-1) ?? path;
  return new BerthError(codes[error.code] ?? "Internal", `etcd ${call} failed: ${error.details}`, { cause: error });
}
