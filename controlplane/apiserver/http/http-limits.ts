/** Bounds that keep one connection from costing the server more than its share. Times in milliseconds. */
import type { BodyLimits } from "./server-request.ts";

export interface HttpLimits extends BodyLimits {
  readonly handshakeMs: number;
  /** HTTP/1.1: longest time for the headers of a request. HTTP/2: a session that opens no stream for `idleMs` is closed. */
  readonly headersMs: number;
  readonly idleMs: number;
  readonly maxHeaderBytes: number;
  readonly maxConcurrentStreams: number;
  /** Memory of one HTTP/2 session, bodies waiting to be sent included, in megabytes. */
  readonly maxSessionMegabytes: number;
  /** A stream whose client takes nothing for so long is closed. */
  readonly stallMs: number;
  /** How long a stopping server waits for requests that are under way. */
  readonly drainMs: number;
}

export const defaultHttpLimits: HttpLimits = {
  handshakeMs: 10_000,
  headersMs: 15_000,
  bodyIdleMs: 10_000,
  bodyTotalMs: 40_000,
  idleMs: 120_000,
  maxHeaderBytes: 256 * 1024,
  maxConcurrentStreams: 1000,
  maxSessionMegabytes: 512,
  stallMs: 60_000,
  drainMs: 5_000,
};
