import protobuf from "protobufjs";
import { describe, expect, test } from "vitest";
import { resources } from "#pkg/api/schema/resources.ts";
import { buildDocumentV2 } from "./document-v2.ts";
import { encodeGnosticV2 } from "./gnostic-v2.ts";

/** A document with one of each kind of parameter, and its bytes as gnostic's own encoder writes them. */
const small = {
  swagger: "2.0",
  info: { title: "Kubernetes", version: "v1" },
  paths: {
    "/api/v1/x/{name}": {
      get: {
        tags: ["core_v1"],
        consumes: ["*/*"],
        produces: ["application/json"],
        schemes: ["https"],
        operationId: "readX",
        responses: {
          "200": { description: "OK", schema: { $ref: "#/definitions/X" } },
          "401": { description: "Unauthorized" },
        },
      },
      put: {
        operationId: "replaceX",
        parameters: [
          { name: "body", in: "body", required: true, schema: { $ref: "#/definitions/X" } },
          { name: "dryRun", in: "query", type: "string", uniqueItems: true },
        ],
        responses: { "200": { description: "OK", schema: { type: "object" } } },
      },
      parameters: [{ name: "name", in: "path", required: true, type: "string", uniqueItems: true }],
    },
  },
  definitions: {
    X: {
      type: "object",
      required: ["a"],
      properties: {
        a: { type: "array", items: { type: "string" } },
        b: { type: "object", additionalProperties: { type: "integer", format: "int32" } },
      },
    },
  },
  securityDefinitions: { BearerToken: { type: "apiKey", name: "authorization", in: "header" } },
  security: [{ BearerToken: [] }],
};
const smallBytes = [
  "0a03322e3012100a0a4b756265726e6574657312027631429d02129a020a102f6170692f76312f782f7b6e616d657d128502",
  "126d0a07636f72655f76312a05726561645832106170706c69636174696f6e2f6a736f6e3a032a2f2a4a3d0a220a03323030",
  "121b0a190a024f4b12130a110a0f232f646566696e6974696f6e732f580a170a0334303112100a0e0a0c556e617574686f72",
  "697a6564520568747470731a732a087265706c6163655842250a230a211204626f64791a04626f647920012a110a0f232f64",
  "6566696e6974696f6e732f5842200a1e121c1a1a12057175657279220664727952756e3206737472696e67a001014a1e0a1c",
  "0a0332303012150a130a024f4b120d0a0bb201080a066f626a6563744a1f0a1d121b2219080112047061746822046e616d65",
  "2a06737472696e679801014a640a620a0158125d9a010161b201080a066f626a656374ca014b0a1f0a0161121ab201070a05",
  "6172726179ba010d0a0bb201080a06737472696e670a280a01621223aa01150a131205696e743332b201090a07696e746567",
  "6572b201080a066f626a65637462110a0f0a0b426561726572546f6b656e12006a320a300a0b426561726572546f6b656e12",
  "21121f0a066170694b6579120d617574686f72697a6174696f6e1a06686561646572",
].join("");

describe("encodeGnosticV2", () => {
  test("writes the bytes that upstream's encoder writes", () => {
    expect(encodeGnosticV2(small).toString("hex")).toBe(smallBytes);
  });

  test("extensions, defaults and enumerations go in as YAML text", () => {
    const schema = { type: "string", default: "TCP", enum: ["TCP", "UDP"], "x-kubernetes-list-map-keys": ["name"] };
    const text = encodeGnosticV2({ definitions: { A: schema } }).toString("latin1");
    for (const part of ['"TCP"\n', '"UDP"\n', "x-kubernetes-list-map-keys", '["name"]\n']) expect(text).toContain(part);
  });

  test("refuses keys that the messages have no field for, rather than losing them", () => {
    expect(() => encodeGnosticV2({ definitions: { A: { oneOf: [] } } })).toThrow("no field for oneOf");
  });

  test("the whole document can be read back, every definition and path in its place", () => {
    const document = buildDocumentV2(resources, "v1.36.0") as { paths: object; definitions: object };
    const reader = protobuf.Reader.create(encodeGnosticV2(document));
    const names: Record<number, string[]> = {};
    while (reader.pos < reader.len) {
      const field = reader.uint32() >>> 3;
      const end = reader.uint32() + reader.pos;
      if (field === 8 || field === 9) names[field] = entryNames(reader, end);
      reader.pos = end;
    }
    expect(names[8]).toEqual(Object.keys(document.paths));
    expect(names[9]).toEqual(Object.keys(document.definitions));
  });
});

/** The names of a message's named entries. */
function entryNames(reader: protobuf.Reader, end: number): string[] {
  const names: string[] = [];
  while (reader.pos < end) {
    reader.uint32();
    const entryEnd = reader.uint32() + reader.pos;
    reader.uint32();
    names.push(reader.string());
    reader.pos = entryEnd;
  }
  return names;
}
