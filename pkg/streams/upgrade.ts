/**
 * HTTP/1.1 upgrades from the client's side, over TCP, TLS or a unix socket: asks another server to switch to a stream
 * protocol and hands back the raw connection.
 */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Duplex } from "node:stream";
import type { TLSSocket } from "node:tls";
import { BerthError } from "#pkg/system/errors.ts";

export interface UpgradeRequest {
  /** http: or https: URL with path and query. */
  readonly url: URL;
  /** Connects to this unix socket instead of the URL's host. */
  readonly socketPath?: string | undefined;
  readonly method?: "GET" | "POST" | undefined;
  /** Must hold `upgrade`; `connection: Upgrade` is added. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tls?:
    | Readonly<
        Pick<
          RequestOptions & { ca: string; cert: string; key: string; servername: string; rejectUnauthorized: boolean },
          "ca" | "cert" | "key" | "servername" | "rejectUnauthorized"
        >
      >
    | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface UpgradedConnection {
  readonly socket: Duplex | TLSSocket;
  /** Bytes that arrived right behind the response. */
  readonly head: Buffer;
  /** Lower-case names. */
  readonly headers: Readonly<IncomingMessage["headers"]>;
}

/** An answer other than 101: what the other server said instead. */
export class UpgradeRefused extends BerthError {
  override readonly name = "UpgradeRefused";
  readonly status: number;
  readonly body: string;

  constructor(url: URL, status: number, body: string) {
    super("Unavailable", `${url.host} refused to upgrade ${url.pathname}: ${status} ${body.slice(0, 500)}`);
    this.status = status;
    this.body = body;
  }
}

/** Throws UpgradeRefused, "Unavailable" when there is no connection, "Aborted" when the signal fired. */
export function requestUpgrade(request: UpgradeRequest): Promise<UpgradedConnection> {
  const options: RequestOptions = {
    method: request.method ?? "POST",
    host: request.url.hostname.replace(/^\[|\]$/g, ""),
    port: request.url.port || (request.url.protocol === "https:" ? 443 : 80),
    path: request.url.pathname + request.url.search,
    headers: { connection: "Upgrade", ...request.headers },
    agent: false,
    ...(request.socketPath ? { socketPath: request.socketPath } : {}),
    ...(request.signal ? { signal: request.signal } : {}),
    ...request.tls,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request.url.protocol === "https:" ? httpsRequest(options) : httpRequest(options);
    outgoing.on("upgrade", (response, socket, head) => resolve({ socket, head, headers: response.headers }));
    outgoing.on("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        if (body.length < 64 * 1024) body += text;
      });
      response.on("end", () => reject(new UpgradeRefused(request.url, response.statusCode ?? 0, body)));
    });
    outgoing.on("error", (error) => {
      const code = request.signal?.aborted ? "Aborted" : "Unavailable";
      reject(new BerthError(code, `cannot reach ${request.url.host}: ${error.message}`, { cause: error }));
    });
    outgoing.end();
  });
}

/** Joins two connections until either ends. */
export function joinConnections(a: Duplex, b: Duplex): Promise<void> {
  return new Promise((resolve) => {
    let open = 2;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      from.on("error", () => to.destroy());
      from.on("close", () => {
        to.end();
        open--;
        if (open === 0) resolve();
      });
      from.pipe(to);
    }
  });
}
