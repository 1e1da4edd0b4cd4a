/**
 * The DNS server: UDP and TCP on each address, answers from the directory, everything else from the forwarder. Until the
 * directory has caught up with the API, questions about the cluster get SERVFAIL, never a wrong "does not exist".
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createServer, type Server as TcpServer, type Socket as TcpSocket } from "node:net";
import { type Answer, decode, encode } from "dns-packet";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import {
  buildBareError,
  buildErrorResponse,
  buildZoneResponse,
  fitUdp,
  parseQuery,
  type Query,
  rcode,
} from "./build-response.ts";
import { type Forwarder, withLength } from "./forwarder.ts";
import { type Resolution, resolve, type ZoneOptions } from "./resolve.ts";
import type { ServiceDirectory } from "./service-directory.ts";

export interface DnsServerOptions extends ZoneOptions {
  readonly addresses: readonly string[];
  /** 0: any free port, the same for UDP and TCP. */
  readonly port: number;
  readonly directory: ServiceDirectory;
  readonly hasSynced: () => boolean;
  readonly forwarder: Forwarder;
  readonly log: Logger;
  readonly onQuery?: (type: string, code: number) => void;
}

export interface DnsServer extends AsyncDisposable {
  readonly port: number;
}

/** A TCP client that says nothing for so long is cut off. */
const tcpIdleMs = 10_000;

/** Throws "Unavailable" naming the address when it cannot be listened on. */
export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const sockets: (UdpSocket | TcpServer)[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => socket.close(() => done()))));
  };
  let { port } = options;
  try {
    for (const address of options.addresses) {
      const tcp = await listenTcp(address, port, options);
      sockets.push(tcp);
      port = (tcp.address() as { port: number }).port;
      sockets.push(await listenUdp(address, port, options));
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { port, [Symbol.asyncDispose]: close };
}

async function listenUdp(address: string, port: number, options: DnsServerOptions): Promise<UdpSocket> {
  const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4" });
  socket.on("message", (message, client) => {
    void answer(message, false, options).then((response) => {
      if (response) socket.send(response, client.port, client.address);
    });
  });
  await new Promise<void>((resolveListening, reject) => {
    socket.once("error", (error) => reject(cannotListen("UDP", address, port, error)));
    socket.bind(port, address, resolveListening);
  });
  socket.removeAllListeners("error").on("error", (error) => options.log.warn("UDP socket failed", { error }));
  return socket;
}

async function listenTcp(address: string, port: number, options: DnsServerOptions): Promise<TcpServer> {
  const connections = new Set<TcpSocket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on("close", () => connections.delete(socket));
    serveTcp(socket, options);
  });
  await new Promise<void>((resolveListening, reject) => {
    server.once("error", (error) => reject(cannotListen("TCP", address, port, error)));
    server.listen(port, address, resolveListening);
  });
  const close = server.close.bind(server);
  server.close = (callback) => {
    for (const socket of connections) socket.destroy();
    return close(callback);
  };
  return server;
}

function serveTcp(socket: TcpSocket, options: DnsServerOptions): void {
  let pending = Buffer.alloc(0);
  socket.setTimeout(tcpIdleMs, () => socket.destroy());
  socket.on("error", () => socket.destroy());
  socket.on("data", (chunk: Buffer) => {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
      const message = pending.subarray(2, 2 + pending.readUInt16BE(0));
      pending = pending.subarray(2 + message.length);
      void answer(message, true, options).then((response) => {
        if (response && !socket.destroyed) socket.write(withLength(response));
      });
    }
  });
}

/** Never rejects: whatever goes wrong becomes SERVFAIL. */
async function answer(message: Buffer, overTcp: boolean, options: DnsServerOptions): Promise<Buffer | undefined> {
  const query = parseQuery(message);
  if (query === undefined) return undefined;
  if (typeof query === "number") return buildBareError(message, query);
  let response: Buffer;
  try {
    response = await respond(query, message, overTcp, options);
  } catch (error) {
    options.log.warn("query failed", {
      name: query.question.name,
      type: query.question.type,
      reason: messageOf(error),
    });
    response = buildErrorResponse(query, rcode.serverFailure);
  }
  options.onQuery?.(query.question.type, response.readUInt16BE(2) & 0xf);
  return overTcp ? response : fitUdp(response, query);
}

async function respond(query: Query, message: Buffer, overTcp: boolean, options: DnsServerOptions): Promise<Buffer> {
  const resolution = resolve(query.question, options.directory, options);
  if (resolution.kind === "notOurs") return options.forwarder.forward(message, overTcp);
  if (!options.hasSynced()) return buildErrorResponse(query, rcode.serverFailure);
  if (resolution.kind !== "answer" || resolution.follow === undefined)
    return buildZoneResponse(query, resolution, options);
  return buildZoneResponse(query, await follow(resolution, resolution.follow, query, options), options);
}

/** Adds what the upstream server says of a CNAME's target; the CNAME alone when it says nothing. */
async function follow(
  resolution: Resolution & { kind: "answer" },
  target: string,
  query: Query,
  options: DnsServerOptions,
): Promise<Resolution & { kind: "answer" }> {
  const question = encode({
    type: "query",
    id: query.id,
    flags: 0x0100,
    questions: [{ name: target, type: query.question.type as "A" }],
  });
  try {
    const { answers = [] } = decode(await options.forwarder.forward(question, false));
    return { ...resolution, answers: [...resolution.answers, ...(answers as readonly Answer[])] };
  } catch {
    return resolution;
  }
}

function cannotListen(protocol: string, address: string, port: number, error: Error): BerthError {
  return new BerthError("Unavailable", `cannot listen on ${protocol} ${address}:${port}: ${error.message}`, {
    cause: error,
  });
}
