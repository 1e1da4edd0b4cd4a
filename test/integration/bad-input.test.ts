/**
 * What must never happen: a request that makes the server fail, grow, or keep others waiting. Each kind of bad input gets a
 * 4xx Status that says what is wrong; a well-behaved client works beside it all the time.
 */
import { readFile } from "node:fs/promises";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTls } from "node:tls";
import fc from "fast-check";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "#test/harness/berth-server.ts";

interface Answer {
  readonly status: number;
  readonly body: {
    readonly kind?: string;
    readonly message?: string;
    readonly reason?: string;
    readonly details?: { readonly causes?: readonly { readonly field?: string }[] };
  };
}

let server: TestServer;
let identity: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
beforeAll(async () => {
  server = await startTestServer({ flags: ["--no-controllers"] });
  const config = load(await readFile(server.kubeconfig, "utf8")) as {
    clusters: { cluster: Record<string, string> }[];
    users: { user: Record<string, string> }[];
  };
  const bytes = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64");
  identity = {
    ca: bytes(config.clusters[0]?.cluster["certificate-authority-data"]),
    cert: bytes(config.users[0]?.user["client-certificate-data"]),
    key: bytes(config.users[0]?.user["client-key-data"]),
  };
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const configMaps = "/api/v1/namespaces/default/configmaps";

function send(
  method: string,
  path: string,
  body: string | Buffer = "",
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const outgoing = request({
      method,
      path,
      hostname,
      port,
      ...identity,
      agent: false,
      headers: { "content-type": "application/json", ...headers },
    });
    outgoing.on("error", reject);
    outgoing.on("response", (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () =>
        resolve({ status: response.statusCode ?? 0, body: parseJson(Buffer.concat(parts).toString()) }),
      );
      response.on("error", reject);
    });
    outgoing.end(body);
  });
}

function parseJson(text: string): Answer["body"] {
  try {
    return JSON.parse(text) as Answer["body"];
  } catch {
    return { message: text };
  }
}

async function residentBytes(): Promise<number> {
  const status = await readFile(`/proc/${server.process.pid}/status`, "utf8");
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) * 1024;
}

function expectRefused(answer: Answer, status: number, message: RegExp): void {
  expect({ status: answer.status, kind: answer.body.kind }).toEqual({ status, kind: "Status" });
  expect(answer.body.message).toMatch(message);
}

const envelope = Buffer.from("k8s\0");
const bomb = `a: &a ["x","x","x","x","x","x","x","x"]\n${"bcdefghi"
  .split("")
  .map((name, index) => `${name}: &${name} [${Array.from({ length: 8 }, () => `*${"abcdefgh"[index]}`).join(",")}]`)
  .join("\n")}\n`;

describe("berth-server refuses", () => {
  const rows: readonly [string, string, string, string | Buffer, Record<string, string>, number, RegExp][] = [
    ["JSON that ends too early", "POST", configMaps, '{"metadata":{"name":"a"', {}, 400, /JSON|end/i],
    ["JSON that is no object", "POST", configMaps, "[1,2]", {}, 400, /./],
    ["an empty body", "POST", configMaps, "", {}, 400, /./],
    ["a value of the wrong type", "POST", configMaps, '{"metadata":{"name":"a"},"data":{"x":1}}', {}, 400, /data/],
    [
      "another kind",
      "POST",
      configMaps,
      '{"apiVersion":"v1","kind":"Secret","metadata":{"name":"a"}}',
      {},
      400,
      /Secret/,
    ],
    [
      "another version",
      "POST",
      configMaps,
      '{"apiVersion":"v9","kind":"ConfigMap","metadata":{"name":"a"}}',
      {},
      400,
      /v9/,
    ],
    [
      "deep nesting",
      "POST",
      configMaps,
      `{"metadata":{"name":"a","annotations":${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}}}`,
      {},
      400,
      /./,
    ],
    ["a YAML bomb", "POST", configMaps, bomb, { "content-type": "application/yaml" }, 400, /./],
    [
      "broken protobuf",
      "POST",
      configMaps,
      Buffer.concat([envelope, Buffer.alloc(64, 0xff)]),
      { "content-type": "application/vnd.kubernetes.protobuf" },
      400,
      /./,
    ],
    [
      "protobuf without its envelope",
      "POST",
      configMaps,
      "hello",
      { "content-type": "application/vnd.kubernetes.protobuf" },
      400,
      /./,
    ],
    ["an unknown content type", "POST", configMaps, "x", { "content-type": "text/csv" }, 415, /./],
    ["CBOR", "POST", configMaps, "x", { "content-type": "application/cbor" }, 415, /./],
    ["an Accept that nothing fits", "GET", configMaps, "", { accept: "text/csv" }, 406, /./],
    [
      "a body over 3 MiB",
      "POST",
      configMaps,
      `{"metadata":{"name":"a"},"data":{"x":"${"y".repeat(4 * 2 ** 20)}"}}`,
      {},
      413,
      /./,
    ],
    ["a bad label selector", "GET", `${configMaps}?labelSelector=a%20in%20(`, "", {}, 400, /selector|parse/i],
    [
      "a field selector that is not supported",
      "GET",
      "/api/v1/pods?fieldSelector=spec.x%3D1",
      "",
      {},
      400,
      /field label not supported/,
    ],
    ["a bad limit", "GET", `${configMaps}?limit=many`, "", {}, 400, /limit|many/],
    ["a bad resource version", "GET", `${configMaps}?resourceVersion=new`, "", {}, 400, /./],
    ["a continue token that is none", "GET", `${configMaps}?continue=x`, "", {}, 400, /continue/],
    [
      "a patch of an unknown type",
      "PATCH",
      `${configMaps}/a`,
      "{}",
      { "content-type": "application/whatever" },
      415,
      /./,
    ],
    [
      "a patch that is no patch",
      "PATCH",
      `${configMaps}/kube-root`,
      "[1]",
      { "content-type": "application/json-patch+json" },
      400,
      /./,
    ],
    ["a verb on the wrong path", "PUT", configMaps, "{}", {}, 405, /./],
    ["a name that is none", "POST", configMaps, '{"metadata":{"name":"Not A Name"}}', {}, 422, /metadata\.name/],
    [
      "an unknown field, when asked to be strict",
      "POST",
      `${configMaps}?fieldValidation=Strict`,
      '{"metadata":{"name":"a"},"dato":{}}',
      {},
      400,
      /unknown field "dato"/,
    ],
    [
      "a doubled field, when asked to be strict",
      "POST",
      `${configMaps}?fieldValidation=Strict`,
      '{"metadata":{"name":"a"},"data":{},"data":{}}',
      {},
      400,
      /duplicate field "data"/,
    ],
    ["a bad token", "GET", configMaps, "", { authorization: "Bearer nonsense" }, 401, /Unauthorized/],
    ["what is not there", "GET", "/apis/nowhere.example/v1/things", "", {}, 404, /./],
  ];
  test.each(rows)("%s", async (name, method, path, body, headers, status, message) => {
    if (name === "a patch that is no patch") await send("POST", configMaps, '{"metadata":{"name":"kube-root"}}');
    const answer =
      name === "a bad token" ? await sendWithoutCertificate(path, headers) : await send(method, path, body, headers);
    if (status === 404) expect(answer.status).toBe(404);
    else expectRefused(answer, status, message);
  });
});

/** A client certificate would be looked at first. */
function sendWithoutCertificate(path: string, headers: Record<string, string>): Promise<Answer> {
  const { ca } = identity;
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(server.url);
    const outgoing = request({ method: "GET", path, hostname, port, ca, agent: false, headers }, (response) => {
      let text = "";
      response.on("data", (part: Buffer) => {
        text += part.toString();
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body: parseJson(text) }));
    });
    outgoing.on("error", reject).end();
  });
}

describe("berth-server stays well", () => {
  /** Works all the time; what it saw is its verdict. */
  function startNeighbour(): {
    stop: () => Promise<{ readonly requests: number; readonly slowestMs: number; readonly failures: number }>;
  } {
    let stopped = false;
    const running = (async () => {
      const seen = { requests: 0, slowestMs: 0, failures: 0 };
      while (!stopped) {
        const started = performance.now();
        const answer = await send("GET", "/api/v1/namespaces/default").catch(() => undefined);
        seen.requests++;
        seen.slowestMs = Math.max(seen.slowestMs, performance.now() - started);
        if (answer?.status !== 200) seen.failures++;
      }
      return seen;
    })();
    return {
      stop: () => {
        stopped = true;
        return running;
      },
    };
  }

  test("whatever bytes come as a body: never a 5xx, never a lost connection", async () => {
    const types = [
      "application/json",
      "application/yaml",
      "application/vnd.kubernetes.protobuf",
      "application/json-patch+json",
      "application/merge-patch+json",
      "application/strategic-merge-patch+json",
      "application/apply-patch+yaml",
    ];
    await send("POST", configMaps, '{"metadata":{"name":"target"},"data":{"x":"1"}}');
    const text = fc.oneof(
      fc.json(),
      fc.string(),
      fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.concat([envelope, bytes])),
    );
    const neighbour = startNeighbour();
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...types), text, fc.boolean(), async (type, body, isPatch) => {
        const answer = isPatch
          ? await send("PATCH", `${configMaps}/target?fieldManager=fuzz`, body, { "content-type": type })
          : await send("POST", configMaps, body, { "content-type": type });
        expect(answer.status).toBeGreaterThanOrEqual(200);
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 300 },
    );
    expect((await neighbour.stop()).failures).toBe(0);
  });

  test("whatever stands in the query: never a 5xx", async () => {
    const names = [
      "labelSelector",
      "fieldSelector",
      "limit",
      "continue",
      "resourceVersion",
      "resourceVersionMatch",
      "timeoutSeconds",
      "dryRun",
      "pretty",
      "sendInitialEvents",
    ];
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...names), fc.string({ maxLength: 60 }), async (name, value) => {
        const answer = await send("GET", `${configMaps}?${name}=${encodeURIComponent(value)}`);
        expect(answer.status).toBeLessThan(500);
      }),
      { numRuns: 200 },
    );
  });

  test("many large bodies at once: memory stays bounded and others are served", async () => {
    const body = `{"metadata":{"generateName":"big-"},"data":{"x":"${"y".repeat(5 * 2 ** 20)}"}}`;
    const before = await residentBytes();
    const neighbour = startNeighbour();
    const answers = await Promise.allSettled(Array.from({ length: 60 }, () => send("POST", configMaps, body)));
    const { requests, failures } = await neighbour.stop();
    // A server may close the connection while the rest of a body it refused is still coming.
    for (const answer of answers) if (answer.status === "fulfilled") expect(answer.value.status).toBe(413);
    expect(requests).toBeGreaterThan(0);
    expect(failures).toBe(0);
    expect((await residentBytes()) - before).toBeLessThan(300 * 2 ** 20);
  });

  test("connections that say nothing, or say it slowly, keep nobody waiting", async () => {
    const { hostname, port } = new URL(server.url);
    const silent = Array.from({ length: 100 }, () =>
      connectTls({ host: hostname, port: Number(port), ca: identity.ca, ALPNProtocols: ["http/1.1"] }),
    );
    for (const socket of silent) socket.on("error", () => undefined);
    await Promise.all(
      silent.map((socket) => new Promise((resolve) => socket.once("secureConnect", resolve).once("close", resolve))),
    );
    for (const socket of silent)
      socket.write("POST /api/v1/namespaces/default/configmaps HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n{");
    const neighbour = startNeighbour();
    await new Promise((resolve) => setTimeout(resolve, 300));
    const { requests, failures } = await neighbour.stop();
    for (const socket of silent) socket.destroy();
    expect(requests).toBeGreaterThan(3);
    expect(failures).toBe(0);
  });

  test("HTTP/2 streams that are opened and reset in a row keep nobody waiting", async () => {
    const session = connectHttp2(server.url, { ...identity });
    session.on("error", () => undefined);
    const neighbour = startNeighbour();
    for (let index = 0; index < 2000 && !session.destroyed; index++) {
      const stream = session.request({ ":path": "/api/v1/namespaces/default", ":method": "GET" });
      stream.on("error", () => undefined);
      stream.close();
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
    session.destroy();
    expect((await neighbour.stop()).failures).toBe(0);
  });
});
