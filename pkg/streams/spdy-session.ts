/**
 * A SPDY/3.1 connection over any byte stream: a socket after its HTTP upgrade, or the messages of a WebSocket.
 *
 *  1. Streams are Node Duplexes with the headers they were opened with; `end()` half-closes, `destroy()` resets.
 *  2. Window sizes are neither kept nor announced, as in the Go implementation every Kubernetes component uses; a slow
 *     reader of one stream pauses the whole connection instead.
 *  3. When the connection ends, every stream ends.
 */
import { Duplex } from "node:stream";
import { BerthError } from "#pkg/system/errors.ts";
import { type SpdyFrame, SpdyFrameReader, SpdyFrameWriter } from "./spdy-frames.ts";
import type { SpdyHeaders } from "./spdy-headers.ts";

/** Data is cut to pieces of this size, so that streams of one connection take turns. */
const maxDataBytes = 32 * 1024;
/** RST_STREAM status codes: the stream is unknown; the other side is not interested. */
const statusInvalidStream = 2;
const statusCancel = 5;

export interface SpdySessionOptions {
  /** Clients number their streams odd, servers even. */
  readonly role: "client" | "server";
  /** Called for each stream the other side opens. It must call `accept` or `destroy`. */
  readonly onStream?: (stream: SpdyStream) => void;
}

export class SpdySession {
  readonly closed: Promise<void>;
  readonly #connection: Duplex;
  readonly #options: SpdySessionOptions;
  readonly #reader = new SpdyFrameReader();
  readonly #writer = new SpdyFrameWriter();
  readonly #streams = new Map<number, SpdyStream>();
  readonly #stalled = new Set<number>();
  #nextId: number;
  #ended = false;

  constructor(connection: Duplex, options: SpdySessionOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#nextId = options.role === "client" ? 1 : 2;
    this.closed = new Promise((resolve) => connection.once("close", resolve));
    connection.on("data", (chunk: Buffer) => this.#receive(chunk));
    connection.on("end", () => this.#end());
    connection.on("error", (error) => this.#end(error));
    connection.on("close", () => this.#end());
  }

  /** Opens a stream; resolves when the other side accepted it, throws "Unavailable" when it did not. */
  async open(headers: SpdyHeaders): Promise<SpdyStream> {
    if (this.#ended) throw new BerthError("Unavailable", "the SPDY connection is closed");
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new SpdyStream(this, id, headers);
    this.#streams.set(id, stream);
    this.send({ type: "synStream", streamId: id, fin: false, headers });
    await stream.accepted;
    return stream;
  }

  close(): void {
    if (!this.#ended) this.send({ type: "goaway", lastStreamId: 0, status: 0 });
    this.#end();
  }

  /** For streams: writes a frame; false when the connection is congested. */
  send(frame: SpdyFrame): boolean {
    if (this.#connection.destroyed || this.#connection.writableEnded) return true;
    return this.#connection.write(this.#writer.write(frame));
  }

  /** For streams: calls back when the connection takes more. */
  whenDrained(callback: () => void): void {
    if (this.#connection.destroyed || !this.#connection.writableNeedDrain) callback();
    else this.#connection.once("drain", callback);
  }

  /** For streams: the reader of `id` is full, or takes data again. */
  setStalled(id: number, stalled: boolean): void {
    if (stalled) this.#stalled.add(id);
    else this.#stalled.delete(id);
    if (this.#stalled.size > 0) this.#connection.pause();
    else if (this.#connection.isPaused()) this.#connection.resume();
  }

  forget(id: number): void {
    this.#streams.delete(id);
    this.setStalled(id, false);
  }

  #receive(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.push(chunk)) this.#handle(frame);
    } catch (error) {
      this.#end(BerthError.from(error, "Corrupt"));
      this.#connection.destroy();
    }
  }

  #handle(frame: SpdyFrame): void {
    switch (frame.type) {
      case "synStream":
        this.#accept(frame);
        return;
      case "synReply":
        this.#streams.get(frame.streamId)?.onReply(frame.fin);
        return;
      case "data":
        this.#deliver(frame);
        return;
      case "headers":
        if (frame.fin) this.#streams.get(frame.streamId)?.onEnd();
        return;
      case "rstStream":
        this.#streams.get(frame.streamId)?.onReset(frame.status);
        return;
      case "ping":
        this.#answerPing(frame.id);
        return;
      case "goaway":
      case "settings":
      case "windowUpdate":
        return;
    }
  }

  #accept(frame: SpdyFrame & { readonly type: "synStream" }): void {
    if (!this.#options.onStream || this.#streams.has(frame.streamId)) {
      this.send({ type: "rstStream", streamId: frame.streamId, status: statusCancel });
      return;
    }
    const stream = new SpdyStream(this, frame.streamId, frame.headers);
    this.#streams.set(frame.streamId, stream);
    if (frame.fin) stream.onEnd();
    this.#options.onStream(stream);
  }

  #deliver(frame: SpdyFrame & { readonly type: "data" }): void {
    const stream = this.#streams.get(frame.streamId);
    if (stream) stream.onData(frame.data, frame.fin);
    else this.send({ type: "rstStream", streamId: frame.streamId, status: statusInvalidStream });
  }

  /** Pings with the other side's parity want an echo; ours are answers. */
  #answerPing(id: number): void {
    const fromClient = id % 2 === 1;
    if (fromClient === (this.#options.role === "server")) this.send({ type: "ping", id });
  }

  #end(error?: Error): void {
    if (this.#ended) return;
    this.#ended = true;
    for (const stream of [...this.#streams.values()]) stream.onConnectionEnd(error);
    this.#streams.clear();
    // A socket after an upgrade stays half-open by itself.
    this.#connection.end();
  }
}

export class SpdyStream extends Duplex {
  readonly id: number;
  /** What the opening side sent; `streamtype` names the purpose in Kubernetes. */
  readonly headers: SpdyHeaders;
  /** For the opening side: settles when the other side answered. */
  readonly accepted: Promise<void>;
  readonly #session: SpdySession;
  readonly #settleAccepted: { resolve: () => void; reject: (error: Error) => void };
  #resetByPeer = false;

  constructor(session: SpdySession, id: number, headers: SpdyHeaders) {
    super({ allowHalfOpen: true });
    this.#session = session;
    this.id = id;
    this.headers = headers;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    // A stream that is dropped before anyone waits for it must not count as an unhandled rejection.
    promise.catch(() => undefined);
    this.accepted = promise;
    this.#settleAccepted = { resolve, reject };
  }

  /** For the side that did not open the stream: agrees to it. */
  accept(headers: SpdyHeaders = {}): void {
    this.#session.send({ type: "synReply", streamId: this.id, fin: false, headers });
  }

  onReply(fin: boolean): void {
    this.#settleAccepted.resolve();
    if (fin) this.onEnd();
  }

  onData(data: Buffer, fin: boolean): void {
    if (data.length > 0 && !this.readableEnded && !this.push(data)) this.#session.setStalled(this.id, true);
    if (fin) this.onEnd();
  }

  onEnd(): void {
    if (!this.readableEnded) this.push(null);
    // Nothing asks for more after the end: a full buffer would hold the other streams up for good.
    this.#session.setStalled(this.id, false);
  }

  onReset(status: number): void {
    this.#resetByPeer = true;
    this.#settleAccepted.reject(new BerthError("Unavailable", `the stream was refused with SPDY status ${status}`));
    this.destroy();
  }

  onConnectionEnd(error: Error | undefined): void {
    this.#resetByPeer = true;
    this.#settleAccepted.reject(new BerthError("Unavailable", "the SPDY connection was lost", { cause: error }));
    if (!this.readableEnded) this.push(null);
    if (this.writableFinished) return;
    // What has arrived is still to be read.
    if (this.readableLength === 0) this.destroy();
    else this.once("end", () => this.destroy());
  }

  override _read(): void {
    this.#session.setStalled(this.id, false);
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: (error?: Error | null) => void): void {
    let flowing = true;
    for (let offset = 0; offset < chunk.length; offset += maxDataBytes) {
      const data = chunk.subarray(offset, offset + maxDataBytes);
      flowing = this.#session.send({ type: "data", streamId: this.id, fin: false, data });
    }
    if (flowing) callback();
    else this.#session.whenDrained(() => callback());
  }

  override _final(callback: (error?: Error | null) => void): void {
    this.#session.send({ type: "data", streamId: this.id, fin: true, data: Buffer.alloc(0) });
    callback();
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    const finished = this.readableEnded && this.writableFinished;
    if (!finished && !this.#resetByPeer) {
      this.#session.send({ type: "rstStream", streamId: this.id, status: statusCancel });
    }
    this.#session.forget(this.id);
    callback(error);
  }
}
