/** Small HTTP servers of the proxy: GET on fixed paths, answers made when asked. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { BerthError, messageOf } from "#pkg/system/errors.ts";

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  readonly contentType?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** By path; "*" is any other one. */
export type HttpRoutes = Readonly<Record<string, () => HttpAnswer | Promise<HttpAnswer>>>;

export interface HttpServer extends AsyncDisposable {
  readonly port: number;
}

/** `port` 0: any free one. Throws "Unavailable" naming the address when it cannot be listened on. */
export async function startHttpServer(address: string, port: number, routes: HttpRoutes): Promise<HttpServer> {
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? "/", "http://localhost").pathname;
    const route = Object.hasOwn(routes, path) ? routes[path] : routes["*"];
    void answer(route, request.method ?? "GET").then(({ status, body, contentType = "text/plain", headers = {} }) => {
      response.writeHead(status, { "content-type": contentType, "x-content-type-options": "nosniff", ...headers });
      response.end(request.method === "HEAD" ? undefined : body);
    });
  });
  await new Promise<void>((resolve, reject) => {
    const failed = (error: Error): void =>
      reject(new BerthError("Unavailable", `cannot listen on ${address}:${port}: ${error.message}`, { cause: error }));
    server.once("error", failed);
    server.listen(port, address, () => {
      server.off("error", failed);
      resolve();
    });
  });
  return { port: (server.address() as AddressInfo).port, [Symbol.asyncDispose]: () => close(server) };
}

async function answer(route: HttpRoutes[string] | undefined, method: string): Promise<HttpAnswer> {
  if (!route) return { status: 404, body: "404 page not found\n" };
  if (method !== "GET" && method !== "HEAD") return { status: 405, body: "method not allowed\n" };
  try {
    return await route();
  } catch (error) {
    return { status: 500, body: `${messageOf(error)}\n` };
  }
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

export function jsonAnswer(status: number, body: object, headers: Readonly<Record<string, string>> = {}): HttpAnswer {
  return { status, body: `${JSON.stringify(body)}\n`, contentType: "application/json", headers };
}
