/**
 * Writes an answer to a Node stream. HTTP/2 streams and HTTP/1.1 responses differ in how headers are sent; bodies,
 * compression, backpressure and the end of a stream are the same and live here.
 */
import type { Writable } from "node:stream";
import { promisify } from "node:util";
import { constants, createGzip, gzip } from "node:zlib";
import type { Clock, Timer } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { ApiRequest, ApiResponse, ChunkedBody, ResponseBody, ResponseSink, StreamBody } from "./api-request.ts";

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
  const compresses = (size ?? gzipThresholdBytes) >= gzipThresholdBytes && acceptsGzip(request);
  if (compresses && headers["content-encoding"] === undefined) {
    await writeCompressed(request, response, headers, target, ports);
    return;
  }
  if (size !== undefined) headers["content-length"] = String(size);
  if (size === 0 || request.method === "HEAD") {
    target.sendHeaders(status, headers, false);
    return;
  }
  target.sendHeaders(status, headers, true);
  if (isChunked(body)) await writeChunks(body, target.writable, ports, () => undefined);
  else target.writable.end(body);
}

export function isStreamBody(body: ResponseBody | undefined): body is StreamBody {
  return typeof body === "object" && "stream" in body;
}

function isChunked(body: ResponseBody | undefined): body is ChunkedBody {
  return typeof body === "object" && "chunks" in body;
}

async function writeCompressed(
  request: ApiRequest,
  response: ApiResponse,
  headers: ResponseHeaders,
  target: ResponseTarget,
  ports: WriterPorts,
): Promise<void> {
  const body = response.body as Exclude<ResponseBody, StreamBody>;
  headers["content-encoding"] = "gzip";
  headers["vary"] = "Accept-Encoding";
  const hasBody = request.method !== "HEAD";
  if (isChunked(body)) {
    target.sendHeaders(response.status, headers, hasBody);
    if (!hasBody) return;
    const packer = createGzip(gzipOptions);
    packer.pipe(target.writable);
    target.writable.once("close", () => packer.destroy());
    await writeChunks(body, packer, ports, () => target.writable.destroy());
    return;
  }
  const packed = await gzipBytes(body, gzipOptions);
  headers["content-length"] = String(packed.length);
  target.sendHeaders(response.status, headers, hasBody);
  if (hasBody) target.writable.end(packed);
}

/** Asks for the next chunk when the one before is on its way; a reader that takes nothing for long loses the connection. */
async function writeChunks(
  body: ChunkedBody,
  writable: Writable,
  ports: WriterPorts,
  stalled: () => void,
): Promise<void> {
  for (const chunk of body.chunks()) {
    if (writable.destroyed) return;
    if (!writable.write(chunk)) await drained(writable, ports, stalled);
  }
  writable.end();
}

/** Resolves when more can be written, or never will. `stalled` is called when the reader took nothing for too long. */
function drained(writable: Writable, ports: WriterPorts, stalled: () => void): Promise<void> {
  if (!writable.writableNeedDrain || writable.destroyed) return Promise.resolve();
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      writable.off("drain", done).off("close", done);
      resolve();
    };
    const timer: Timer = ports.clock.setTimer(ports.stallMs, () => {
      stalled();
      writable.destroy();
      done();
    });
    writable.once("drain", done).once("close", done);
  });
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
    return drained(this.#writable, this.#ports, this.#stalled);
  }

  get pendingBytes(): number {
    return this.#writable.writableLength;
  }
}

function sizeOf(body: Exclude<ResponseBody, StreamBody> | undefined): number | undefined {
  if (body === undefined) return 0;
  return typeof body === "string" ? Buffer.byteLength(body) : body.byteLength;
}

function acceptsGzip(request: ApiRequest): boolean {
  const accepted = request.headers["accept-encoding"];
  if (accepted === undefined || !accepted.includes("gzip")) return false;
  return !/gzip\s*;\s*q=0(\.0*)?\s*(,|$)/.test(accepted);
}
