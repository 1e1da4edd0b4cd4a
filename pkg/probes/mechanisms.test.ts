import { createServer, type Server as HttpServer, type RequestListener } from "node:http";
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from "node:net";
import { Server as GrpcServer, ServerCredentials } from "@grpc/grpc-js";
import { afterEach, describe, expect, test } from "vitest";
import { loadGrpcDescriptor } from "#pkg/api/schema/grpc.ts";
import { grpcHealthDescriptor } from "#pkg/api/schema/grpc-health.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { probeExec } from "./exec.ts";
import { createGrpcProber, type GrpcProbe } from "./grpc.ts";
import { type HttpProbe, probeHttp } from "./http.ts";
import { probeTcp } from "./tcp.ts";

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function listen(server: HttpServer | TcpServer): Promise<number> {
  cleanups.push(() => void server.close());
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as AddressInfo).port;
}

const serve = (listener: RequestListener): Promise<number> => listen(createServer(listener));
const http = (port: number, change: Partial<HttpProbe> = {}): HttpProbe => ({
  scheme: "HTTP",
  host: "127.0.0.1",
  port,
  path: "/healthz",
  headers: [],
  timeoutMs: 2000,
  userAgent: "kube-probe/1.36",
  ...change,
});

describe("probeHttp", () => {
  test.each([
    [200, "success"],
    [204, "success"],
    [399, "success"],
    [400, "failure"],
    [404, "failure"],
    [503, "failure"],
  ])("status %i is %s", async (status, want) => {
    const port = await serve((_request, response) => response.writeHead(status).end());
    expect((await probeHttp(http(port))).outcome).toBe(want);
  });

  test("sends the probe's path, headers, Host and User-Agent", async () => {
    const port = await serve((request, response) => response.end(JSON.stringify([request.url, request.headers])));
    const headers = [
      { name: "Host", value: "example.test" },
      { name: "X-A", value: "1" },
      { name: "X-A", value: "2" },
    ];
    const [url, got] = JSON.parse((await probeHttp(http(port, { path: "ready?x=1", headers }))).output) as [
      string,
      Record<string, string>,
    ];
    expect(url).toBe("/ready?x=1");
    expect(got).toMatchObject({ host: "example.test", "x-a": "1, 2", "user-agent": "kube-probe/1.36", accept: "*/*" });
  });

  test("follows redirects on the same host, up to ten", async () => {
    const port = await serve((request, response) => {
      if (request.url === "/healthz") response.writeHead(302, { location: "/end" }).end();
      else if (request.url === "/loop") response.writeHead(302, { location: "/loop" }).end();
      else response.end("there");
    });
    expect(await probeHttp(http(port))).toEqual({ outcome: "success", output: "there" });
    expect((await probeHttp(http(port, { path: "/loop" }))).outcome).toBe("failure");
  });

  test("a redirect to another host is a warning and is not followed", async () => {
    const port = await serve((_request, response) =>
      response.writeHead(302, { location: "http://elsewhere.test/" }).end(),
    );
    expect((await probeHttp(http(port))).outcome).toBe("warning");
  });

  test("no answer in time is a failure that says so", async () => {
    const port = await serve(() => undefined);
    const result = await probeHttp(http(port, { timeoutMs: 50 }));
    expect(result.outcome).toBe("failure");
    expect(result.output).toContain("no answer within 50 ms");
  });

  test("keeps no more than 10 KiB of the body", async () => {
    const port = await serve((_request, response) => response.end("x".repeat(100_000)));
    expect((await probeHttp(http(port))).output).toHaveLength(10 * 1024);
  });
});

describe("probeTcp", () => {
  test("an open port is success, a closed one failure", async () => {
    const server = createTcpServer((socket) => socket.on("error", () => undefined));
    const port = await listen(server);
    expect((await probeTcp({ host: "127.0.0.1", port, timeoutMs: 1000 })).outcome).toBe("success");
    await new Promise((resolve) => server.close(resolve));
    expect((await probeTcp({ host: "127.0.0.1", port, timeoutMs: 1000 })).outcome).toBe("failure");
  });
});

describe("probeExec", () => {
  test.each([
    ["exit 0", async () => ({ exitCode: 0, output: "ok" }), { outcome: "success", output: "ok" }],
    ["exit 1", async () => ({ exitCode: 1, output: "no" }), { outcome: "failure", output: "no" }],
    [
      "a timeout",
      () => Promise.reject(new BerthError("Timeout", "late")),
      { outcome: "failure", output: 'command "a b" timed out' },
    ],
    [
      "a runtime error",
      () => Promise.reject(new BerthError("Unavailable", "gone")),
      { outcome: "unknown", output: "gone" },
    ],
  ])("%s", async (_name, exec, want) => {
    expect(await probeExec(["a", "b"], 1000, exec)).toEqual(want);
  });
});

describe("createGrpcProber", () => {
  const prober = createGrpcProber(() => Date.now());
  const probe = (port: number, service = ""): GrpcProbe => ({
    host: "127.0.0.1",
    port,
    service,
    timeoutMs: 2000,
    userAgent: "kube-probe/1.36",
  });

  async function healthServer(withHealth: boolean): Promise<number> {
    const server = new GrpcServer();
    cleanups.push(() => server.forceShutdown());
    if (withHealth) {
      server.addService(
        loadGrpcDescriptor(grpcHealthDescriptor, { int64: "number" }).service("grpc.health.v1.Health"),
        {
          Check: (call: { request: { service: string } }, answer: (error: null, value: object) => void) =>
            answer(null, { status: call.request.service === "sick" ? "NOT_SERVING" : "SERVING" }),
          Watch: () => undefined,
        },
      );
    }
    return new Promise((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      );
    });
  }

  test("serving is success, anything else failure", async () => {
    const port = await healthServer(true);
    expect((await prober(probe(port))).outcome).toBe("success");
    expect(await prober(probe(port, "sick"))).toMatchObject({
      outcome: "failure",
      output: expect.stringContaining("NOT_SERVING") as string,
    });
  });

  test("a server without the health service is a failure that says so", async () => {
    const result = await prober(probe(await healthServer(false)));
    expect(result.outcome).toBe("failure");
    expect(result.output).toContain("does not implement the grpc health protocol");
  });

  test("no server is a failure", async () => {
    expect((await prober(probe(1))).outcome).toBe("failure");
  });
});
