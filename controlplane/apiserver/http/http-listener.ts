/**
 * The HTTPS edge: HTTP/2 through node:http2's stream interface (the fast path) and HTTP/1.1, on one port by ALPN.
 *
 *  - turns each request into an ApiRequest, hands it to `handle` (which never throws) and writes the answer;
 *  - the request's signal fires when its client is gone or the server stops;
 *  - a request to change protocol (WebSocket, SPDY) goes through the same handlers, with `upgrade` set;
 *  - dispose: no new connections, streams of watches end, requests under way get `drainMs` to finish.
 */
import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import {
  createSecureServer,
  type Http2SecureServer,
  type Http2Session,
  constants as h2,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureServerOptions,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ApiRequest, ApiResponse } from "./api-request.ts";
import { defaultHttpLimits, type HttpLimits } from "./http-limits.ts";
import { isStreamBody, type ResponseTarget, writeResponse } from "./response-writer.ts";
import { ServerRequest } from "./server-request.ts";

/** PEM texts. Client certificates are asked for and handed on unverified: authentication judges them. */
export interface TlsMaterial {
  readonly certificate: string;
  readonly privateKey: string;
  /** Named to clients as the authority whose certificates are welcome. */
  readonly clientCa?: string | undefined;
}

export interface HttpListenerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly tls: TlsMaterial;
  readonly limits?: Partial<HttpLimits> | undefined;
}

export interface HttpListenerPorts {
  readonly clock: Clock;
  readonly log: Logger;
  /** Called for each failed TLS handshake. */
  readonly onHandshakeError?: (() => void) | undefined;
}

export interface HttpListener extends AsyncDisposable {
  readonly host: string;
  readonly port: number;
  /** New connections use this certificate; the old ones go on. */
  replaceCertificate(tls: TlsMaterial): void;
}

/** Must not reject: failures are answers too. */
export type RequestHandler = (request: ApiRequest) => Promise<ApiResponse>;

/** Resolves when connections are accepted. Throws BerthError "Unavailable" when the address cannot be had. */
export async function startHttpListener(
  options: HttpListenerOptions,
  handle: RequestHandler,
  ports: HttpListenerPorts,
): Promise<HttpListener> {
  const listener = new NodeHttpListener(options, handle, ports);
  await listener.listen(options.host, options.port);
  return listener;
}

interface Peer {
  readonly address: string;
  readonly certificate: Uint8Array | undefined;
}

class NodeHttpListener implements HttpListener {
  readonly host: string;
  readonly #server: Http2SecureServer;
  readonly #handle: RequestHandler;
  readonly #ports: HttpListenerPorts;
  readonly #limits: HttpLimits;
  /** Sessions and how many streams each has open. */
  readonly #sessions = new Map<Http2Session, number>();
  readonly #sockets = new Set<TLSSocket>();
  readonly #active = new Map<ServerRequest, "waiting" | "streaming">();
  /** A connection's facts are read once: asking TLS for the certificate on each request is slow. */
  readonly #peers = new WeakMap<object, Peer>();
  #stopping = false;
  #idle: (() => void) | undefined;

  constructor(options: HttpListenerOptions, handle: RequestHandler, ports: HttpListenerPorts) {
    this.host = options.host;
    this.#handle = handle;
    this.#ports = ports;
    this.#limits = { ...defaultHttpLimits, ...options.limits };
    this.#server = createSecureServer(serverOptions(options.tls, this.#limits));
    this.#wire();
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(host: string, port: number): Promise<void> {
    try {
      this.#server.listen({ host, port, backlog: 4096 });
      await once(this.#server, "listening");
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new BerthError("Unavailable", `cannot listen on ${host}:${port}: ${why}`, { cause: error });
    }
  }

  replaceCertificate(tls: TlsMaterial): void {
    this.#server.setSecureContext(secureContext(tls));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const session of this.#sessions.keys()) session.close();
    const stopping = new BerthError("Unavailable", "the server is stopping");
    for (const [request, state] of this.#active) if (state === "streaming") request.abort(stopping);
    await this.#drain();
    for (const request of this.#active.keys()) request.abort(stopping);
    for (const session of this.#sessions.keys()) session.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  /** Waits until no request is under way, or for the drain limit. */
  async #drain(): Promise<void> {
    if (this.#active.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    using _limit = this.#ports.clock.setTimer(this.#limits.drainMs, resolve);
    this.#idle = resolve;
    await promise;
  }

  #wire(): void {
    const server = this.#server;
    server.on("request", (request: unknown, response: unknown) =>
      this.#onHttp1(request as IncomingMessage, response as ServerResponse),
    );
    // Listening for "request" makes node answer HTTP/2 streams through its slow compatibility layer as well.
    server.removeAllListeners("stream");
    server.on("stream", (stream, headers, _flags, rawHeaders) =>
      this.#onHttp2(stream as ServerHttp2Stream, headers, rawHeaders as unknown as string[]),
    );
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) =>
      this.#onUpgrade(request, socket, head),
    );
    server.on("session", (session) => {
      this.#sessions.set(session, 0);
      session.once("close", () => this.#sessions.delete(session));
      session.on("error", () => session.destroy());
      // A session with open streams may be silent for long: a watch without changes.
      session.setTimeout(this.#limits.idleMs, () => {
        if (!this.#sessions.get(session)) session.close();
      });
    });
    server.on("secureConnection", (socket: TLSSocket) => {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
      socket.on("error", () => socket.destroy());
      socket.setKeepAlive(true, 30_000);
      socket.setNoDelay(true);
    });
    server.on("tlsClientError", (_error, socket) => {
      this.#ports.onHandshakeError?.();
      socket.destroy();
    });
    server.on("clientError", (_error: Error, socket: Duplex) => refuseHttp1(socket));
    server.on("sessionError", () => undefined);
    server.on("error", (error) => this.#ports.log.error("HTTP listener failed", { error }));
  }

  #onHttp2(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    const session = stream.session;
    stream.on("error", () => undefined);
    if (!session) return;
    const method = headers[":method"] ?? "";
    const peer = this.#peer(session, session.socket as TLSSocket);
    const request = new ServerRequest({
      method,
      target: targetOf(headers[":path"] ?? "/"),
      headers: headers as Record<string, string>,
      rawHeaders,
      remoteAddress: peer.address,
      peerCertificate: () => peer.certificate,
      body: () => {
        if (stream.endAfterHeaders) return empty;
        if (headers["expect"] === "100-continue" && !stream.headersSent) stream.additionalHeaders({ ":status": 100 });
        return { readable: stream, clock: this.#ports.clock, limits: this.#limits };
      },
    });
    this.#countStream(session, 1);
    stream.once("close", () => {
      this.#countStream(session, -1);
      this.#abandon(request);
    });
    this.#serve(request, {
      writable: stream,
      sendHeaders: (status, fields, hasBody) => {
        if (stream.destroyed || stream.closed) throw clientGone();
        stream.respond({ ...fields, ":status": status } as OutgoingHttpHeaders, { endStream: !hasBody });
      },
      finished: () => discardBody(stream),
      failed: () => stream.close(h2.NGHTTP2_INTERNAL_ERROR),
    });
  }

  #onHttp1(message: IncomingMessage, response: ServerResponse): void {
    const peer = this.#peer(message.socket, message.socket as TLSSocket);
    const request = new ServerRequest({
      method: message.method ?? "",
      target: targetOf(message.url ?? "/"),
      headers: message.headers as Record<string, string>,
      rawHeaders: message.rawHeaders,
      remoteAddress: peer.address,
      peerCertificate: () => peer.certificate,
      body: () => ({ readable: message, clock: this.#ports.clock, limits: this.#limits }),
    });
    message.on("error", () => undefined);
    response.on("error", () => undefined);
    response.once("close", () => this.#abandon(request));
    this.#serve(request, http1Target(response, this.#stopping));
  }

  #onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void {
    const peer = this.#peer(message.socket, message.socket as TLSSocket);
    let taken = false;
    socket.on("error", () => socket.destroy());
    const request = new ServerRequest({
      method: message.method ?? "",
      target: targetOf(message.url ?? "/"),
      headers: message.headers as Record<string, string>,
      rawHeaders: message.rawHeaders,
      remoteAddress: peer.address,
      peerCertificate: () => peer.certificate,
      body: () => empty,
      upgrade: {
        take: () => {
          if (taken) throw new BerthError("Internal", "the connection was already taken over");
          taken = true;
          return { socket, head };
        },
      },
    });
    socket.once("close", () => request.abort(clientGone()));
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    const target = http1Target(response, true);
    this.#serve(request, {
      ...target,
      sendHeaders: (status, fields, hasBody) => {
        if (taken) throw clientGone();
        response.assignSocket(socket as TLSSocket);
        response.once("finish", () => socket.end());
        target.sendHeaders(status, fields, hasBody);
      },
      failed: () => socket.destroy(),
    });
  }

  #serve(request: ServerRequest, target: ResponseTarget & { finished(): void; failed(): void }): void {
    this.#active.set(request, "waiting");
    this.#handle(request)
      .then((response) => {
        if (isStreamBody(response.body)) {
          this.#active.set(request, "streaming");
          if (this.#stopping) request.abort(new BerthError("Unavailable", "the server is stopping"));
        }
        return writeResponse(request, response, target, { clock: this.#ports.clock, stallMs: this.#limits.stallMs });
      })
      .then(
        () => target.finished(),
        (error: unknown) => {
          if (!request.signal.aborted) {
            this.#ports.log.warn("answer broken off", { method: request.method, path: request.path, error });
          }
          target.failed();
        },
      )
      .finally(() => {
        this.#active.delete(request);
        if (this.#active.size === 0) this.#idle?.();
      });
  }

  /** The connection is gone; tells whoever still works on the request. */
  #abandon(request: ServerRequest): void {
    if (this.#active.has(request)) request.abort(clientGone());
  }

  #countStream(session: Http2Session, change: 1 | -1): void {
    const open = this.#sessions.get(session);
    if (open !== undefined) this.#sessions.set(session, open + change);
  }

  #peer(key: object, socket: TLSSocket): Peer {
    let peer = this.#peers.get(key);
    if (!peer) {
      const certificate = socket.getPeerX509Certificate?.()?.raw;
      peer = { address: socket.remoteAddress ?? "", certificate };
      this.#peers.set(key, peer);
    }
    return peer;
  }
}

const empty = new Uint8Array();

function serverOptions(tls: TlsMaterial, limits: HttpLimits): SecureServerOptions {
  return {
    ...secureContext(tls),
    allowHTTP1: true,
    requestCert: true,
    rejectUnauthorized: false,
    minVersion: "TLSv1.2",
    handshakeTimeout: limits.handshakeMs,
    maxSessionMemory: limits.maxSessionMegabytes,
    maxHeaderListPairs: 256,
    settings: {
      maxConcurrentStreams: limits.maxConcurrentStreams,
      maxHeaderListSize: limits.maxHeaderBytes,
      initialWindowSize: 256 * 1024,
      enablePush: false,
    },
    ...({
      maxHeaderSize: limits.maxHeaderBytes,
      headersTimeout: limits.headersMs,
      requestTimeout: limits.headersMs + limits.bodyTotalMs,
      connectionsCheckingInterval: Math.min(limits.headersMs, 5_000),
      keepAliveTimeout: limits.idleMs,
    } as object),
  };
}

function secureContext(tls: TlsMaterial): Pick<SecureServerOptions, "cert" | "key" | "ca"> {
  return { cert: tls.certificate, key: tls.privateKey, ...(tls.clientCa ? { ca: tls.clientCa } : {}) };
}

function http1Target(response: ServerResponse, close: boolean): ResponseTarget & { finished(): void; failed(): void } {
  return {
    writable: response,
    sendHeaders: (status, headers, hasBody) => {
      if (response.destroyed) throw clientGone();
      if (close) response.setHeader("connection", "close");
      response.writeHead(status, headers as Record<string, string | string[]>);
      if (!hasBody) response.end();
      else if (headers["content-length"] === undefined) response.flushHeaders();
    },
    finished: () => undefined,
    failed: () => response.destroy(),
  };
}

/** An answer that came before the end of the body: the rest is not wanted, and must not hold the window of the session. */
function discardBody(stream: ServerHttp2Stream): void {
  if (stream.endAfterHeaders || stream.readableEnded || stream.destroyed) return;
  stream.resume();
  // One turn later: a reset right behind the headers would overtake them.
  const close = (): unknown => setImmediate(() => stream.close(h2.NGHTTP2_NO_ERROR));
  if (stream.writableFinished) close();
  else stream.once("finish", close);
}

function refuseHttp1(socket: Duplex): void {
  if (socket.writable) socket.end("HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
  else socket.destroy();
}

function clientGone(): BerthError {
  return new BerthError("Aborted", "the client is gone");
}

/** Absolute-form targets (sent to proxies) name the same path. */
function targetOf(url: string): string {
  if (url.startsWith("/")) return url;
  const path = /^https?:\/\/[^/]*(\/.*)?$/i.exec(url);
  return path ? (path[1] ?? "/") : `/${url}`;
}
