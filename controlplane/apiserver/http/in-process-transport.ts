/**
 * The way of this process's own clients (controllers, scheduler) to the API: the same handlers and filters, without a
 * socket. Authentication is settled beforehand; authorization, admission and limits apply.
 */
import type { Transport, TransportRequest, TransportResponse } from "#pkg/kube/transport.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ApiRequest, ApiResponse, ResponseSink, StreamBody, UserInfo } from "./api-request.ts";
import { isStreamBody } from "./response-writer.ts";
import { ServerRequest } from "./server-request.ts";

/** Bytes of a stream that may wait for the reader. */
const highWaterBytes = 1024 * 1024;

export function createInProcessTransport(
  handle: (request: ApiRequest) => Promise<ApiResponse>,
  user: UserInfo,
): Transport {
  return new InProcessTransport(handle, user);
}

class InProcessTransport implements Transport {
  readonly #handle: (request: ApiRequest) => Promise<ApiResponse>;
  readonly #user: UserInfo;
  readonly #open = new Set<ServerRequest>();
  #closed = false;

  constructor(handle: (request: ApiRequest) => Promise<ApiResponse>, user: UserInfo) {
    this.#handle = handle;
    this.#user = user;
  }

  async request(request: TransportRequest): Promise<TransportResponse> {
    const { signal } = request;
    if (this.#closed) throw new BerthError("Unavailable", "the transport is closed");
    if (signal?.aborted) throw aborted();
    const own = new ServerRequest({
      method: request.method,
      target: request.path,
      headers: request.headers,
      remoteAddress: "127.0.0.1",
      trustedUser: this.#user,
      body: () => toBytes(request.body ?? ""),
    });
    const onAbort = (): void => own.abort(aborted());
    const finish = (): void => {
      signal?.removeEventListener("abort", onAbort);
      this.#open.delete(own);
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    this.#open.add(own);
    const response = await this.#handle(own);
    if (signal?.aborted) {
      finish();
      throw aborted();
    }
    const { body } = response;
    if (isStreamBody(body)) return answer(response, new StreamReader(body, own, finish));
    finish();
    return answer(response, wholeBody(body));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const request of this.#open) request.abort(new BerthError("Unavailable", "the transport is closed"));
  }
}

function answer(response: ApiResponse, body: AsyncIterable<Uint8Array>): TransportResponse {
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) {
    headers[name] = typeof value === "string" ? value : value.join(", ");
  }
  return { status: response.status, headers, body };
}

async function* wholeBody(body: Exclude<ApiResponse["body"], StreamBody>): AsyncIterable<Uint8Array> {
  if (body === undefined) return;
  if (typeof body === "string" || body instanceof Uint8Array) yield toBytes(body);
  else yield* body.chunks();
}

/** Runs the stream while somebody reads it; giving up reading ends it. */
class StreamReader implements AsyncIterable<Uint8Array>, ResponseSink {
  readonly #body: StreamBody;
  readonly #request: ServerRequest;
  readonly #finish: () => void;
  readonly #chunks: Uint8Array[] = [];
  #pending = 0;
  #wake: (() => void) | undefined;
  #drained: (() => void) | undefined;
  #ended = false;
  #error: unknown;

  constructor(body: StreamBody, request: ServerRequest, finish: () => void) {
    this.#body = body;
    this.#request = request;
    this.#finish = finish;
    void this.#run();
  }

  get pendingBytes(): number {
    return this.#pending;
  }

  write(chunk: Uint8Array): boolean {
    this.#chunks.push(chunk);
    this.#pending += chunk.length;
    this.#wake?.();
    return this.#pending < highWaterBytes;
  }

  drained(): Promise<void> {
    if (this.#pending < highWaterBytes) return Promise.resolve();
    return new Promise((resolve) => {
      this.#drained = resolve;
    });
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    try {
      for (;;) {
        const chunk = this.#chunks.shift();
        if (chunk) {
          this.#pending -= chunk.length;
          if (this.#pending < highWaterBytes) this.#drained?.();
          yield chunk;
        } else if (this.#ended) {
          if (this.#error !== undefined) throw BerthError.from(this.#error, "Unavailable");
          return;
        } else {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
        }
      }
    } finally {
      this.#request.abort(new BerthError("Aborted", "the reader is gone"));
    }
  }

  async #run(): Promise<void> {
    const { signal } = this.#request;
    const release = (): void => this.#drained?.();
    signal.addEventListener("abort", release);
    try {
      await this.#body.stream(this, signal);
    } catch (error) {
      this.#error = error;
    } finally {
      signal.removeEventListener("abort", release);
      this.#ended = true;
      this.#wake?.();
      this.#finish();
    }
  }
}

function toBytes(body: Uint8Array | string): Uint8Array {
  return typeof body === "string" ? Buffer.from(body) : body;
}

function aborted(): BerthError {
  return new BerthError("Aborted", "the request was aborted");
}
