/**
 * The agent's HTTPS server on port 10250: who calls is found out and judged before anything else is done. The API server is
 * its main caller (logs, exec, port-forward); monitoring is the other.
 */
import { once } from "node:events";
import { type IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { StatusError } from "#pkg/api/status.ts";
import { BerthError, type ErrorCode, isAborted, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import { type NodeAccess, type NodeUser, neededAccess } from "./node-access.ts";
import type { ServingCertificate } from "./serving-certificate.ts";
import type { UpgradeCall } from "./stream-handlers.ts";

export interface PlainCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly response: ServerResponse;
  /** Fires when the caller is gone or the server ends. */
  readonly signal: AbortSignal;
}

export interface NodeRoutes {
  /** Answers, or returns false for a path nobody serves. What it throws becomes the answer. */
  plain(call: PlainCall): Promise<boolean>;
  /** Like plain, for connections that ask to be upgraded. */
  upgrade(call: UpgradeCall, path: string): Promise<boolean>;
}

export interface NodeServerOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  readonly certificate: ServingCertificate;
  /** PEM of the authorities whose client certificates count; undefined: none do. */
  readonly clientCaPem: string | undefined;
  /** Anonymous callers are judged as system:anonymous rather than sent away. */
  readonly anonymousAuth: boolean;
}

export interface NodeServerPorts {
  readonly access: Pick<NodeAccess, "certificateUser" | "tokenUser" | "isAllowed">;
  readonly routes: NodeRoutes;
  readonly log: Logger;
}

export interface NodeServer extends AsyncDisposable {
  readonly port: number;
}

/** Streams may be silent for long; only the time until a request is complete is bounded. */
const headersMs = 30_000;
const idleMs = 90_000;

/** Resolves when connections are accepted; throws "Unavailable" when the port cannot be had. */
export async function startNodeServer(options: NodeServerOptions, ports: NodeServerPorts): Promise<NodeServer> {
  const server = new AgentServer(options, ports);
  await server.listen();
  return server;
}

const anonymous: NodeUser = { name: "system:anonymous", groups: ["system:unauthenticated"] };

class AgentServer implements NodeServer {
  readonly #options: NodeServerOptions;
  readonly #ports: NodeServerPorts;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();
  readonly #stop = new AbortController();

  constructor(options: NodeServerOptions, ports: NodeServerPorts) {
    this.#options = options;
    this.#ports = ports;
    const { certificatePem, privateKeyPem } = options.certificate;
    this.#server = createServer({
      cert: certificatePem,
      key: privateKeyPem,
      ...(options.clientCaPem ? { ca: options.clientCaPem } : {}),
      requestCert: options.clientCaPem !== undefined,
      // Certificates nobody knows are no failure of the connection: such a caller may still bring a token.
      rejectUnauthorized: false,
      minVersion: "TLSv1.2",
      headersTimeout: headersMs,
      keepAliveTimeout: idleMs,
      requestTimeout: 0,
    });
    this.#server.on("secureConnection", (socket: TLSSocket) => {
      this.#sockets.add(socket);
      socket.on("error", () => socket.destroy());
      socket.once("close", () => this.#sockets.delete(socket));
    });
    this.#server.on("tlsClientError", (_error, socket) => socket.destroy());
    this.#server.on("request", (message, response) => void this.#onRequest(message, response));
    this.#server.on("upgrade", (message, socket, head) => void this.#onUpgrade(message, socket, head));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    try {
      this.#server.listen({ host, port });
      await once(this.#server, "listening");
    } catch (error) {
      throw new BerthError("Unavailable", `cannot listen on ${host}:${port}: ${messageOf(error)}`, { cause: error });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    const closed = once(this.#server, "close");
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #onRequest(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const gone = new AbortController();
    response.once("close", () => gone.abort());
    response.on("error", () => gone.abort());
    message.resume();
    const url = urlOf(message);
    try {
      await this.#authorize(message, url.pathname);
      const call: PlainCall = {
        method: message.method ?? "GET",
        path: url.pathname,
        query: url.searchParams,
        response,
        signal: AbortSignal.any([gone.signal, this.#stop.signal]),
      };
      if (!(await this.#ports.routes.plain(call))) throw new BerthError("NotFound", "404 page not found");
    } catch (error) {
      if (isAborted(error) || gone.signal.aborted) response.destroy();
      else this.#refuse(response, error, url.pathname);
    }
  }

  async #onUpgrade(message: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    socket.on("error", () => socket.destroy());
    let answered = false;
    // Whoever answers writes; after that an error can only end the connection.
    const written = socket.write.bind(socket) as (...given: unknown[]) => boolean;
    socket.write = ((...given: unknown[]) => {
      answered = true;
      return written(...given);
    }) as typeof socket.write;
    const url = urlOf(message);
    try {
      await this.#authorize(message, url.pathname);
      const call = { message, socket, head, query: url.searchParams };
      if (!(await this.#ports.routes.upgrade(call, url.pathname))) {
        throw new BerthError("NotFound", "404 page not found");
      }
    } catch (error) {
      if (answered || socket.destroyed) {
        this.#ports.log.debug("a stream ended", { path: url.pathname, error });
        socket.destroy();
        return;
      }
      const response = new ServerResponse(message);
      response.shouldKeepAlive = false;
      response.assignSocket(socket as TLSSocket);
      response.once("finish", () => socket.end());
      this.#refuse(response, error, url.pathname);
    }
  }

  /** Throws StatusError or BerthError for whoever may not. */
  async #authorize(message: IncomingMessage, path: string): Promise<void> {
    const user = await this.#authenticate(message);
    const needed = neededAccess(message.method ?? "GET", path);
    if (await this.#ports.access.isAllowed(user, needed)) return;
    const what = `user=${user.name}, verb=${needed.verbs.join("+")}, resource=nodes, subresource(s)=[${needed.subresources.join(" ")}]`;
    throw new BerthError("Forbidden", `Forbidden (${what})`);
  }

  async #authenticate(message: IncomingMessage): Promise<NodeUser> {
    const { access } = this.#ports;
    const socket = message.socket as TLSSocket;
    if (socket.authorized) {
      const { CN, O } = socket.getPeerCertificate().subject as { CN?: string | string[]; O?: string | string[] };
      const user = access.certificateUser([CN ?? ""].flat().at(-1) ?? "", [O ?? []].flat());
      if (user) return user;
    }
    const token = /^bearer\s+(\S+)$/i.exec(message.headers.authorization ?? "")?.[1];
    const user = token === undefined ? undefined : await access.tokenUser(token);
    if (user) return user;
    if (token === undefined && this.#options.anonymousAuth) return anonymous;
    throw new BerthError("Unauthorized", "Unauthorized");
  }

  #refuse(response: ServerResponse, error: unknown, path: string): void {
    const status = statusOf(error);
    if (status >= 500) this.#ports.log.warn("a request failed", { path, error });
    if (response.headersSent) {
      response.destroy();
      return;
    }
    response.writeHead(status, { "content-type": "text/plain; charset=utf-8", "x-content-type-options": "nosniff" });
    response.end(`${messageOf(error)}\n`);
  }
}

const statuses: Partial<Record<ErrorCode, number>> = {
  Invalid: 400,
  Unauthorized: 401,
  Forbidden: 403,
  NotFound: 404,
  // The caller hands the text on; 400 is what clients of the upstream agent know for "not started yet".
  Unavailable: 400,
  Unsupported: 501,
};

function statusOf(error: unknown): number {
  // The API server's refusal of our own question is not the caller's fault.
  if (error instanceof StatusError) return 500;
  return error instanceof BerthError ? (statuses[error.code] ?? 500) : 500;
}

function urlOf(message: IncomingMessage): URL {
  try {
    return new URL(message.url ?? "/", "https://node");
  } catch {
    return new URL("https://node/");
  }
}
