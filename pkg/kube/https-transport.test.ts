import { mkdtemp, rm } from "node:fs/promises";
import { constants, type ServerHttp2Stream } from "node:http2";
import { tmpdir } from "node:os";
import path from "node:path";
import type { TLSSocket } from "node:tls";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "#pkg/system/clock.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { createKubeClient } from "./client.ts";
import { HttpsTransport, type HttpsTransportOptions } from "./https-transport.ts";
import { kubeClientSuite } from "./testing/client-suite.ts";
import { FakeApi } from "./testing/fake-api.ts";
import { type CertificateAndKey, makeTestAuthority, type TestAuthority } from "./testing/test-certificates.ts";
import {
  bridgeTo,
  type Handler,
  type Request,
  type Response,
  startProxy,
  startTestServer,
  type TestServer,
} from "./testing/test-server.ts";
import type { TransportResponse } from "./transport.ts";

type Protocol = "h2" | "https" | "http" | "unix";

let authority: TestAuthority;
let serving: CertificateAndKey;
let folder: string;
let sockets = 0;

beforeAll(async () => {
  authority = await makeTestAuthority();
  serving = await authority.serving(["api.test"], ["127.0.0.1"]);
  folder = await mkdtemp(path.join(tmpdir(), "berth-kube-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

interface Pair extends AsyncDisposable {
  readonly server: TestServer;
  readonly transport: HttpsTransport;
}

async function connected(
  protocol: Protocol,
  handler: Handler,
  options: Partial<HttpsTransportOptions> & { maxConcurrentStreams?: number } = {},
): Promise<Pair> {
  const socketPath = protocol === "unix" ? path.join(folder, `${sockets++}.sock`) : undefined;
  const { maxConcurrentStreams, ...rest } = options;
  const clientCaPem = authority.caPem;
  const server = await startTestServer({ protocol, handler, serving, socketPath, maxConcurrentStreams, clientCaPem });
  const transport = new HttpsTransport({ server: server.url, caPem: authority.caPem, clock: systemClock, ...rest });
  return {
    server,
    transport,
    async [Symbol.asyncDispose]() {
      await transport[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

const get = (target: string, signal?: AbortSignal) => ({ method: "GET", path: target, headers: {}, signal }) as const;

async function textOf(response: TransportResponse): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of response.body) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}

/** Answers with what was asked. */
const echo: Handler = async (request, response) => {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { method, url, headers } = request;
  response.writeHead(200, { "content-type": "application/json", "x-version": request.httpVersion });
  response.end(JSON.stringify({ method, url, headers, body: Buffer.concat(chunks).toString("utf8") }));
};

const commonNameOf = (request: Request): string =>
  String((request.socket as unknown as TLSSocket).getPeerCertificate().subject?.CN ?? "nobody");

for (const protocol of ["h2", "https"] as const) {
  kubeClientSuite(`the fake API server over ${protocol}`, async () => {
    const clock = new FakeClock();
    const api = new FakeApi({ clock, needsNamespaces: true });
    const pair = await connected(protocol, bridgeTo(api));
    return {
      client: createKubeClient(pair.transport, { userAgent: "test", clock }),
      clock,
      random: new SeededRandom(),
      pass: async (ms) => {
        await clock.advance(ms);
        await systemClock.sleep(1);
      },
      [Symbol.asyncDispose]: () => pair[Symbol.asyncDispose](),
    };
  });
}

describe.each<Protocol>(["h2", "https", "http", "unix"])("HttpsTransport over %s", (protocol) => {
  test("sends method, path, headers and body, and reads the answer", async () => {
    await using pair = await connected(protocol, echo, { headers: { "impersonate-user": "ann" } });
    const response = await pair.transport.request({
      method: "POST",
      path: "/api/v1/x?a=%20b",
      headers: { "content-type": "text/plain" },
      body: "päyload",
    });
    expect(response.status).toBe(200);
    expect(response.headers).toMatchObject({
      "content-type": "application/json",
      "x-version": protocol === "h2" ? "2.0" : "1.1",
    });
    expect(JSON.parse(await textOf(response))).toMatchObject({
      method: "POST",
      url: "/api/v1/x?a=%20b",
      body: "päyload",
      headers: { "content-type": "text/plain", "impersonate-user": "ann" },
    });
  });

  test("carries many requests at once", async () => {
    await using pair = await connected(protocol, echo, { maxConcurrentStreams: 10 });
    const texts = await Promise.all(
      Array.from({ length: 60 }, async (_, index) => await textOf(await pair.transport.request(get(`/${index}`)))),
    );
    expect(texts.map((text) => (JSON.parse(text) as { url: string }).url)).toEqual(
      texts.map((_, index) => `/${index}`),
    );
  });

  test("uses connections again", async () => {
    await using pair = await connected(protocol, echo);
    for (let count = 0; count < 5; count++) await textOf(await pair.transport.request(get("/")));
    // The first connection of a TLS server only finds out what it speaks.
    expect(pair.server.connections).toBeLessThanOrEqual(2);
  });

  test("streams bodies as they come", async () => {
    const next = Promise.withResolvers<void>();
    const handler: Handler = async (_request, response) => {
      response.writeHead(200);
      response.write("one");
      await next.promise;
      response.end("two");
    };
    await using pair = await connected(protocol, handler);
    const response = await pair.transport.request(get("/"));
    const seen: string[] = [];
    for await (const chunk of response.body) {
      seen.push(Buffer.from(chunk).toString());
      next.resolve();
    }
    expect(seen).toEqual(["one", "two"]);
  });

  test("leaving a body early ends the request on the server, also while a read waits", async () => {
    const closed = Promise.withResolvers<void>();
    const handler: Handler = (_request, response) => {
      response.on("close", closed.resolve);
      response.writeHead(200);
      response.write("first");
    };
    await using pair = await connected(protocol, handler);
    const response = await pair.transport.request(get("/"));
    const chunks = response.body[Symbol.asyncIterator]();
    await chunks.next();
    const waiting = chunks.next().then(
      () => "ended",
      () => "ended",
    );
    await chunks.return?.();
    await closed.promise;
    expect(await waiting).toBe("ended");
  });

  test("the signal ends a request before and after its head", async () => {
    const handler: Handler = (request, response) => {
      if (request.url === "/silent") return;
      response.writeHead(200);
      response.write("first");
    };
    await using pair = await connected(protocol, handler);
    const early = new AbortController();
    const silent = pair.transport.request(get("/silent", early.signal));
    setTimeout(() => early.abort(), 20);
    await expect(silent).rejects.toMatchObject({ code: "Aborted" });
    const late = new AbortController();
    const response = await pair.transport.request(get("/", late.signal));
    setTimeout(() => late.abort(), 20);
    await expect(textOf(response)).rejects.toMatchObject({ code: "Aborted" });
    await expect(pair.transport.request(get("/", AbortSignal.abort()))).rejects.toMatchObject({ code: "Aborted" });
  });

  test("a server that goes away is Unavailable, and is used again when it is back", async () => {
    let isBroken = true;
    const handler: Handler = (request, response) => {
      if (isBroken) request.socket.destroy();
      else response.end("back");
    };
    await using pair = await connected(protocol, handler);
    await expect(pair.transport.request(get("/"))).rejects.toMatchObject({ code: "Unavailable" });
    isBroken = false;
    expect(await textOf(await pair.transport.request(get("/")))).toBe("back");
  });

  test("a connection lost in the middle of a body is Unavailable, not an end", async () => {
    const handler: Handler = (_request, response) => {
      response.writeHead(200);
      response.write("first");
    };
    await using pair = await connected(protocol, handler);
    const response = await pair.transport.request(get("/"));
    setTimeout(() => {
      for (const socket of pair.server.sockets) socket.destroy();
    }, 20);
    await expect(textOf(response)).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("a body shorter than it was announced is Unavailable, not an end", async () => {
    const handler: Handler = (request, response) => {
      response.writeHead(200, { "content-length": "1000" });
      response.write("first");
      setTimeout(() => request.socket.destroy(), 20);
    };
    await using pair = await connected(protocol, handler);
    const response = await pair.transport.request(get("/"));
    await expect(textOf(response)).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("nothing can be sent once it is disposed", async () => {
    await using pair = await connected(protocol, echo);
    await pair.transport[Symbol.asyncDispose]();
    await expect(pair.transport.request(get("/"))).rejects.toMatchObject({ code: "Unavailable" });
  });
});

describe("HttpsTransport and TLS", () => {
  test("trusts only its own authority, for the name it expects", async () => {
    await using server = await startTestServer({ protocol: "h2", handler: echo, serving });
    const ask = async (options: Partial<HttpsTransportOptions>): Promise<number> => {
      await using transport = new HttpsTransport({ server: server.url, clock: systemClock, ...options });
      return (await transport.request(get("/"))).status;
    };
    const { caPem } = authority;
    await expect(ask({})).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining("certificate"),
    });
    await expect(ask({ caPem, serverName: "other.test" })).rejects.toMatchObject({ code: "Unavailable" });
    expect(await ask({ caPem, serverName: "api.test" })).toBe(200);
    expect(await ask({ caPem })).toBe(200);
    expect(await ask({ insecureSkipVerify: true })).toBe(200);
  });

  test.each<Protocol>(["h2", "https"])(
    "shows its certificate over %s, and a new one when it gets one",
    async (protocol) => {
      const [ann, bob] = [await authority.client("ann"), await authority.client("bob")];
      const handler: Handler = (request, response) => {
        response.end(commonNameOf(request));
      };
      const clientCertificatePem = ann.certificatePem;
      await using pair = await connected(protocol, handler, { clientCertificatePem, clientKeyPem: ann.keyPem });
      const ask = async (): Promise<string> => await textOf(await pair.transport.request(get("/")));
      expect(await ask()).toBe("ann");
      pair.transport.useClientCertificate(bob.certificatePem, bob.keyPem);
      expect(await ask()).toBe("bob");
    },
  );

  test("a server that never answers the handshake is Unavailable in time", async () => {
    const clock = new FakeClock();
    await using server = await startTestServer({ protocol: "http", handler: echo });
    await using transport = new HttpsTransport({ server: server.url.replace("http:", "https:"), clock });
    const failed = expect(transport.request(get("/"))).rejects.toMatchObject({ code: "Unavailable" });
    await clock.advance(30_000);
    await failed;
  });
});

describe("HttpsTransport and HTTP/2 connections", () => {
  test("opens another connection when the server's streams are used up by watches", async () => {
    const handler: Handler = (request, response) => {
      response.writeHead(200);
      if (request.url === "/watch") response.write("x");
      else response.end("done");
    };
    await using pair = await connected("h2", handler, { maxConcurrentStreams: 3 });
    const watches = await Promise.all(Array.from({ length: 7 }, () => pair.transport.request(get("/watch"))));
    expect(await textOf(await pair.transport.request(get("/")))).toBe("done");
    expect(pair.server.sessions.size).toBe(3);
    for (const watch of watches) await watch.body[Symbol.asyncIterator]().return?.();
  });

  test("after GOAWAY running requests end well and new ones go elsewhere", async () => {
    const held = Promise.withResolvers<void>();
    const handler: Handler = async (request, response) => {
      if (request.url === "/slow") await held.promise;
      response.end("done");
    };
    await using pair = await connected("h2", handler);
    const slow = pair.transport.request(get("/slow"));
    await until(() => pair.server.sessions.size === 1);
    await textOf(await pair.transport.request(get("/")));
    const [session] = pair.server.sessions;
    session?.goaway(0);
    const answers = await Promise.all([1, 2, 3].map(() => pair.transport.request(get("/"))));
    expect(await Promise.all(answers.map(textOf))).toEqual(["done", "done", "done"]);
    held.resolve();
    expect(await textOf(await slow)).toBe("done");
    expect(pair.server.connections).toBe(2);
  });

  test("sends a request again that the server refused to look at", async () => {
    let refusals = 0;
    const handler: Handler = (_request, response) => {
      if (refusals++ < 2) refuse(response);
      else response.end("taken");
    };
    await using pair = await connected("h2", handler);
    const request = { method: "POST", path: "/", headers: {}, body: "x" } as const;
    expect(await textOf(await pair.transport.request(request))).toBe("taken");
    expect(refusals).toBe(3);
  });

  test("gives up on a server that refuses everything", async () => {
    const handler: Handler = (_request, response) => {
      refuse(response);
    };
    await using pair = await connected("h2", handler);
    await expect(pair.transport.request(get("/"))).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("a peer that answers no ping is dropped, with the requests on it", async () => {
    const clock = new FakeClock();
    const handler: Handler = (_request, response) => {
      response.writeHead(200);
      response.write("x");
    };
    await using server = await startTestServer({ protocol: "h2", handler, serving });
    await using proxy = await startProxy(Number(new URL(server.url).port));
    const { caPem } = authority;
    await using transport = new HttpsTransport({ server: `https://127.0.0.1:${proxy.port}`, caPem, clock });
    const response = await transport.request(get("/"));
    const ended = expect(textOf(response)).rejects.toMatchObject({ code: "Unavailable" });
    proxy.freeze();
    await clock.advance(30_000);
    await clock.advance(15_000);
    await ended;
  });

  test("pings that are answered keep the connection", async () => {
    const clock = new FakeClock();
    await using pair = await connected("h2", echo, { clock });
    await textOf(await pair.transport.request(get("/")));
    for (let count = 0; count < 5; count++) {
      await clock.advance(30_000);
      await until(() => clock.waiting === 1);
      await systemClock.sleep(5);
    }
    await textOf(await pair.transport.request(get("/")));
    expect(pair.server.connections).toBe(1);
  });

  test("one body that nobody reads does not hold up the others", async () => {
    const handler: Handler = (request, response) => {
      response.end(request.url === "/big" ? Buffer.alloc(32 * 1024 * 1024) : "small");
    };
    await using pair = await connected("h2", handler);
    const unread = await pair.transport.request(get("/big"));
    const chunks = unread.body[Symbol.asyncIterator]();
    await chunks.next();
    for (let count = 0; count < 5; count++) {
      expect(await textOf(await pair.transport.request(get("/")))).toBe("small");
    }
    await chunks.return?.();
  });
});

function refuse(response: Response): void {
  (response as unknown as { stream: ServerHttp2Stream }).stream.close(constants.NGHTTP2_REFUSED_STREAM);
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let tries = 0; !isTrue() && tries < 500; tries++) await systemClock.sleep(2);
  expect(isTrue()).toBe(true);
}
