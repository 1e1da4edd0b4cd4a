/** HTTP for those who watch over DNS: /health (the process answers), /ready (it has caught up with the API), /metrics. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { BerthError } from "#pkg/system/errors.ts";

export interface HealthOptions {
  /** On loopback; 0: any free one. */
  readonly port: number;
  readonly isReady: () => boolean;
  readonly metrics: () => Promise<string>;
}

/** Throws "Unavailable" when the port cannot be listened on. */
export async function startHealthServer(options: HealthOptions): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer((request, response) => {
    const reply = (status: number, text: string): void => {
      response.writeHead(status, { "content-type": "text/plain; version=0.0.4; charset=utf-8" });
      response.end(text);
    };
    switch (request.url) {
      case "/health":
        return reply(200, "OK\n");
      case "/ready":
        return options.isReady() ? reply(200, "OK\n") : reply(503, "not yet\n");
      case "/metrics":
        void options.metrics().then(
          (text) => reply(200, text),
          () => reply(500, "no metrics\n"),
        );
        return;
      default:
        return reply(404, "not here\n");
    }
  });
  await listen(server, options.port);
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) =>
      reject(new BerthError("Unavailable", `cannot listen on TCP 127.0.0.1:${port}: ${error.message}`)),
    );
    server.listen(port, "127.0.0.1", resolve);
  });
}
