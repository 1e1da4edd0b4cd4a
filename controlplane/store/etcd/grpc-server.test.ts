import { connect } from "node:http2";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EtcdServer, startEtcdServer } from "../etcd-server.ts";
import { openEtcdStore } from "../etcd-store.ts";
import { MemoryStore } from "../testing/memory-store.ts";
import { StoreClient } from "../testing/store-client.ts";
import { frameMessage } from "./grpc-frames.ts";

describe("GrpcServer", () => {
  let server: EtcdServer;
  const store = new MemoryStore();
  beforeAll(async () => {
    const identity = { clusterId: 1n, memberId: 2n };
    server = await startEtcdServer({ store, port: 0, identity, maxRequestBytes: 10_000 });
  });
  afterAll(() => server[Symbol.asyncDispose]());

  /** Sends raw bytes to a method; resolves with gRPC status and message. */
  async function call(path: string, body: Uint8Array): Promise<readonly [number, string]> {
    const session = connect(server.endpoint);
    try {
      const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
      const found: Record<string, unknown> = {};
      stream.on("response", (headers) => Object.assign(found, headers));
      stream.on("trailers", (headers) => Object.assign(found, headers));
      stream.on("data", () => undefined);
      stream.end(body);
      await new Promise((resolve, reject) => stream.once("end", resolve).once("error", reject));
      return [Number(found["grpc-status"]), decodeURIComponent(String(found["grpc-message"] ?? ""))];
    } finally {
      session.close();
    }
  }

  const garbage = frameMessage(Uint8Array.from({ length: 50 }, (_, index) => (index * 97) % 256));

  test.each([
    ["an unknown method", "/etcdserverpb.KV/Nothing", new Uint8Array(0), 12, /unknown method/],
    ["bytes that are no message", "/etcdserverpb.KV/Txn", garbage, 3, /error unmarshalling request/],
    ["a body without a message", "/etcdserverpb.KV/Txn", new Uint8Array(0), 3, /no message/],
    ["half a message", "/etcdserverpb.KV/Txn", frameMessage(new Uint8Array(9)).subarray(0, 8), 3, /no message/],
    ["a message over the bound", "/etcdserverpb.KV/Put", frameMessage(new Uint8Array(600_000)), 8, /larger than max/],
    [
      "an empty key, with etcd's text",
      "/etcdserverpb.KV/Put",
      frameMessage(new Uint8Array(0)),
      3,
      /^etcdserver: key is not provided$/,
    ],
    ["garbage on a stream", "/etcdserverpb.Watch/Watch", garbage, 3, /error unmarshalling request/],
  ])("answers %s", async (_what, path, body, status, message) => {
    const [gotStatus, gotMessage] = await call(path, body);
    expect(gotStatus).toBe(status);
    expect(gotMessage).toMatch(message);
  });

  test("serves on, also a client that goes away in the middle of things", async () => {
    await using opened = await openEtcdStore({ endpoints: [server.endpoint] });
    const client = new StoreClient(opened, "/k/");
    for (let round = 0; round < 20; round++) {
      const session = connect(server.endpoint);
      const stream = session.request({ ":method": "POST", ":path": "/etcdserverpb.KV/Txn" });
      stream.on("error", () => undefined);
      stream.write(frameMessage(new Uint8Array(100)).subarray(0, 50));
      if (round % 2 === 0) stream.close(8);
      session.on("error", () => undefined);
      session.destroy();
      await client.put("a", String(round));
    }
    expect(await client.get("a")).toMatchObject({ value: "19", version: 20 });
  });

  test("a port in use is refused with a clear error", async () => {
    const port = Number(new URL(server.endpoint).port);
    const identity = { clusterId: 1n, memberId: 2n };
    await expect(startEtcdServer({ store, port, identity })).rejects.toMatchObject({ code: "AlreadyExists" });
  });
});
