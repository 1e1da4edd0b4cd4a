/**
 * The Transport to a real API server. TLS connections speak HTTP/2 where the server agrees (ALPN) and HTTP/1.1 where not; plain
 * and unix-socket addresses speak HTTP/1.1.
 *  - HTTP/2 connections are shared by all requests; another is opened when the server's limit of streams is reached, or when
 *    it says GOAWAY, and requests it did not take are sent again on that one;
 *  - a dead connection is found by pings;
 *  - the client certificate can be changed while requests run; token files are read again by themselves.
 */
import tls, { type TLSSocket } from "node:tls";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { TokenSource } from "./bearer-token.ts";
import { deadline } from "./deadline.ts";
import { Http1Requester } from "./http1-requester.ts";
import { Http2Session, RefusedStreamError } from "./http2-session.ts";
import { requestError } from "./response-body.ts";
import { authorityOf, parseServerAddress, type ServerAddress } from "./server-address.ts";
import { type TlsSettings, tlsOptions } from "./tls-settings.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";
import type { WireHeaders, WireRequest } from "./wire-request.ts";

export interface HttpsTransportOptions extends TlsSettings {
  /** `https://host:6443`, `http://127.0.0.1:8080`, `unix:///run/berth.sock`. */
  readonly server: string;
  readonly clock: Clock;
  readonly token?: TokenSource | undefined;
  /** Sent with every request: Impersonate-User and the like. Lower-case names; a list is sent as several headers. */
  readonly headers?: WireHeaders | undefined;
  /** Default 30,000. */
  readonly connectTimeoutMs?: number | undefined;
  /** How long a connection may be silent before it is pinged. Default 30,000. */
  readonly pingIntervalMs?: number | undefined;
  /** How long an answer to a ping may take before the connection counts as dead. Default 15,000. */
  readonly pingTimeoutMs?: number | undefined;
}

/** How often a request is sent again because servers refused to look at it. */
const maxRefusals = 4;
/** How many new connections one request may have to wait for. */
const maxConnects = 8;

export class HttpsTransport implements Transport {
  readonly #options: HttpsTransportOptions;
  readonly #address: ServerAddress;
  readonly #http1: Http1Requester;
  #tls: TlsSettings;
  /** Undefined until a TLS server was asked. */
  #protocol: "h2" | "http/1.1" | undefined;
  #sessions: Http2Session[] = [];
  #connecting: Promise<void> | undefined;
  #isDisposed = false;

  constructor(options: HttpsTransportOptions) {
    this.#options = options;
    this.#tls = options;
    this.#address = parseServerAddress(options.server);
    this.#http1 = new Http1Requester(this.#address, options);
    if (this.#address.scheme !== "https") this.#protocol = "http/1.1";
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    this.#checkOpen(request);
    const { token } = this.#options;
    if (!token) return await this.#dispatch(request, undefined);
    const sent = await token.current();
    const response = await this.#dispatch(request, sent);
    if (response.status !== 401 || !(await token.refused(sent))) return response;
    await response.body[Symbol.asyncIterator]().return?.();
    return await this.#dispatch(request, await token.current());
  }

  /** From now on the client is known by this certificate: connections with the old one end when their requests do. */
  useClientCertificate(clientCertificatePem: string, clientKeyPem: string): void {
    this.#tls = { ...this.#tls, clientCertificatePem, clientKeyPem };
    this.#http1.useTls(this.#tls);
    for (const session of this.#sessions) session.retire();
    this.#sessions = [];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true;
    for (const session of this.#sessions) session.destroy();
    this.#sessions = [];
    this.#http1[Symbol.dispose]();
  }

  async #dispatch(request: TransportRequest, token: string | undefined): Promise<TransportResponse> {
    const headers = {
      ...this.#options.headers,
      ...request.headers,
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    };
    const whole: WireRequest = { ...request, headers };
    let [refusals, connects] = [0, 0];
    for (;;) {
      if (this.#protocol === "http/1.1") return await this.#http1.request(whole);
      const session = this.#pick();
      try {
        // Nothing may come between choosing and sending, or more requests than fit would choose the same connection.
        if (session) return await session.send(whole, this.#http2Headers(whole));
      } catch (error) {
        if (!(error instanceof RefusedStreamError)) throw error;
        if (++refusals > maxRefusals) throw requestError(describe(request), error, request.signal);
      }
      this.#checkOpen(request);
      if (session) continue;
      if (++connects > maxConnects) {
        throw new BerthError("Unavailable", `${describe(request)}: the server's connections have no room for requests`);
      }
      await this.#connectOnce(request);
    }
  }

  /** A connection with room for one more request. */
  #pick(): Http2Session | undefined {
    const [session, ...others] = this.#sessions.filter(({ hasRoom }) => hasRoom);
    this.#retireIdle(others);
    return session;
  }

  /** Connecting is shared, so that one caller's giving up must not end it for the others. */
  async #connectOnce(request: TransportRequest): Promise<void> {
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = undefined;
    });
    await orAborted(this.#connecting, request);
    this.#checkOpen(request);
  }

  /** Connections opened for a rush are given back after it. */
  #retireIdle(sessions: readonly Http2Session[]): void {
    for (const session of sessions) {
      if (session.isIdle) session.retire();
    }
    this.#sessions = this.#sessions.filter(({ hasRoom, isIdle }) => hasRoom || !isIdle);
  }

  async #connect(): Promise<void> {
    const { clock, connectTimeoutMs = 30_000, pingIntervalMs = 30_000, pingTimeoutMs = 15_000 } = this.#options;
    const what = `connecting to ${this.#options.server}`;
    const usedTls = this.#tls;
    using limit = deadline(clock, connectTimeoutMs, undefined);
    try {
      const socket = await this.#openSocket(limit.signal);
      if (socket.alpnProtocol !== "h2") {
        socket.destroy();
        this.#protocol = "http/1.1";
        return;
      }
      const session = await Http2Session.start(socket, authorityOf(this.#address), {
        clock,
        pingIntervalMs,
        pingTimeoutMs,
      });
      this.#protocol = "h2";
      if (this.#isDisposed) session.destroy();
      else if (usedTls !== this.#tls) session.retire();
      else this.#sessions.push(session);
    } catch (error) {
      if (limit.isOver()) throw new BerthError("Unavailable", `${what}: no connection within ${connectTimeoutMs} ms`);
      throw requestError(what, error, undefined);
    }
  }

  #openSocket(signal: AbortSignal): Promise<TLSSocket> {
    const address = this.#address;
    if (address.scheme !== "https") throw new BerthError("Internal", `${address.scheme} does not use TLS`);
    const { host, port } = address;
    return new Promise((resolve, reject) => {
      const options = { host, port, ...tlsOptions(this.#tls, host), ALPNProtocols: ["h2", "http/1.1"] };
      const socket = tls.connect(options, () => resolve(socket));
      socket.once("error", reject);
      socket.setKeepAlive(true, 15_000);
      signal.addEventListener("abort", () => socket.destroy(new Error("timed out")), { once: true });
    });
  }

  #http2Headers({ method, path, headers }: WireRequest): WireHeaders {
    return {
      ...headers,
      ":method": method,
      ":scheme": "https",
      ":authority": authorityOf(this.#address),
      ":path": this.#address.pathPrefix + path,
    };
  }

  #checkOpen(request: TransportRequest): void {
    if (request.signal?.aborted) throw new BerthError("Aborted", `${describe(request)}: the request was aborted`);
    if (this.#isDisposed) throw new BerthError("Unavailable", `${describe(request)}: the transport was closed`);
  }
}

function describe(request: TransportRequest): string {
  return `${request.method} ${request.path}`;
}

async function orAborted(connecting: Promise<void>, request: TransportRequest): Promise<void> {
  const { signal } = request;
  if (!signal) return await connecting;
  const aborted = Promise.withResolvers<never>();
  const abort = (): void => aborted.reject(new BerthError("Aborted", `${describe(request)}: the request was aborted`));
  signal.addEventListener("abort", abort, { once: true });
  try {
    await Promise.race([connecting, aborted.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
