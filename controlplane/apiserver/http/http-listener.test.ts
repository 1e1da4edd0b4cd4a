import { once } from "node:events";
import { type ClientHttp2Session, connect, type IncomingHttpHeaders, type OutgoingHttpHeaders } from "node:http2";
import { Agent, request as httpsRequest } from "node:https";
import { connect as tlsConnect } from "node:tls";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { silentLogger } from "#pkg/system/log.ts";
import type { ApiRequest, ApiResponse } from "./api-request.ts";
import { joinBody } from "./chunked-body.ts";
import type { HttpLimits } from "./http-limits.ts";
import { type HttpListener, startHttpListener } from "./http-listener.ts";
import { statusOfError, statusResponse } from "./status-response.ts";
import { makeTestCertificate, type TestCertificate } from "./testing/test-certificate.ts";

const encoder = new TextEncoder();
const big = "kubernetes ".repeat(20_000);
const seen = { aborted: 0, chunks: 0, ended: 0 };

const chunked = (...pieces: readonly Uint8Array[]) =>
  joinBody(
    () => pieces,
    pieces.reduce((sum, one) => sum + one.length, 0),
  );

function* endless(): Iterable<Uint8Array> {
  try {
    for (;;) {
      seen.chunks++;
      yield new Uint8Array(100_000);
    }
  } finally {
    seen.ended++;
  }
}

/** A small application that shows every kind of answer. */
async function answer(request: ApiRequest): Promise<ApiResponse> {
  switch (request.path) {
    case "/echo": {
      const body = await request.readBody(1000);
      const who = request.peerCertificate ? "with certificate" : "anonymous";
      const text = `${request.method} ${request.query.get("a")} ${Buffer.from(body).toString()} ${who}`;
      return { status: 200, headers: { "content-type": "text/plain", warning: ["one", "two"] }, body: text };
    }
    case "/repeated":
      return { status: 200, headers: {}, body: JSON.stringify(request.repeatedHeaders) };
    case "/big":
      return { status: 200, headers: {}, body: big };
    case "/chunks":
      return { status: 200, headers: {}, body: chunked(encoder.encode(big), encoder.encode("end")) };
    case "/endless":
      return { status: 200, headers: {}, body: { byteLength: undefined, chunks: endless } };
    case "/empty":
      return { status: 204, headers: {} };
    case "/stream":
      return {
        status: 200,
        headers: {},
        body: {
          async stream(sink, signal) {
            sink.write(encoder.encode("first\nsecond\n"));
            if (signal.aborted) return;
            await once(signal, "abort");
            seen.aborted++;
            sink.write(encoder.encode("last\n"));
          },
        },
      };
    case "/flood":
      return {
        status: 200,
        headers: {},
        body: {
          async stream(sink, signal) {
            const chunk = new Uint8Array(64 * 1024);
            while (!signal.aborted) if (!sink.write(chunk)) await sink.drained();
            seen.aborted++;
          },
        },
      };
    case "/take": {
      const { socket } = request.upgrade?.take() ?? {};
      socket?.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: test\r\nConnection: Upgrade\r\n\r\nhello");
      return { status: 101, headers: {} };
    }
    case "/slow":
      await systemClock.sleep(150);
      return { status: 200, headers: {}, body: "slow" };
    default:
      return { status: 404, headers: {}, body: request.path };
  }
}

async function handle(request: ApiRequest): Promise<ApiResponse> {
  try {
    return await answer(request);
  } catch (error) {
    const { status } = statusOfError(error, silentLogger, "");
    return statusResponse(status, undefined, () => "");
  }
}

let certificate: TestCertificate;
let listener: HttpListener;

const open = (limits: Partial<HttpLimits> = {}) =>
  startHttpListener(
    {
      host: "127.0.0.1",
      port: 0,
      tls: certificate,
      limits: { bodyIdleMs: 100, bodyTotalMs: 400, stallMs: 150, drainMs: 2000, ...limits },
    },
    handle,
    { clock: systemClock, log: silentLogger },
  );

beforeAll(async () => {
  certificate = await makeTestCertificate();
  listener = await open();
});
afterAll(() => listener[Symbol.asyncDispose]());

function h2Session(of = listener): ClientHttp2Session {
  const session = connect(`https://localhost:${of.port}`, { ca: certificate.certificate });
  session.on("error", () => undefined);
  return session;
}

async function h2Get(session: ClientHttp2Session, headers: OutgoingHttpHeaders, body?: string | Buffer) {
  const stream = session.request(headers, { endStream: body === undefined });
  stream.on("error", () => undefined);
  if (body !== undefined) stream.end(body);
  const chunks: Buffer[] = [];
  stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  const ended = once(stream, "close");
  const [answered] = (await once(stream, "response")) as [IncomingHttpHeaders];
  await ended;
  return { headers: answered, body: Buffer.concat(chunks) };
}

function h1(method: string, path: string, headers: OutgoingHttpHeaders = {}, body?: string) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number;
    headers: Record<string, unknown>;
    body: Buffer;
  }>();
  const agent = new Agent({ keepAlive: false });
  const client = httpsRequest(
    {
      host: "127.0.0.1",
      port: listener.port,
      servername: "localhost",
      method,
      path,
      headers,
      agent,
      ca: certificate.certificate,
    },
    (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.once("end", () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }),
      );
    },
  );
  client.once("error", reject);
  client.end(body);
  return promise;
}

describe("startHttpListener", () => {
  test("serves HTTP/2 and HTTP/1.1 alike", async () => {
    using session = disposable(h2Session());
    const second = await h2Get(session.value, { ":path": "/echo?a=b%20c", ":method": "POST" }, "body");
    expect(second.headers).toMatchObject({ ":status": 200, "content-type": "text/plain", warning: "one, two" });
    expect(second.body.toString()).toBe("POST b c body anonymous");
    const first = await h1("POST", "/echo?a=b%20c", {}, "body");
    expect(first.status).toBe(200);
    expect(first.body.toString()).toBe("POST b c body anonymous");
    expect((await h1("GET", "/empty")).status).toBe(204);
    expect((await h2Get(session.value, { ":path": "/empty" })).headers[":status"]).toBe(204);
  });

  test("keeps the values of a repeated header apart", async () => {
    using session = disposable(h2Session());
    const groups = { "impersonate-group": ["a, b", "c"] };
    const second = await h2Get(session.value, { ":path": "/repeated", ...groups });
    expect(JSON.parse(second.body.toString())).toEqual(groups);
    const first = await h1("GET", "/repeated", groups);
    expect(JSON.parse(first.body.toString())).toEqual(groups);
  });

  test("hands on the client's certificate, whoever signed it", async () => {
    const session = connect(`https://localhost:${listener.port}`, {
      ca: certificate.certificate,
      cert: certificate.certificate,
      key: certificate.privateKey,
    });
    const got = await h2Get(session, { ":path": "/echo?a=1" });
    expect(got.body.toString()).toContain("with certificate");
    session.close();
  });

  test("answers HEAD with the length and no body", async () => {
    using session = disposable(h2Session());
    const two = await h2Get(session.value, { ":path": "/big", ":method": "HEAD" });
    expect(two.headers["content-length"]).toBe(String(big.length));
    expect(two.body.length).toBe(0);
    const one = await h1("HEAD", "/big");
    expect(one.headers["content-length"]).toBe(String(big.length));
  });

  test.each(["/big", "/chunks"])("compresses %s when asked, and only then", async (path) => {
    using session = disposable(h2Session());
    const wanted = path === "/big" ? big : `${big}end`;
    const packed = await h2Get(session.value, { ":path": path, "accept-encoding": "gzip" });
    expect(packed.headers["content-encoding"]).toBe("gzip");
    expect(packed.body.length).toBeLessThan(wanted.length / 10);
    expect(gunzipSync(packed.body).toString()).toBe(wanted);
    const plain = await h1("GET", path, { "accept-encoding": "gzip;q=0" });
    expect(plain.headers["content-encoding"]).toBeUndefined();
    expect(plain.body.toString()).toBe(wanted);
  });

  test("streams at once, and tells the stream when its client goes", async () => {
    using session = disposable(h2Session());
    const before = seen.aborted;
    const stream = session.value.request({ ":path": "/stream" });
    const [chunk] = (await once(stream, "data")) as [Buffer];
    expect(chunk.toString()).toBe("first\nsecond\n");
    stream.close();
    await expect.poll(() => seen.aborted).toBe(before + 1);
  });

  test("closes a stream whose client stops reading", async () => {
    using session = disposable(h2Session());
    const before = seen.aborted;
    const stream = session.value.request({ ":path": "/flood" });
    stream.on("error", () => undefined);
    await once(stream, "response");
    stream.pause();
    await expect.poll(() => seen.aborted).toBe(before + 1);
    expect((await h2Get(session.value, { ":path": "/echo" })).headers[":status"]).toBe(200);
  });

  test.each(["gzip", "identity"])("makes a long body at the pace of its reader (%s)", async (encoding) => {
    using session = disposable(h2Session());
    const before = { ...seen };
    const stream = session.value.request({ ":path": "/endless", "accept-encoding": encoding });
    stream.on("error", () => undefined);
    await once(stream, "response");
    await expect.poll(() => seen.ended).toBe(before.ended + 1);
    stream.resume();
    await once(stream, "close");
    if (encoding === "identity") expect(seen.chunks - before.chunks).toBeLessThan(20);
  });

  test("refuses a body over the limit with 413, declared or not, and keeps the session", async () => {
    using session = disposable(h2Session());
    const big3 = Buffer.alloc(300_000, "x");
    const declared = await h2Get(
      session.value,
      { ":path": "/echo", ":method": "POST", "content-length": String(big3.length) },
      big3,
    );
    expect(declared.headers[":status"]).toBe(413);
    const streamed = await h2Get(session.value, { ":path": "/echo", ":method": "POST" }, big3);
    expect(streamed.headers[":status"]).toBe(413);
    expect((await h2Get(session.value, { ":path": "/echo" })).headers[":status"]).toBe(200);
    expect((await h1("POST", "/echo", {}, "y".repeat(2000))).status).toBe(413);
  });

  test("refuses a body that comes too slowly with 408", async () => {
    using session = disposable(h2Session());
    const stream = session.value.request({ ":path": "/echo", ":method": "POST" });
    stream.on("error", () => undefined);
    stream.write("a");
    const [headers] = (await once(stream, "response")) as [IncomingHttpHeaders];
    expect(headers[":status"]).toBe(408);
    stream.close();
  });

  test("hands a connection over to a handler that takes it", async () => {
    const socket = tlsConnect({
      host: "127.0.0.1",
      port: listener.port,
      servername: "localhost",
      ca: certificate.certificate,
    });
    socket.write("GET /take HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n");
    expect(await textOf(socket)).toMatch(/^HTTP\/1.1 101 [\s\S]*hello$/);
    const refused = tlsConnect({
      host: "127.0.0.1",
      port: listener.port,
      servername: "localhost",
      ca: certificate.certificate,
    });
    refused.write("GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n");
    expect(await textOf(refused)).toMatch(/^HTTP\/1.1 404 [\s\S]*\/nowhere$/);
  });

  test("answers rubbish on the wire with 400 and goes on", async () => {
    const socket = tlsConnect({
      host: "127.0.0.1",
      port: listener.port,
      servername: "localhost",
      ca: certificate.certificate,
    });
    socket.write("rubbish\r\n\r\n");
    expect(await textOf(socket)).toMatch(/^HTTP\/1.1 400 /);
    expect((await h1("GET", "/echo")).status).toBe(200);
  });

  test("gives up on headers that come too slowly", async () => {
    const own = await open({ headersMs: 100 });
    const socket = tlsConnect({
      host: "127.0.0.1",
      port: own.port,
      servername: "localhost",
      ca: certificate.certificate,
    });
    socket.write("GET /echo HTTP/1.1\r\nHost: x\r\n");
    expect(await textOf(socket)).toMatch(/^(HTTP\/1.1 40[08] .*)?/);
    expect(socket.destroyed).toBe(true);
    await own[Symbol.asyncDispose]();
  });

  test("closes a session that is not used, and none with an open stream", async () => {
    const own = await open({ idleMs: 80 });
    const [idle, busy] = [h2Session(own), h2Session(own)];
    const stream = busy.request({ ":path": "/stream" });
    await once(stream, "data");
    await once(idle, "close");
    expect([busy.closed, stream.closed]).toEqual([false, false]);
    busy.destroy();
    await own[Symbol.asyncDispose]();
  });

  test("dispose ends streams, lets requests finish and accepts no more", async () => {
    const own = await open();
    const session = h2Session(own);
    const stream = session.request({ ":path": "/stream" });
    const slow = h2Get(session, { ":path": "/slow" });
    await once(stream, "data");
    const rest = textOf(stream);
    const port = own.port;
    await own[Symbol.asyncDispose]();
    expect(await rest).toBe("last\n");
    expect((await slow).body.toString()).toBe("slow");
    const late = connect(`https://localhost:${port}`, { ca: certificate.certificate });
    const [error] = (await once(late, "error")) as [Error];
    expect(error).toMatchObject({ code: "ECONNREFUSED" });
  });

  test("says which address it could not have", async () => {
    const tls = { host: "127.0.0.1", port: listener.port, tls: certificate };
    await expect(startHttpListener(tls, handle, { clock: systemClock, log: silentLogger })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${listener.port}`,
    );
  });
});

describe("statusOfError", () => {
  test("says nothing about the inside of the server", () => {
    const error = statusOfError(new TypeError("x.y is undefined"), silentLogger, "GET /");
    expect(error).toBeInstanceOf(StatusError);
    expect(error.code).toBe(500);
    expect(JSON.stringify(error.status)).not.toContain("undefined");
  });
});

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  let text = "";
  for await (const chunk of stream) text += String(chunk);
  return text;
}

function disposable(value: ClientHttp2Session) {
  return { value, [Symbol.dispose]: () => value.destroy() };
}
