/**
 * The part of a request that is the same for HTTP/2, HTTP/1.1 and the transport of this process. Query, signal and body
 * are made when they are asked for: most requests need only some of them.
 */
import type { Readable } from "node:stream";
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ApiRequest, ConnectionUpgrade, UserInfo } from "./api-request.ts";

export interface ServerRequestFields {
  readonly method: string;
  /** Path with query, as sent. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Names and values in turn, as sent; absent when none can have been repeated. */
  readonly rawHeaders?: readonly string[] | undefined;
  readonly remoteAddress: string;
  readonly body: () => Promise<Uint8Array> | Uint8Array | BodySource;
  readonly peerCertificate?: (() => Uint8Array | undefined) | undefined;
  readonly trustedUser?: UserInfo | undefined;
  readonly upgrade?: ConnectionUpgrade | undefined;
}

/** A body that is still on its way. */
export interface BodySource {
  readonly readable: Readable;
  readonly clock: Clock;
  readonly limits: BodyLimits;
}

export interface BodyLimits {
  /** Longest silence within a body. */
  readonly bodyIdleMs: number;
  /** Longest time for a whole body. */
  readonly bodyTotalMs: number;
}

export class ServerRequest implements ApiRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly remoteAddress: string;
  readonly trustedUser: UserInfo | undefined;
  readonly upgrade: ConnectionUpgrade | undefined;
  readonly #fields: ServerRequestFields;
  readonly #queryText: string;
  #query: URLSearchParams | undefined;
  #repeated: Readonly<Record<string, readonly string[]>> | undefined;
  #controller: AbortController | undefined;
  #abortReason: Error | undefined;

  constructor(fields: ServerRequestFields) {
    this.#fields = fields;
    this.method = fields.method;
    this.headers = fields.headers;
    this.remoteAddress = fields.remoteAddress;
    this.trustedUser = fields.trustedUser;
    this.upgrade = fields.upgrade;
    const mark = fields.target.indexOf("?");
    this.path = mark < 0 ? fields.target : fields.target.slice(0, mark);
    this.#queryText = mark < 0 ? "" : fields.target.slice(mark + 1);
  }

  get query(): URLSearchParams {
    this.#query ??= new URLSearchParams(this.#queryText);
    return this.#query;
  }

  get repeatedHeaders(): Readonly<Record<string, readonly string[]>> | undefined {
    const { rawHeaders } = this.#fields;
    if (!rawHeaders) return undefined;
    this.#repeated ??= collectRepeated(rawHeaders);
    return this.#repeated;
  }

  get peerCertificate(): Uint8Array | undefined {
    return this.#fields.peerCertificate?.();
  }

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#abortReason) this.#controller.abort(this.#abortReason);
    }
    return this.#controller.signal;
  }

  abort(reason: Error): void {
    if (this.#abortReason) return;
    this.#abortReason = reason;
    this.#controller?.abort(reason);
  }

  async readBody(limitBytes: number): Promise<Uint8Array> {
    const body = await this.#fields.body();
    if (!(body instanceof Uint8Array)) return readSource(body, limitBytes, this.headers["content-length"]);
    if (body.length > limitBytes) throw tooLarge(limitBytes);
    return body;
  }
}

function collectRepeated(rawHeaders: readonly string[]): Readonly<Record<string, readonly string[]>> {
  const all = new Map<string, string[]>();
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? "").toLowerCase();
    const values = all.get(name) ?? [];
    values.push(rawHeaders[at + 1] ?? "");
    all.set(name, values);
  }
  return Object.fromEntries([...all].filter(([, values]) => values.length > 1));
}

/** Collects a body, giving up as soon as it is known to be too large, and when it comes too slowly. */
function readSource(source: BodySource, limitBytes: number, contentLength: string | undefined): Promise<Uint8Array> {
  if (contentLength !== undefined && Number(contentLength) > limitBytes) return Promise.reject(tooLarge(limitBytes));
  const { readable, clock, limits } = source;
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let size = 0;
    let lastAt = clock.monotonic();
    const startedAt = lastAt;
    const finish = (settle: () => void): void => {
      timer.cancel();
      readable.off("data", onData).off("end", onEnd).off("error", onError).off("close", onClose);
      settle();
    };
    const fail = (error: Error): void => finish(() => reject(error));
    const onData = (chunk: Uint8Array): void => {
      size += chunk.length;
      lastAt = clock.monotonic();
      if (size > limitBytes) fail(tooLarge(limitBytes));
      else chunks.push(chunk);
    };
    const onEnd = (): void =>
      finish(() => resolve(chunks.length === 1 ? (chunks[0] ?? new Uint8Array()) : Buffer.concat(chunks, size)));
    const onError = (): void => fail(new BerthError("Aborted", "the client broke off while sending the request body"));
    const onClose = onError;
    const check = (): void => {
      const now = clock.monotonic();
      if (now - lastAt >= limits.bodyIdleMs || now - startedAt >= limits.bodyTotalMs) fail(tooSlow());
      else timer = clock.setTimer(limits.bodyIdleMs / 2, check);
    };
    let timer = clock.setTimer(limits.bodyIdleMs, check);
    readable.on("data", onData).once("end", onEnd).once("error", onError).once("close", onClose);
    if (readable.readableEnded) onEnd();
    else if (readable.destroyed) onError();
  });
}

function tooLarge(limitBytes: number): StatusError {
  return StatusError.tooLarge(`Request entity too large: limit is ${limitBytes}`);
}

function tooSlow(): StatusError {
  return new StatusError({ code: 408, reason: "Timeout", message: "the request body came too slowly" });
}
