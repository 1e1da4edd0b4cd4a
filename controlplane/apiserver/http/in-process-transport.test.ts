import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { hasCode } from "#pkg/system/errors.ts";
import type { ApiRequest, ApiResponse } from "./api-request.ts";
import { createInProcessTransport } from "./in-process-transport.ts";

const user = { name: "system:kube-scheduler", groups: [] };
const bytes = (text: string) => new TextEncoder().encode(text);
const seen: string[] = [];

async function handle(request: ApiRequest): Promise<ApiResponse> {
  if (request.path === "/watch") {
    return {
      status: 200,
      headers: { warning: ["a", "b"] },
      body: {
        async stream(sink, signal) {
          sink.write(bytes("one"));
          sink.write(bytes("two"));
          if (request.query.has("end")) return;
          await once(signal, "abort");
          seen.push("aborted");
        },
      },
    };
  }
  if (request.path === "/flood") {
    return {
      status: 200,
      headers: {},
      body: {
        async stream(sink, signal) {
          while (!signal.aborted) if (!sink.write(new Uint8Array(300_000))) await sink.drained();
          seen.push("stopped");
        },
      },
    };
  }
  const body = Buffer.from(await request.readBody(100)).toString();
  return {
    status: 201,
    headers: {},
    body: { byteLength: undefined, chunks: () => [bytes(`${request.trustedUser?.name} `), bytes(body)] },
  };
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

const open = () => createInProcessTransport(handle, user);
const get = (path: string, signal?: AbortSignal) => open().request({ method: "GET", path, headers: {}, signal });

describe("createInProcessTransport", () => {
  test("asks as its user and gives back the whole answer", async () => {
    const response = await open().request({ method: "POST", path: "/x", headers: {}, body: "hello" });
    expect(response.status).toBe(201);
    expect(await textOf(response.body)).toBe("system:kube-scheduler hello");
  });

  test("streams to the end, with repeated headers joined", async () => {
    const response = await get("/watch?end");
    expect(response.headers["warning"]).toBe("a, b");
    expect(await textOf(response.body)).toBe("onetwo");
  });

  test("ends a stream when its reader stops, and when the signal fires", async () => {
    seen.length = 0;
    for await (const chunk of (await get("/watch")).body) {
      expect(Buffer.from(chunk).toString()).toBe("one");
      break;
    }
    await expect.poll(() => seen).toEqual(["aborted"]);
    const controller = new AbortController();
    const response = await get("/watch", controller.signal);
    controller.abort();
    expect(await textOf(response.body)).toBe("onetwo");
    await expect.poll(() => seen).toEqual(["aborted", "aborted"]);
  });

  test("a stream waits for its reader", async () => {
    seen.length = 0;
    let size = 0;
    for await (const chunk of (await get("/flood")).body) {
      size += chunk.length;
      if (size > 5_000_000) break;
    }
    await expect.poll(() => seen).toEqual(["stopped"]);
  });

  test("a closed transport takes no requests and ends its streams", async () => {
    seen.length = 0;
    const transport = open();
    const response = await transport.request({ method: "GET", path: "/watch", headers: {} });
    await transport[Symbol.asyncDispose]();
    expect(await textOf(response.body)).toBe("onetwo");
    const refused = await transport
      .request({ method: "GET", path: "/x", headers: {} })
      .catch((error: unknown) => error);
    expect(hasCode(refused, "Unavailable")).toBe(true);
  });

  test("an aborted signal is an error, not an answer", async () => {
    const refused = await get("/x", AbortSignal.abort()).catch((error: unknown) => error);
    expect(hasCode(refused, "Aborted")).toBe(true);
  });
});
