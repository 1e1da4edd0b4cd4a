/**
 * Load for an etcd endpoint, as cheap as it gets: HTTP/2 frames for unary calls written straight to a socket, without TLS,
 * so that the servers are what is measured and not this process. The same generator drives every server compared.
 */
import { connect, type Socket } from "node:net";
import { kvService } from "#controlplane/store/etcd/descriptor.ts";
import { frameMessage } from "#controlplane/store/etcd/grpc-frames.ts";

const frameType = { data: 0, headers: 1, reset: 3, settings: 4, ping: 6, goAway: 7, windowUpdate: 8 } as const;
const endStream = 0x1;
const endHeaders = 0x4;
const ack = 0x1;
const frameHeaderBytes = 9;
const largeWindow = 2 ** 30;

interface Call {
  hasAnswer: boolean;
  resolve(): void;
  reject(error: Error): void;
}

export class GrpcLoad implements Disposable {
  readonly #connections: readonly Connection[];
  #next = 0;

  private constructor(connections: readonly Connection[]) {
    this.#connections = connections;
  }

  static async connect(endpoint: string, connections: number): Promise<GrpcLoad> {
    const { hostname, port } = new URL(endpoint);
    const open = Array.from({ length: connections }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await new Promise<void>((resolve, reject) => {
        socket.once("connect", () => resolve());
        socket.once("error", reject);
      });
      return new Connection(socket, `${hostname}:${port}`);
    });
    return new GrpcLoad(await Promise.all(open));
  }

  /** The transaction Kubernetes creates an object with. Rejects when the answer is an error. */
  create(key: Uint8Array, value: Uint8Array): Promise<void> {
    const message = kvService["Txn"]?.requestSerialize({
      compare: [{ key, target: "MOD", result: "EQUAL", modRevision: 0 }],
      success: [{ requestPut: { key, value } }],
      failure: [{ requestRange: { key } }],
    });
    const connection = this.#connections[this.#next++ % this.#connections.length];
    if (connection === undefined || message === undefined) throw new Error("not connected");
    return connection.call(frameMessage(message));
  }

  [Symbol.dispose](): void {
    for (const connection of this.#connections) connection[Symbol.dispose]();
  }
}

class Connection implements Disposable {
  readonly #socket: Socket;
  readonly #requestHeaders: Buffer;
  readonly #calls = new Map<number, Call>();
  #streamId = 1;
  /** Bytes the server takes; requests wait while it is used up. */
  #window = 65_535;
  #waiting: Buffer[] = [];
  #received: Buffer = Buffer.alloc(0);
  #unacknowledged = 0;

  constructor(socket: Socket, authority: string) {
    this.#socket = socket;
    this.#requestHeaders = headerBlock(authority);
    socket.on("data", (chunk: Buffer) => this.#receive(chunk));
    socket.on("close", () => this.#fail(new Error("the connection was closed")));
    socket.on("error", (error) => this.#fail(error));
    const settings = Buffer.alloc(6);
    settings.writeUInt16BE(4, 0);
    settings.writeUInt32BE(largeWindow, 2);
    socket.write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
    socket.write(frame(frameType.settings, 0, 0, settings));
    socket.write(frame(frameType.windowUpdate, 0, 0, uint32(largeWindow)));
  }

  call(body: Buffer): Promise<void> {
    const id = this.#streamId;
    this.#streamId += 2;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { hasAnswer: false, resolve, reject });
      this.#socket.cork();
      this.#socket.write(frame(frameType.headers, endHeaders, id, this.#requestHeaders));
      this.#sendData(frame(frameType.data, endStream, id, body));
      process.nextTick(() => this.#socket.uncork());
    });
  }

  [Symbol.dispose](): void {
    this.#calls.clear();
    this.#socket.destroy();
  }

  #sendData(data: Buffer): void {
    const bytes = data.length - frameHeaderBytes;
    if (this.#waiting.length > 0 || bytes > this.#window) {
      this.#waiting.push(data);
      return;
    }
    this.#window -= bytes;
    this.#socket.write(data);
  }

  #receive(chunk: Buffer): void {
    const bytes = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk]);
    let at = 0;
    while (bytes.length - at >= frameHeaderBytes) {
      const length = bytes.readUIntBE(at, 3);
      const end = at + frameHeaderBytes + length;
      if (end > bytes.length) break;
      const payload = bytes.subarray(at + frameHeaderBytes, end);
      this.#receiveFrame(bytes[at + 3] ?? 0, bytes[at + 4] ?? 0, bytes.readUInt32BE(at + 5), payload);
      at = end;
    }
    this.#received = bytes.subarray(at);
  }

  #receiveFrame(type: number, flags: number, id: number, payload: Buffer): void {
    const call = this.#calls.get(id);
    switch (type) {
      case frameType.settings:
        if (!(flags & ack)) this.#socket.write(frame(frameType.settings, ack, 0, Buffer.alloc(0)));
        break;
      case frameType.ping:
        if (!(flags & ack)) this.#socket.write(frame(frameType.ping, ack, 0, payload));
        break;
      case frameType.windowUpdate:
        if (id === 0) this.#windowOpened(payload.readUInt32BE(0));
        break;
      case frameType.data:
        if (call) call.hasAnswer = true;
        this.#acknowledge(payload.length);
        break;
      case frameType.headers:
        if (flags & endStream) this.#ended(id, call);
        break;
      case frameType.reset:
      case frameType.goAway:
        this.#fail(new Error(`the server ended stream ${id}`));
        break;
      default:
    }
  }

  /** A call that fails has no message in its answer, so its headers need not be read. */
  #ended(id: number, call: Call | undefined): void {
    this.#calls.delete(id);
    if (call?.hasAnswer) call.resolve();
    else call?.reject(new Error("the call failed"));
  }

  #windowOpened(bytes: number): void {
    this.#window += bytes;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const data of waiting) this.#sendData(data);
  }

  #acknowledge(bytes: number): void {
    this.#unacknowledged += bytes;
    if (this.#unacknowledged < 1024 * 1024) return;
    this.#socket.write(frame(frameType.windowUpdate, 0, 0, uint32(this.#unacknowledged)));
    this.#unacknowledged = 0;
  }

  #fail(error: Error): void {
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(error);
  }
}

/** HPACK without its dynamic table: indexes of the static one, and literals. */
function headerBlock(authority: string): Buffer {
  const literal = (name: number | string, value: string): Buffer => {
    const nameBytes = typeof name === "number" ? nameIndex(name) : Buffer.concat([Buffer.of(0), text(name)]);
    return Buffer.concat([nameBytes, text(value)]);
  };
  return Buffer.concat([
    Buffer.of(0x80 | 3, 0x80 | 6), // :method POST, :scheme http
    literal(4, "/etcdserverpb.KV/Txn"), // :path
    literal(1, authority), // :authority
    literal(31, "application/grpc"), // content-type
    literal("te", "trailers"),
  ]);
}

function nameIndex(index: number): Buffer {
  return index < 15 ? Buffer.of(index) : Buffer.of(15, index - 15);
}

function text(value: string): Buffer {
  return Buffer.concat([Buffer.of(value.length), Buffer.from(value)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value, 0);
  return bytes;
}

function frame(type: number, flags: number, id: number, payload: Uint8Array): Buffer {
  const bytes = Buffer.allocUnsafe(frameHeaderBytes + payload.length);
  bytes.writeUIntBE(payload.length, 0, 3);
  bytes[3] = type;
  bytes[4] = flags;
  bytes.writeUInt32BE(id, 5);
  bytes.set(payload, frameHeaderBytes);
  return bytes;
}
