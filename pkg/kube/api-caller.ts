/**
 * One API request over a transport: time limit, bounded retries where the server asks for them, and failures as StatusError.
 *  - 429 was turned away unprocessed, so every verb is sent again, unless the caller takes 429 as an answer (evictions);
 *  - 503 with Retry-After is sent again only when doing so twice is harmless;
 *  - everything else is the caller's business.
 */
import type { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, isAborted } from "#pkg/system/errors.ts";
import { deadline } from "./deadline.ts";
import { type Query, withQuery } from "./request-options.ts";
import { statusErrorFrom } from "./status-from-response.ts";
import type { Transport, TransportRequest, TransportResponse } from "./transport.ts";

export interface ApiCall {
  readonly method: TransportRequest["method"];
  readonly path: string;
  readonly query?: Query | undefined;
  /** Sent as JSON. */
  readonly body?: unknown;
  readonly contentType?: string | undefined;
  readonly accept?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** False: 429 is an answer like any other. Default true. */
  readonly retriesRejected?: boolean | undefined;
}

export interface ApiCallerOptions {
  readonly userAgent: string;
  readonly clock: Clock;
  /** Longest wait for a whole answer, or for the head of a stream. Default 60,000. */
  readonly timeoutMs?: number | undefined;
  /** How often a turned-away request is sent again. Default 10. */
  readonly maxRetries?: number | undefined;
  /** Called for each answer of the server, also for those that are tried again: for metrics. Must not throw. */
  readonly onAnswer?: ((answer: ApiAnswer) => void) | undefined;
}

export interface ApiAnswer {
  readonly method: TransportRequest["method"];
  /** Without the query. */
  readonly path: string;
  readonly status: number;
  /** Until the head of the answer. */
  readonly durationMs: number;
}

/** No server can make a caller wait longer than this for one retry. */
const maxRetryAfterMs = 60_000;

export class ApiCaller {
  readonly #transport: Transport;
  readonly #options: ApiCallerOptions;
  readonly #timeoutMs: number;

  constructor(transport: Transport, options: ApiCallerOptions) {
    this.#transport = transport;
    this.#options = options;
    this.#timeoutMs = options.timeoutMs ?? 60_000;
  }

  /** The decoded JSON answer. Throws StatusError, or BerthError "Timeout", "Unavailable", "Aborted", "Corrupt". */
  async json<T>(call: ApiCall): Promise<T> {
    const text = await this.text(call);
    try {
      return JSON.parse(text) as T;
    } catch (error) {
      throw new BerthError("Corrupt", `${call.method} ${call.path}: the answer is not JSON`, { cause: error });
    }
  }

  /** The whole answer as text. */
  async text(call: ApiCall): Promise<string> {
    using limit = deadline(this.#options.clock, this.#timeoutMs, call.signal);
    try {
      const response = await this.#send(call, limit.signal);
      const text = await readText(response.body);
      // A transport may end a body at the signal; half a body must not pass for a whole one.
      if (limit.signal.aborted) throw new BerthError("Aborted", `${call.method} ${call.path} was aborted`);
      return text;
    } catch (error) {
      throw this.#explain(error, call, limit.isOver());
    }
  }

  /** The answer as it arrives: the time limit covers only its head. The body must be read or cancelled. */
  async stream(call: ApiCall): Promise<TransportResponse> {
    using limit = deadline(this.#options.clock, this.#timeoutMs, call.signal);
    try {
      return await this.#send(call, limit.signal);
    } catch (error) {
      throw this.#explain(error, call, limit.isOver());
    }
  }

  async #send(call: ApiCall, signal: AbortSignal): Promise<TransportResponse> {
    const request = this.#request(call, signal);
    const maxRetries = this.#options.maxRetries ?? 10;
    for (let retries = 0; ; retries++) {
      const response = await this.#exchange(call, request);
      if (response.status >= 200 && response.status < 300) return response;
      const error = statusErrorFrom(response, await readText(response.body), `${call.method} ${call.path}`);
      const waitMs = retryAfterMs(call, error, response.headers["retry-after"]);
      if (waitMs === undefined || retries >= maxRetries) throw error;
      await this.#options.clock.sleep(waitMs, signal);
    }
  }

  async #exchange(call: ApiCall, request: TransportRequest): Promise<TransportResponse> {
    const { clock, onAnswer } = this.#options;
    const startedAt = clock.monotonic();
    const response = await this.#transport.request(request);
    const { method, path } = call;
    onAnswer?.({ method, path, status: response.status, durationMs: clock.monotonic() - startedAt });
    return response;
  }

  #request(call: ApiCall, signal: AbortSignal): TransportRequest {
    const body = call.body === undefined ? undefined : JSON.stringify(call.body);
    return {
      method: call.method,
      path: withQuery(call.path, call.query ?? {}),
      headers: {
        accept: call.accept ?? "application/json",
        "user-agent": this.#options.userAgent,
        ...(body === undefined ? {} : { "content-type": call.contentType ?? "application/json" }),
      },
      body,
      signal,
    };
  }

  #explain(error: unknown, call: ApiCall, isOver: boolean): unknown {
    if (!isOver || !isAborted(error)) return error;
    return new BerthError("Timeout", `${call.method} ${call.path}: no answer within ${this.#timeoutMs} ms`, {
      cause: error,
    });
  }
}

/** How long to wait before sending the call again; undefined when it must not be sent again. */
function retryAfterMs(call: ApiCall, error: StatusError, header: string | undefined): number | undefined {
  const isRejected = error.code === 429 && call.retriesRejected !== false;
  const isUnavailable = error.code === 503 && isHarmlessTwice(call);
  if (!isRejected && !isUnavailable) return undefined;
  const seconds = Number(header ?? Number.NaN);
  return Number.isFinite(seconds) && seconds >= 0 ? Math.min(seconds * 1000, maxRetryAfterMs) : undefined;
}

function isHarmlessTwice({ method, contentType }: ApiCall): boolean {
  if (method === "PATCH") return contentType !== "application/json-patch+json";
  return method !== "POST";
}

async function readText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
