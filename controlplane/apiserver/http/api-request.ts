/**
 * A request and its answer, free of any transport: the same handlers serve HTTP/2, HTTP/1.1 and the transport of this
 * process. Filters wrap a handler and are composed once, in api-server.ts, in upstream's order.
 */
import type { Duplex } from "node:stream";
import type { RequestInfo } from "./request-info.ts";

/** Who asks. Names and groups are Kubernetes' own (`system:masters`, `system:serviceaccount:ns:name`). */
export interface UserInfo {
  readonly name: string;
  readonly uid?: string | undefined;
  readonly groups: readonly string[];
  readonly extra?: Readonly<Record<string, readonly string[]>> | undefined;
}

export interface ApiRequest {
  /** Upper case. */
  readonly method: string;
  /** The path as sent, still percent-encoded, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names; repeated headers joined with ", ". */
  readonly headers: Readonly<Record<string, string>>;
  /** Each value of headers that came more than once, as sent: joining would let one group name pass for two. */
  readonly repeatedHeaders?: Readonly<Record<string, readonly string[]>> | undefined;
  readonly remoteAddress: string;
  /** DER of the client certificate, when TLS asked for one and the client sent one. Not yet verified. */
  readonly peerCertificate?: Uint8Array | undefined;
  /** Set by the in-process transport only: authentication is skipped. */
  readonly trustedUser?: UserInfo | undefined;
  /** Fires when the client is gone, the request's deadline passed, or the server stops. */
  readonly signal: AbortSignal;
  /** Makes `signal` fire: the deadline passed, or the answer is no longer wanted. */
  abort(reason: Error): void;
  /** The whole body. Throws StatusError 413 past `limitBytes`, 408-like StatusError when it comes too slowly. */
  readBody(limitBytes: number): Promise<Uint8Array>;
  /** Set when the client asked to change the protocol of the connection: WebSocket or SPDY. */
  readonly upgrade?: ConnectionUpgrade | undefined;
}

export interface ConnectionUpgrade {
  /** Hands over the bare connection, once. The handler then answers on it itself; what it returns is not sent. */
  take(): { readonly socket: Duplex; readonly head: Uint8Array };
}

/** Filled in by the filters on the way to the handler. */
export interface RequestContext {
  readonly info: RequestInfo;
  /** Set once authentication ran. */
  user: UserInfo;
  /** Texts for `Warning: 299` headers, in order, without repeats. */
  readonly warnings: Set<string>;
  /** Further headers of the answer, lower-case names. */
  readonly responseHeaders: Record<string, string>;
  /** Value of the Audit-ID header. */
  readonly auditId: string;
}

export interface ResponseSink {
  /** Hands over a chunk. False: the client reads too slowly; await `drained` before the next one. */
  write(chunk: Uint8Array): boolean;
  drained(): Promise<void>;
  /** Bytes handed over and not yet taken by the client. */
  readonly pendingBytes: number;
}

/** A body made as it is sent: watches, logs. Ends when the promise settles or the signal fires. */
export interface StreamBody {
  stream(sink: ResponseSink, signal: AbortSignal): Promise<void>;
}

export interface ApiResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: ResponseBody | undefined;
}

/**
 * A long body, put together while it is sent at the pace of the client: a reader that is slow, or gone, does not keep the
 * whole of it in memory.
 */
export interface ChunkedBody {
  /** Undefined when it is not known beforehand. */
  readonly byteLength: number | undefined;
  chunks(): Iterable<Uint8Array>;
}

export type ResponseBody = Uint8Array | string | ChunkedBody | StreamBody;

export type ApiHandler = (request: ApiRequest, context: RequestContext) => Promise<ApiResponse>;
/** Throws StatusError to refuse; anything else thrown becomes a 500 Status. */
export type ApiFilter = (next: ApiHandler) => ApiHandler;
