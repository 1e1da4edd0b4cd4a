import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { encodeProtobuf } from "#pkg/api/schema/protobuf.ts";
import { storedCodec } from "./object-codec.ts";

const object: KubeObject = {
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name: "ä", namespace: "default", resourceVersion: "7" },
  data: { text: "ünï" },
};

describe("storedCodec", () => {
  test("writes JSON without the revision and reads it back with the one it is given", () => {
    const value = storedCodec.encode(object);
    expect(JSON.parse(Buffer.from(value).toString()).metadata).toEqual({ name: "ä", namespace: "default" });
    expect(storedCodec.decode(value, 9)).toEqual({ ...object, metadata: { ...object.metadata, resourceVersion: "9" } });
    expect(object.metadata.resourceVersion).toBe("7");
  });

  test("reads a view into a larger buffer", () => {
    const value = storedCodec.encode(object);
    const larger = Buffer.concat([Buffer.from("xx"), value, Buffer.from("yy")]);
    expect(storedCodec.decode(larger.subarray(2, -2), 7)).toEqual(object);
  });

  test("reads what upstream's API server stores", () => {
    const { resourceVersion: _, ...metadata } = object.metadata;
    const value = encodeProtobuf({ ...object, metadata });
    expect(storedCodec.decode(value, 7)).toMatchObject(object);
  });

  test.each([
    ["", "cannot be decoded"],
    ["{", "cannot be decoded"],
    ["null", "it has no metadata"],
    ["[]", "it has no metadata"],
    ['{"metadata":null}', "it has no metadata"],
    ["k8s\0\x0a\xff", "cannot be decoded"],
  ])("refuses %j as corrupt", (text, why) => {
    expect(() => storedCodec.decode(Buffer.from(text, "latin1"), 1)).toThrow(
      expect.objectContaining({ code: "Corrupt", message: expect.stringContaining(why) }),
    );
  });
});
