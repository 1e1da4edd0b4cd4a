/**
 * Writes an answer to a Node stream. HTTP/2 streams and HTTP/1.1 responses differ in how headers are sent; bodies,
 * compression, backpressure and the end of a stream are the same and live here.
 */
import { once } from "node:events";
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ApiRequest, ApiResponse, ResponseBody, ResponseSink, StreamBody } from "./api-request.ts";

/** Answers below this size are sent as they are, as upstream does: compressing them costs more than it saves. */
export const gzipThresholdBytes = 128 * 1024;

/** Compression level 1: upstream's choice, most of the gain for little time. */
const gzipOptions = { level: constants.Z_BEST_SPEED };
const gzipBytes = promisify(gzip);

export type ResponseHeaders = Record<string, string | readonly string[]>;

export interface ResponseTarget {
  readonly writable: Writable;
  /** Called once, before the body. */
  sendHeaders(status: number, headers: ResponseHeaders, hasBody: boolean): void;
}

export interface WriterPorts {
  readonly clock: Clock;
  readonly stallMs: number;
}

/** Sends the whole answer; resolves when its last byte was handed over. Throws when a streamed body fails. */
export async function writeResponse(
  request: ApiRequest,
  response: ApiResponse,
  target: ResponseTarget,
  ports: WriterPorts,
): Promise<void> {
  const { body, status } = response;
  const headers: ResponseHeaders = { ...response.headers };
  if (isStreamBody(body)) {
    const empty = request.method === "HEAD";
    target.sendHeaders(status, headers, !empty);
    if (!empty) await writeStream(body, request, target.writable, ports);
    return;
  }
  const size = sizeOf(body);
  if (size >= gzipThresholdBytes && acceptsGzip(request) && headers["content-encoding"] === undefined) {
    await writeCompressed(request, response, headers, target);
    return;
  }
  headers["content-length"] = String(size);
  if (size === 0 || request.method === "HEAD") {
    target.sendHeaders(status, headers, false);
    return;
  }
  target.sendHeaders(status, headers, true);
  endWith(body ?? "", target.writable);
}

export function isStreamBody(body: ResponseBody | undefined): body is StreamBody {
  return typeof body === "object" && "stream" in body;
}

async function writeCompressed(
  request: ApiRequest,
  response: ApiResponse,
  headers: ResponseHeaders,
  target: ResponseTarget,
): Promise<void> {
  const body = response.body as Exclude<ResponseBody, StreamBody>;
  headers["content-encoding"] = "gzip";
  headers["vary"] = "Accept-Encoding";
  if (Array.isArray(body)) {
    target.sendHeaders(response.status, headers, request.method !== "HEAD");
    if (request.method === "HEAD") return;
    const packer = createGzip(gzipOptions);
    packer.pipe(target.writable);
    target.writable.once("close", () => packer.destroy());
    for (const chunk of body) {
      if (packer.destroyed) return;
      if (!packer.write(chunk)) await Promise.race([once(packer, "drain"), once(packer, "close")]);
    }
    packer.end();
    return;
  }
  const packed = await gzipBytes(body as Uint8Array | string, gzipOptions);
  headers["content-length"] = String(packed.length);
  target.sendHeaders(response.status, headers, request.method !== "HEAD");
  if (request.method !== "HEAD") target.writable.end(packed);
}

function endWith(body: Exclude<ResponseBody, StreamBody>, writable: Writable): void {
  if (typeof body === "string" || body instanceof Uint8Array) {
    writable.end(body);
    return;
  }
  writable.cork();
  for (const chunk of body) writable.write(chunk);
  writable.end();
}

async function writeStream(
  body: StreamBody,
  request: ApiRequest,
  writable: Writable,
  ports: WriterPorts,
): Promise<void> {
  const sink = new WritableSink(writable, ports, () =>
    request.abort(new BerthError("Timeout", "the client reads too slowly")),
  );
  await body.stream(sink, request.signal);
  writable.end();
}

/** Each write is one write to the connection: callers join small pieces. */
class WritableSink implements ResponseSink {
  readonly #writable: Writable;
  readonly #ports: WriterPorts;
  readonly #stalled: () => void;

  constructor(writable: Writable, ports: WriterPorts, stalled: () => void) {
    this.#writable = writable;
    this.#ports = ports;
    this.#stalled = stalled;
  }

  write(chunk: Uint8Array): boolean {
    const writable = this.#writable;
    return writable.destroyed || writable.writableEnded || writable.write(chunk);
  }

  drained(): Promise<void> {
    const writable = this.#writable;
    if (!writable.writableNeedDrain || writable.destroyed) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        timer.cancel();
        writable.off("drain", done).off("close", done);
        resolve();
      };
      const timer: Timer = this.#ports.clock.setTimer(this.#ports.stallMs, () => {
        this.#stalled();
        writable.destroy();
        done();
      });
      writable.once("drain", done).once("close", done);
    });
  }

  get pendingBytes(): number {
    return this.#writable.writableLength;
  }
}

function sizeOf(body: Exclude<ResponseBody, StreamBody> | undefined): number {
  if (body === undefined) return 0;
  if (typeof body === "string") return Buffer.byteLength(body);
  if (body instanceof Uint8Array) return body.length;
  let size = 0;
  for (const chunk of body) size += chunk.length;
  return size;
}

function acceptsGzip(request: ApiRequest): boolean {
  const accepted = request.headers["accept-encoding"];
  if (accepted === undefined || !accepted.includes("gzip")) return false;
  return !/gzip\s*;\s*q=0(\.0*)?\s*(,|$)/.test(accepted);
}
