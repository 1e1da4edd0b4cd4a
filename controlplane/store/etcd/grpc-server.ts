/**
 * A gRPC server on node:http2 alone: unary calls and streams, TLS with client certificates, no compression. Written here
 * because the way through @grpc/grpc-js costs more per call than the store needs to make a write durable.
 */
import { createSecureServer, createServer, type Http2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import type { GrpcMethod } from "#pkg/api/schema/grpc.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { type EtcdErrorName, etcdErrors } from "../etcd-errors.ts";
import { FrameReader, frameMessage } from "./grpc-frames.ts";

/** The server's end of a stream of messages. */
export interface GrpcStream<Answer extends object> {
  /** False: the client is slow; more should wait for `onDrain`. */
  send(answer: Answer): boolean;
  /** Ends the stream, with an error's status if one is given. */
  end(error?: unknown): void;
}

/** What a service does with the messages of one stream. */
export interface GrpcStreamHandler<Request> {
  message(request: Request): void;
  /** The client will send no more. */
  ended(): void;
  /** The client takes messages again. */
  drained?(): void;
  /** The stream is gone, whoever ended it. */
  closed(): void;
}

export type GrpcHandler =
  | {
      readonly kind: "unary";
      readonly method: GrpcMethod;
      readonly handle: (request: never) => Promise<object>;
    }
  | {
      readonly kind: "stream";
      readonly method: GrpcMethod;
      readonly open: (stream: GrpcStream<object>) => GrpcStreamHandler<never>;
    };

export interface GrpcServerTls {
  readonly cert: string | Uint8Array;
  readonly key: string | Uint8Array;
  /** Clients must show a certificate of this authority. Absent: clients need none. */
  readonly clientCa?: string | Uint8Array | undefined;
}

export interface GrpcServerOptions {
  readonly handlers: readonly GrpcHandler[];
  readonly tls?: GrpcServerTls | undefined;
  readonly maxMessageBytes: number;
  readonly log: Logger;
}

/** A client with more than this unread counts as slow. */
const slowClientBytes = 4 * 1024 * 1024;

const okStatus = 0;
const responseHeaders = { ":status": 200, "content-type": "application/grpc" };

const http2Options = {
  settings: { initialWindowSize: 1024 * 1024, maxConcurrentStreams: 100_000 },
  // In megabytes. Many streams with large messages share one connection; Node's 10 would reset them.
  maxSessionMemory: 1024,
};

export class GrpcServer implements AsyncDisposable {
  readonly #server: Http2Server;
  readonly #handlers: ReadonlyMap<string, GrpcHandler>;
  readonly #options: GrpcServerOptions;
  readonly #sessions = new Set<{ destroy(): void }>();

  constructor(options: GrpcServerOptions) {
    this.#options = options;
    this.#handlers = new Map(options.handlers.map((handler) => [handler.method.path, handler]));
    this.#server = openServer(options.tls);
    this.#server.on("stream", (stream: ServerHttp2Stream, headers) => this.#accept(stream, String(headers[":path"])));
    this.#server.on("sessionError", (error) => options.log.debug("an etcd client's connection failed", { error }));
    this.#server.on("tlsClientError", (error) => options.log.debug("an etcd client was refused", { error }));
  }

  /** Throws "AlreadyExists" when the port is taken. Resolves with the port, which matters when `port` is 0. */
  listen(host: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const fail = (error: NodeJS.ErrnoException): void => {
        const code = error.code === "EADDRINUSE" ? "AlreadyExists" : "Internal";
        reject(new BerthError(code, `cannot serve etcd at ${host}:${port}: ${error.message}`, { cause: error }));
      };
      this.#server.once("error", fail);
      this.#server.listen(port, host, () => {
        this.#server.removeListener("error", fail);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  /** Ends every stream and connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
      for (const session of this.#sessions) session.destroy();
    });
  }

  #accept(stream: ServerHttp2Stream, path: string): void {
    this.#trackSession(stream);
    // A reset by the client comes as an error and as "close"; the latter is what matters.
    stream.on("error", () => undefined);
    const handler = this.#handlers.get(path);
    if (handler === undefined) {
      respondError(stream, new BerthError("Unsupported", `unknown method ${path}`));
    } else if (handler.kind === "unary") {
      this.#acceptUnary(stream, handler);
    } else {
      this.#acceptStream(stream, handler);
    }
  }

  #trackSession(stream: ServerHttp2Stream): void {
    const { session } = stream;
    if (session === undefined || this.#sessions.has(session)) return;
    this.#sessions.add(session);
    session.once("close", () => this.#sessions.delete(session));
  }

  #acceptUnary(stream: ServerHttp2Stream, handler: GrpcHandler & { readonly kind: "unary" }): void {
    const reader = new FrameReader(this.#options.maxMessageBytes);
    let answered = false;
    stream.on("data", (chunk: Buffer) => {
      if (answered) return;
      try {
        const [message] = reader.push(chunk);
        if (message === undefined) return;
        answered = true;
        void this.#answer(stream, handler, message);
      } catch (error) {
        answered = true;
        respondError(stream, error);
      }
    });
    stream.on("end", () => {
      if (!answered) respondError(stream, new BerthError("Invalid", "grpc: the request has no message"));
    });
  }

  async #answer(
    stream: ServerHttp2Stream,
    { method, handle }: GrpcHandler & { readonly kind: "unary" },
    message: Buffer,
  ): Promise<void> {
    try {
      const answer = await handle(decodeRequest(method, message) as never);
      if (stream.destroyed) return;
      stream.respond(responseHeaders, { waitForTrailers: true });
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": okStatus }));
      stream.end(frameMessage(method.responseSerialize(answer)));
    } catch (error) {
      this.#noteUnexpected(method, error);
      respondError(stream, error);
    }
  }

  #acceptStream(stream: ServerHttp2Stream, { method, open }: GrpcHandler & { readonly kind: "stream" }): void {
    const reader = new FrameReader(this.#options.maxMessageBytes);
    let trailers: Record<string, string | number> = { "grpc-status": okStatus };
    stream.respond(responseHeaders, { waitForTrailers: true });
    stream.on("wantTrailers", () => stream.sendTrailers(trailers));
    const end = (error?: unknown): void => {
      if (stream.destroyed || stream.writableEnded) return;
      if (error !== undefined) {
        this.#noteUnexpected(method, error);
        trailers = statusHeaders(error);
      }
      stream.end();
    };
    const handler = open({
      send: (answer) => {
        if (stream.destroyed) return true;
        stream.write(frameMessage(method.responseSerialize(answer)));
        return stream.writableLength < slowClientBytes;
      },
      end,
    });
    stream.on("data", (chunk: Buffer) => {
      try {
        for (const message of reader.push(chunk)) handler.message(decodeRequest(method, message) as never);
      } catch (error) {
        end(error);
      }
    });
    stream.on("end", () => handler.ended());
    stream.on("drain", () => handler.drained?.());
    stream.on("close", () => handler.closed());
  }

  #noteUnexpected(method: GrpcMethod, error: unknown): void {
    if (error instanceof BerthError && error.code !== "Internal") return;
    this.#options.log.error("an etcd request failed unexpectedly", { method: method.path, error });
  }
}

function openServer(tls: GrpcServerTls | undefined): Http2Server {
  if (tls === undefined) return createServer(http2Options);
  const pem = (value: string | Uint8Array): string | Buffer => (typeof value === "string" ? value : Buffer.from(value));
  return createSecureServer({
    ...http2Options,
    cert: pem(tls.cert),
    key: pem(tls.key),
    minVersion: "TLSv1.2",
    ...(tls.clientCa === undefined ? {} : { ca: pem(tls.clientCa), requestCert: true, rejectUnauthorized: true }),
  });
}

function decodeRequest(method: GrpcMethod, message: Buffer): object {
  try {
    return method.requestDeserialize(message);
  } catch (error) {
    throw new BerthError("Invalid", `grpc: error unmarshalling request: ${messageOf(error)}`, { cause: error });
  }
}

function respondError(stream: ServerHttp2Stream, error: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ...responseHeaders, ...statusHeaders(error) }, { endStream: true });
}

/** gRPC status numbers of our codes, for errors that are not etcd's own. */
const statuses: Readonly<Record<string, number>> = {
  Invalid: 3,
  Timeout: 4,
  NotFound: 5,
  AlreadyExists: 6,
  Forbidden: 7,
  Exhausted: 8,
  Conflict: 10,
  Expired: 11,
  Unsupported: 12,
  Internal: 13,
  Unavailable: 14,
  Corrupt: 15,
  Unauthorized: 16,
};

function statusHeaders(error: unknown): Record<string, string | number> {
  const failure = BerthError.from(error);
  const name = failure.details["etcd"] as EtcdErrorName | undefined;
  const known = name === undefined ? undefined : etcdErrors[name];
  // Clients compare the text, so an error of etcd's carries exactly that.
  const message = known?.text ?? failure.message;
  return {
    "grpc-status": known?.status ?? statuses[failure.code] ?? 2,
    "grpc-message": encodeURIComponent(message).replaceAll("%20", " ").replaceAll("%3A", ":"),
  };
}
