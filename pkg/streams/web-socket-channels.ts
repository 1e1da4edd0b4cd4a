/**
 * The channel protocols of Kubernetes over WebSocket: the first byte of each message names a channel, the rest is data.
 * Versions up to v5.channel.k8s.io, where `255 N` closes channel N; the base64.* forms carry text frames with the
 * channel as a digit.
 */

import type { IncomingMessage } from "node:http";
import { type Duplex, Readable, Writable } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import type { StatusBody } from "#pkg/api/status.ts";
import {
  createResizeParser,
  formatErrorStream,
  parseErrorStream,
  type RemoteCommandClient,
  type RemoteCommandOptions,
  type RemoteCommandServer,
  type TerminalSize,
} from "./remote-command.ts";

/** Best first. */
export const remoteCommandProtocols = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v3.channel.k8s.io",
  "v2.channel.k8s.io",
  "channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "base64.channel.k8s.io",
] as const;

const channel = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** The first protocol the client offers that is known; a client that offers none gets the oldest. */
export function chooseProtocol(offered: Iterable<string>, known: readonly string[]): string | undefined {
  const list = [...offered];
  if (list.length === 0) return "";
  return list.find((protocol) => known.includes(protocol));
}

/** The protocols a request offers in Sec-WebSocket-Protocol. */
export function offeredProtocols(header: string | undefined): readonly string[] {
  return (header ?? "").split(",").flatMap((name) => name.trim() || []);
}

/** Answers a WebSocket upgrade. `protocol` must be one the client offered, or "" when it offered none. */
export function acceptWebSocket(
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
  protocol: string,
): Promise<WebSocket> {
  const server = new WebSocketServer({
    noServer: true,
    handleProtocols: () => protocol || false,
    maxPayload: 32 * 1024 * 1024,
  });
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    server.handleUpgrade(request, socket, head, resolve);
  });
}

/** The server end of exec or attach on an accepted WebSocket. */
export function serveRemoteCommand(socket: WebSocket, options: RemoteCommandOptions): RemoteCommandServer {
  const wire = new ChannelWire(socket);
  const stdin = options.stdin ? wire.readable(channel.stdin) : undefined;
  const stdout = options.stdout ? wire.writable(channel.stdout) : undefined;
  const stderr = options.stderr && !options.tty ? wire.writable(channel.stderr) : undefined;
  // An empty message tells the client that the connection stands before there is any output.
  void wire.send(stdout ? channel.stdout : stderr ? channel.stderr : channel.error, Buffer.alloc(0));
  return {
    stdin,
    stdout,
    stderr,
    onResize: (listener) => wire.onText(channel.resize, createResizeParser(listener)),
    closed: wire.closed,
    async finish(status) {
      const text = formatErrorStream(status, socket.protocol || "channel.k8s.io");
      if (text !== "") await wire.send(channel.error, Buffer.from(text));
      socket.close(1000);
      await wire.closed;
    },
  };
}

/** The client end of exec or attach on an open WebSocket. */
export function useRemoteCommand(socket: WebSocket, options: RemoteCommandOptions): RemoteCommandClient {
  const wire = new ChannelWire(socket);
  let errorText = "";
  wire.onText(channel.error, (text) => {
    errorText += text;
  });
  return {
    stdin: options.stdin ? wire.writable(channel.stdin) : undefined,
    stdout: options.stdout ? wire.readable(channel.stdout) : undefined,
    stderr: options.stderr && !options.tty ? wire.readable(channel.stderr) : undefined,
    resize: (size: TerminalSize) => {
      void wire.send(channel.resize, Buffer.from(JSON.stringify({ Width: size.width, Height: size.height })));
    },
    status: wire.closed.then(
      (): StatusBody => parseErrorStream(errorText || (wire.failed ? "the connection was lost" : "")),
    ),
    close: () => socket.close(1000),
  };
}

/** Splits a WebSocket into channels; each is a plain stream with backpressure towards the socket. */
export class ChannelWire {
  readonly closed: Promise<void>;
  /** True when the socket ended by an error or without a normal close. */
  failed = false;
  readonly #socket: WebSocket;
  readonly #readables = new Map<number, Readable>();
  readonly #listeners = new Map<number, (text: string) => void>();

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.binaryType = "nodebuffer";
    const { promise, resolve } = Promise.withResolvers<void>();
    this.closed = promise;
    socket.on("message", (data: Buffer) => this.#receive(data));
    socket.on("error", () => {
      this.failed = true;
    });
    socket.on("close", (code) => {
      if (code !== 1000) this.failed = true;
      for (const readable of this.#readables.values()) if (!readable.readableEnded) readable.push(null);
      resolve();
    });
  }

  /** Asked for each message: a client knows the protocol only once the socket is open. */
  get #base64(): boolean {
    return this.#socket.protocol.includes("base64");
  }

  readable(id: number): Readable {
    const readable = new Readable({ read: () => this.#socket.resume() });
    this.#readables.set(id, readable);
    return readable;
  }

  /** Ending it closes the channel where the protocol knows how (v5); else nothing is sent. */
  writable(id: number): Writable {
    return new Writable({
      write: (chunk: Buffer, _encoding, callback) => {
        void this.send(id, chunk).then(() => callback());
      },
      final: (callback) => {
        if (!this.#socket.protocol.startsWith("v5.")) callback();
        else void this.#sendRaw(Buffer.from([channel.close, id])).then(() => callback());
      },
    });
  }

  onText(id: number, listener: (text: string) => void): void {
    this.#listeners.set(id, listener);
  }

  /** Resolves when the socket took the message, also when it is closed meanwhile. */
  send(id: number, data: Buffer): Promise<void> {
    if (this.#base64) return this.#sendRaw(`${id}${data.toString("base64")}`);
    return this.#sendRaw(Buffer.concat([Buffer.from([id]), data]));
  }

  #sendRaw(message: Buffer | string): Promise<void> {
    if (this.#socket.readyState !== WebSocket.OPEN) return Promise.resolve();
    return new Promise((resolve) => this.#socket.send(message, () => resolve()));
  }

  #receive(message: Buffer): void {
    if (message.length === 0) return;
    const id = this.#base64 ? Number(message.toString("latin1", 0, 1)) : (message[0] ?? 0);
    const data = this.#base64 ? Buffer.from(message.toString("latin1", 1), "base64") : message.subarray(1);
    if (id === channel.close) {
      const closing = this.#readables.get(data[0] ?? -1);
      if (closing && !closing.readableEnded) closing.push(null);
      return;
    }
    this.#listeners.get(id)?.(data.toString("utf8"));
    const readable = this.#readables.get(id);
    if (readable && data.length > 0 && !readable.readableEnded && !readable.push(data)) this.#socket.pause();
  }
}
