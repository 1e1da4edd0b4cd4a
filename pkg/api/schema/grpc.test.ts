import { describe, expect, test } from "vitest";
import { loadGrpcDescriptor } from "./grpc.ts";
import { grpcHealthDescriptor } from "./grpc-health.ts";

const descriptor = {
  nested: {
    demo: {
      nested: {
        Item: {
          fields: {
            key: { type: "bytes", id: 1 },
            revision: { type: "int64", id: 2 },
            owner: { type: "Item", id: 3 },
            state: { type: "State", id: 4 },
            ids: { rule: "repeated", type: "int64", id: 5 },
          },
        },
        State: { values: { IDLE: 0, BUSY: 1 } },
      },
    },
  },
};

describe("loadGrpcDescriptor", () => {
  test("keeps 64-bit numbers exact as bigint", () => {
    const demo = loadGrpcDescriptor(descriptor, { int64: "bigint" });
    const bytes = demo.encode("demo.Item", { revision: 2n ** 63n - 1n, ids: [-5, "7"] });
    expect(demo.decode("demo.Item", bytes)).toEqual({
      key: Buffer.of(),
      revision: 2n ** 63n - 1n,
      owner: null,
      state: "IDLE",
      ids: [-5n, 7n],
    });
  });

  test("hands 64-bit numbers out as numbers when asked to", () => {
    const demo = loadGrpcDescriptor(descriptor, { int64: "number" });
    const bytes = demo.encode("demo.Item", { revision: 1_700_000_000, state: "BUSY", key: Buffer.from("a") });
    expect(demo.decode("demo.Item", bytes)).toMatchObject({
      revision: 1_700_000_000,
      state: "BUSY",
      key: Buffer.from("a"),
    });
  });

  test("writes repeated numbers packed, as proto3 does", () => {
    const demo = loadGrpcDescriptor(descriptor, { int64: "number" });
    expect(demo.encode("demo.Item", { ids: [1, 2] }).toString("hex")).toBe("2a020102");
  });

  test("refuses bytes that end in the middle of a field", () => {
    const demo = loadGrpcDescriptor(descriptor, { int64: "number" });
    expect(() => demo.decode("demo.Item", Buffer.from("0aff", "hex"))).toThrow(RangeError);
  });

  test("describes methods the way grpc-js wants them", () => {
    const health = loadGrpcDescriptor(grpcHealthDescriptor, { int64: "number" }).service("grpc.health.v1.Health");
    expect(health["Check"]).toMatchObject({ path: "/grpc.health.v1.Health/Check", responseStream: false });
    expect(health["Watch"]).toMatchObject({ originalName: "watch", requestStream: false, responseStream: true });
    const reply = health["Check"]!.responseSerialize({ status: "NOT_SERVING" });
    expect(reply.toString("hex")).toBe("0802");
    expect(health["Check"]!.responseDeserialize(reply)).toEqual({ status: "NOT_SERVING" });
  });

  test("has no service of another name", () => {
    expect(() => loadGrpcDescriptor(descriptor, { int64: "number" }).service("demo.Nothing")).toThrow(/demo.Nothing/);
  });
});
