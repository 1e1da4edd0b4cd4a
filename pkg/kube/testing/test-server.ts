/** Real HTTP servers for tests of transports: HTTP/2 and HTTP/1.1 over TLS, plain HTTP, a unix socket. */
import { once } from "node:events";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import type { Transport, TransportRequest } from "../transport.ts";
import type { CertificateAndKey } from "./test-certificates.ts";

/** HTTP/2 requests come as Node's look-alikes of these, which lack only what HTTP/2 does not have. */
export type Request = http.IncomingMessage;
export type Response = http.ServerResponse;
export type Handler = (request: Request, response: Response) => unknown;

export interface TestServerOptions {
  readonly protocol: "h2" | "https" | "http" | "unix";
  readonly handler: Handler;
  /** For h2 and https. */
  readonly serving?: CertificateAndKey | undefined;
  /** Asks clients for a certificate of this authority, and takes those without one too. */
  readonly clientCaPem?: string | undefined;
  readonly maxConcurrentStreams?: number | undefined;
  /** For unix. */
  readonly socketPath?: string | undefined;
}

export interface TestServer extends AsyncDisposable {
  readonly url: string;
  /** Open connections. */
  readonly sockets: ReadonlySet<Socket>;
  /** Open HTTP/2 sessions. */
  readonly sessions: ReadonlySet<http2.ServerHttp2Session>;
  /** How many connections there have been. */
  readonly connections: number;
}

export async function startTestServer(options: TestServerOptions): Promise<TestServer> {
  const server = makeServer(options);
  const sockets = new Set<Socket>();
  const sessions = new Set<http2.ServerHttp2Session>();
  let connections = 0;
  server.on("connection", (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on("error", () => undefined);
    socket.on("close", () => sockets.delete(socket));
  });
  server.on("session", (session: http2.ServerHttp2Session) => {
    sessions.add(session);
    session.on("error", () => undefined);
    session.on("close", () => sessions.delete(session));
  });
  if (options.socketPath === undefined) server.listen(0, "127.0.0.1");
  else server.listen(options.socketPath);
  await once(server, "listening");
  return {
    url: urlOf(options, server),
    sockets,
    sessions,
    get connections() {
      return connections;
    },
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** A handler that passes every request on to a transport: puts a fake API server on the wire. */
export function bridgeTo(transport: Transport): Handler {
  return (request, response) => {
    void answer(transport, request, response).catch(() => response.destroy());
  };
}

async function answer(transport: Transport, request: Request, response: Response): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const gone = new AbortController();
  response.on("close", () => gone.abort());
  const answered = await transport.request({
    method: request.method as TransportRequest["method"],
    path: request.url ?? "/",
    headers: request.headers as Record<string, string>,
    body: chunks.length > 0 ? Buffer.concat(chunks) : undefined,
    signal: gone.signal,
  });
  response.writeHead(answered.status, { ...answered.headers });
  response.flushHeaders();
  for await (const chunk of answered.body) response.write(chunk);
  response.end();
}

export interface Proxy extends AsyncDisposable {
  readonly port: number;
  /** From now on bytes are swallowed, and no connection is closed: a cable that was pulled. */
  freeze(): void;
}

/** Passes bytes to a port on loopback until it is told to freeze. */
export async function startProxy(targetPort: number): Promise<Proxy> {
  const sockets = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(targetPort, "127.0.0.1");
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on("error", () => undefined);
      from.pipe(to);
    }
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    freeze: () => {
      for (const socket of sockets) socket.unpipe().resume();
    },
    async [Symbol.asyncDispose]() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

function makeServer(options: TestServerOptions): Server {
  const { protocol, handler, serving, clientCaPem, maxConcurrentStreams } = options;
  const tls = {
    ...(serving ? { cert: serving.certificatePem, key: serving.keyPem } : {}),
    ...(clientCaPem ? { ca: clientCaPem, requestCert: true, rejectUnauthorized: false } : {}),
  };
  const run = (request: Request, response: Response): void => {
    handler(request, response);
  };
  switch (protocol) {
    case "h2": {
      const settings = maxConcurrentStreams === undefined ? {} : { maxConcurrentStreams };
      return http2.createSecureServer(
        { ...tls, allowHTTP1: true, settings, maxSessionMemory: 100 },
        (request, response) => run(request as unknown as Request, response as unknown as Response),
      );
    }
    case "https":
      return https.createServer(tls, run);
    case "http":
    case "unix":
      return http.createServer(run);
  }
}

function urlOf({ protocol, socketPath }: TestServerOptions, server: Server): string {
  if (protocol === "unix") return `unix://${socketPath}`;
  const { port } = server.address() as AddressInfo;
  return `${protocol === "http" ? "http" : "https"}://127.0.0.1:${port}`;
}
