/**
 * Requests over HTTP/1.1: plain, TLS or a unix socket. Connections are kept and used again; one that died while it lay idle is
 * replaced without the caller noticing, where sending twice is harmless.
 */
import http from "node:http";
import https from "node:https";
import { readableBody, requestError } from "./response-body.ts";
import { authorityOf, type ServerAddress } from "./server-address.ts";
import type { TlsSettings } from "./tls-settings.ts";
import { tlsOptions } from "./tls-settings.ts";
import type { TransportResponse } from "./transport.ts";
import type { WireHeaders, WireRequest } from "./wire-request.ts";

export class Http1Requester implements Disposable {
  readonly #address: ServerAddress;
  #agent: http.Agent;

  constructor(address: ServerAddress, tls: TlsSettings) {
    this.#address = address;
    this.#agent = makeAgent(address, tls);
  }

  /** New connections use these settings; the old ones end with their requests. */
  useTls(tls: TlsSettings): void {
    const old = this.#agent;
    this.#agent = makeAgent(this.#address, tls);
    for (const socket of Object.values(old.freeSockets).flat()) socket?.destroy();
  }

  async request(request: WireRequest): Promise<TransportResponse> {
    try {
      return await this.#send(request);
    } catch (error) {
      const isStale = error instanceof StaleConnectionError;
      if (!isStale) throw error;
      if (request.method === "POST" || request.method === "PATCH") throw error.explained;
      return await this.#send(request);
    }
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }

  #send(request: WireRequest): Promise<TransportResponse> {
    const { method, path, headers, body, signal } = request;
    const what = `${method} ${path}`;
    const { promise, resolve, reject } = Promise.withResolvers<TransportResponse>();
    const length = body === undefined ? undefined : Buffer.byteLength(body);
    const outgoing = this.#open(method, path, {
      ...headers,
      host: authorityOf(this.#address),
      ...(length === undefined ? {} : { "content-length": String(length) }),
    });
    const abort = (): void => {
      outgoing.destroy();
    };
    signal?.addEventListener("abort", abort, { once: true });
    outgoing.once("close", () => signal?.removeEventListener("abort", abort));
    outgoing.once("error", (error) => {
      const explained = requestError(what, error, signal);
      reject(outgoing.reusedSocket && !signal?.aborted ? new StaleConnectionError(explained) : explained);
    });
    outgoing.once("response", (incoming) => {
      resolve({
        status: incoming.statusCode ?? 0,
        headers: flatten(incoming.headers),
        body: readableBody({ readable: incoming, what, signal, cancel: abort }),
      });
    });
    outgoing.end(body);
    return promise;
  }

  #open(method: string, path: string, headers: WireHeaders): http.ClientRequest {
    const address = this.#address;
    const common = { method, path: address.pathPrefix + path, headers, agent: this.#agent };
    switch (address.scheme) {
      case "unix":
        return http.request({ ...common, socketPath: address.socketPath });
      case "http":
        return http.request({ ...common, host: address.host, port: address.port });
      case "https":
        return https.request({ ...common, host: address.host, port: address.port });
    }
  }
}

/** The kept connection was closed by the other side before it could answer. */
class StaleConnectionError extends Error {
  readonly explained: Error;

  constructor(explained: Error) {
    super(explained.message, { cause: explained });
    this.explained = explained;
  }
}

function makeAgent(address: ServerAddress, tls: TlsSettings): http.Agent {
  const keeping = { keepAlive: true, keepAliveMsecs: 15_000 };
  return address.scheme === "https"
    ? new https.Agent({ ...keeping, ...tlsOptions(tls, address.host), ALPNProtocols: ["http/1.1"] })
    : new http.Agent(keeping);
}

function flatten(headers: http.IncomingHttpHeaders): Record<string, string> {
  const flat: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) flat[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return flat;
}
