/**
 * One HTTP/2 connection as a client uses it: many requests at once, pings that find out when the other side is gone, and an
 * end that lets running requests finish.
 *
 *   open ──GOAWAY or retire()──▶ draining ──last stream ends──▶ closed
 *     └────────────lost connection, missed ping────────────────▶ closed
 */
import http2 from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { readableBody, requestError } from "./response-body.ts";
import type { TransportResponse } from "./transport.ts";
import type { WireHeaders, WireRequest } from "./wire-request.ts";

export interface Http2SessionOptions {
  readonly clock: Clock;
  /** How long the connection may be silent before it is asked for a sign of life. */
  readonly pingIntervalMs: number;
  readonly pingTimeoutMs: number;
}

/** The server did not look at the request: it may be sent again on another connection, whatever it is. */
export class RefusedStreamError extends Error {
  override readonly name = "RefusedStreamError";
}

/** What one stream may have in flight, and all together: a slow reader of one must not hold up the others. */
const streamWindowBytes = 4 * 1024 * 1024;
const connectionWindowBytes = 256 * 1024 * 1024;
/** What servers allow before they say how many. */
const usualMaxStreams = 100;

export class Http2Session {
  readonly #session: http2.ClientHttp2Session;
  readonly #options: Http2SessionOptions;
  #streams = 0;
  #isDraining = false;
  #pingTimer: Timer | undefined;

  private constructor(session: http2.ClientHttp2Session, options: Http2SessionOptions) {
    this.#session = session;
    this.#options = options;
    session.on("goaway", () => this.retire());
    session.on("close", () => {
      this.#isDraining = true;
      this.#pingTimer?.cancel();
    });
    // Each request hears of it on its own stream.
    session.on("error", () => undefined);
    this.#schedulePing();
  }

  /** Starts HTTP/2 on a TLS connection that has agreed to it; resolves when the server has sent its settings. */
  static async start(socket: TLSSocket, authority: string, options: Http2SessionOptions): Promise<Http2Session> {
    const session = http2.connect(`https://${authority}`, {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: streamWindowBytes },
      maxSessionMemory: 1024,
    });
    await new Promise<void>((resolve, reject) => {
      session.once("remoteSettings", () => resolve());
      session.once("error", reject);
      session.once("close", () => reject(new Error("the connection was closed before HTTP/2 began")));
    });
    session.setLocalWindowSize(connectionWindowBytes);
    return new Http2Session(session, options);
  }

  /** True when another request fits in. */
  get hasRoom(): boolean {
    const most = this.#session.remoteSettings?.maxConcurrentStreams ?? usualMaxStreams;
    return !this.#isDraining && this.#streams < most;
  }

  get isIdle(): boolean {
    return this.#streams === 0;
  }

  /** Throws RefusedStreamError when the request may be sent again elsewhere. */
  send(request: WireRequest, headers: WireHeaders): Promise<TransportResponse> {
    const { body, signal } = request;
    const what = `${request.method} ${request.path}`;
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    const stream = this.#open(headers, body === undefined, reject);
    if (!stream) return promise;
    let hasAnswer = false;
    const cancel = (): void => {
      stream.close(http2.constants.NGHTTP2_CANCEL);
      stream.destroy();
    };
    signal?.addEventListener("abort", cancel, { once: true });
    this.#streams++;
    stream.once("response", (received) => {
      hasAnswer = true;
      const contentLength = request.method === "HEAD" ? undefined : received["content-length"];
      const whyIncomplete = (): string | undefined => cutOff(stream);
      const body = readableBody({ readable: stream, what, signal, cancel, contentLength, whyIncomplete });
      resolve({ status: Number(received[":status"]), headers: flatten(received), body });
    });
    stream.once("close", () => {
      signal?.removeEventListener("abort", cancel);
      this.#streams--;
      this.#closeWhenDrained();
      if (!hasAnswer) reject(this.#noAnswer(stream, what, signal));
    });
    stream.on("error", (error) => reject(isRefused(stream) ? refused(what) : requestError(what, error, signal)));
    if (body !== undefined) stream.end(body);
    return promise;
  }

  /** Takes no more requests, and closes when the running ones are through. */
  retire(): void {
    this.#isDraining = true;
    this.#closeWhenDrained();
  }

  /** Ends the connection and every request on it. */
  destroy(error?: Error): void {
    this.#isDraining = true;
    this.#pingTimer?.cancel();
    this.#session.destroy(error);
  }

  #open(headers: WireHeaders, endStream: boolean, reject: (error: Error) => void): http2.ClientHttp2Stream | undefined {
    try {
      return this.#session.request(headers, { endStream });
    } catch (error) {
      // The connection closed since it was chosen; nothing was sent.
      this.#isDraining = true;
      reject(new RefusedStreamError("the connection is closing", { cause: error }));
      return undefined;
    }
  }

  /** Streams can close without an error and without an answer. */
  #noAnswer(stream: http2.ClientHttp2Stream, what: string, signal: AbortSignal | undefined): Error {
    if (isRefused(stream)) return refused(what);
    return requestError(what, new Error("the connection was closed without an answer"), signal);
  }

  #closeWhenDrained(): void {
    if (this.#isDraining && this.#streams === 0 && !this.#session.closed) this.#session.close();
  }

  #schedulePing(): void {
    const { clock, pingIntervalMs, pingTimeoutMs } = this.#options;
    this.#pingTimer = clock.setTimer(pingIntervalMs, () => {
      if (this.#session.destroyed) return;
      this.#pingTimer = clock.setTimer(pingTimeoutMs, () =>
        this.destroy(new Error(`the server did not answer a ping within ${pingTimeoutMs} ms`)),
      );
      this.#session.ping((error) => {
        this.#pingTimer?.cancel();
        if (!error && !this.#session.destroyed) this.#schedulePing();
      });
    });
  }
}

function isRefused(stream: http2.ClientHttp2Stream): boolean {
  return stream.rstCode === http2.constants.NGHTTP2_REFUSED_STREAM;
}

/** Node ends the stream quietly when it was reset or its connection was lost; only the code tells, where there is one. */
function cutOff(stream: http2.ClientHttp2Stream): string | undefined {
  const code = stream.rstCode;
  return code ? `the stream was closed in the middle of the body (code ${code})` : undefined;
}

function refused(what: string): RefusedStreamError {
  return new RefusedStreamError(`${what}: the server is closing the connection and did not take the request`);
}

function flatten(headers: http2.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(":"))
      flat[name] = Array.isArray(value) ? value.join(", ") : String(value);
  }
  return flat;
}
