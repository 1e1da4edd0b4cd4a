/**
 * One gRPC connection to a runtime, with calls that throw BerthErrors naming the call and the object.
 */
import { Client, credentials, Metadata, type ServiceError, status } from "@grpc/grpc-js";
import type { GrpcService } from "#pkg/api/schema/grpc.ts";
import { BerthError, type ErrorCode } from "#pkg/system/errors.ts";

export interface CallOptions {
  /** Milliseconds; undefined: no limit. */
  readonly timeoutMs?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** For messages: "sandbox abc". */
  readonly about?: string;
}

/** Lists of thousands of containers pass gRPC's default of 4 MiB. */
const maxMessageBytes = 64 * 1024 * 1024;

const codes: Readonly<Partial<Record<status, ErrorCode>>> = {
  [status.NOT_FOUND]: "NotFound",
  [status.ALREADY_EXISTS]: "AlreadyExists",
  [status.INVALID_ARGUMENT]: "Invalid",
  [status.OUT_OF_RANGE]: "Invalid",
  [status.UNIMPLEMENTED]: "Unsupported",
  [status.DEADLINE_EXCEEDED]: "Timeout",
  [status.UNAVAILABLE]: "Unavailable",
  [status.CANCELLED]: "Aborted",
  [status.RESOURCE_EXHAUSTED]: "Exhausted",
  [status.PERMISSION_DENIED]: "Forbidden",
};

export class GrpcConnection implements AsyncDisposable {
  readonly #client: Client;
  readonly #now: () => number;

  /** `endpoint` is "unix:///run/containerd/containerd.sock" or "/run/…"; `now` the wall clock, for deadlines. */
  constructor(endpoint: string, now: () => number) {
    const target = endpoint.startsWith("/") ? `unix://${endpoint}` : endpoint;
    this.#now = now;
    this.#client = new Client(target, credentials.createInsecure(), {
      "grpc.max_receive_message_length": maxMessageBytes,
      "grpc.max_send_message_length": maxMessageBytes,
      "grpc.enable_http_proxy": 0,
      // A runtime that restarts is back within seconds; the default would wait up to two minutes.
      "grpc.initial_reconnect_backoff_ms": 100,
      "grpc.max_reconnect_backoff_ms": 1000,
    });
  }

  call<Answer>(service: GrpcService, name: string, request: object, options: CallOptions = {}): Promise<Answer> {
    const method = methodOf(service, name);
    return new Promise((resolve, reject) => {
      const { signal } = options;
      if (signal?.aborted) {
        reject(new BerthError("Aborted", `${name} was aborted`));
        return;
      }
      const outgoing = this.#client.makeUnaryRequest(
        method.path,
        method.requestSerialize,
        method.responseDeserialize as unknown as (bytes: Buffer) => Answer,
        request,
        new Metadata(),
        options.timeoutMs === undefined ? {} : { deadline: this.#now() + options.timeoutMs },
        (error, answer) => {
          signal?.removeEventListener("abort", cancel);
          if (error) reject(toBerthError(error, name, options.about));
          else resolve(answer as Answer);
        },
      );
      const cancel = (): void => outgoing.cancel();
      signal?.addEventListener("abort", cancel, { once: true });
    });
  }

  /** A stream of answers until the signal fires; throws what ended it otherwise. */
  async *stream<Answer>(
    service: GrpcService,
    name: string,
    request: object,
    signal: AbortSignal,
  ): AsyncGenerator<Answer> {
    const method = methodOf(service, name);
    const incoming = this.#client.makeServerStreamRequest(
      method.path,
      method.requestSerialize,
      method.responseDeserialize as unknown as (bytes: Buffer) => Answer,
      request,
      new Metadata(),
      {},
    );
    const cancel = (): void => incoming.cancel();
    signal.addEventListener("abort", cancel, { once: true });
    try {
      for await (const answer of incoming) yield answer as Answer;
      if (!signal.aborted) throw new BerthError("Unavailable", `${name}: the runtime ended the stream`);
    } catch (error) {
      if (signal.aborted) return;
      throw error instanceof BerthError ? error : toBerthError(error as ServiceError, name, undefined);
    } finally {
      signal.removeEventListener("abort", cancel);
      incoming.cancel();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client.close();
  }
}

function methodOf(service: GrpcService, name: string): GrpcService[string] {
  const method = service[name];
  if (!method) throw new BerthError("Internal", `the service has no method ${name}`);
  return method;
}

function toBerthError(error: ServiceError, name: string, about: string | undefined): BerthError {
  const code = codes[error.code] ?? "Internal";
  return new BerthError(code, `${name}${about ? ` of ${about}` : ""}: ${error.details || error.message}`, {
    cause: error,
  });
}
