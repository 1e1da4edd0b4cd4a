import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseApiVersion } from "../meta/object.ts";
import { DecodeError, decodeObject, decodeValue } from "./decode.ts";
import {
  decodeProtobuf,
  encodeProtobuf,
  encodeWatchFrame,
  isEnvelope,
  openEnvelope,
  sealEnvelope,
} from "./protobuf.ts";
import { decodeMessage, hasProtobufForm } from "./protobuf-decode.ts";
import { encodeMessage } from "./protobuf-encode.ts";
import { typeInfo, typeNames, typeOf } from "./schema.ts";
import kubectl from "./testdata/kubectl-bodies.json" with { type: "json" };
import { arbitraryObject } from "./testing/arbitrary-object.ts";
import type { Struct } from "./type-plan.ts";

const bodies: readonly { command: string; hex: string; json?: Struct }[] = kubectl.bodies;

function typeOfBody(value: Struct): string {
  return typeOf({ ...parseApiVersion(String(value["apiVersion"])), kind: String(value["kind"]) })!;
}

describe("decodeProtobuf", () => {
  test.each(bodies)("reads the body of `$command` as kubectl prints it", ({ hex, json }) => {
    const object = decodeProtobuf(Buffer.from(hex, "hex"));
    if (json) expect(object).toEqual(decodeObject(typeOfBody(json), JSON.stringify(json)).object);
    expect(object["metadata"]).toBeDefined();
  });

  test("reads what commands without a dry run send", () => {
    const body = (verb: string) =>
      decodeProtobuf(Buffer.from(bodies.find((one) => one.command.startsWith(verb))!.hex, "hex"));
    expect(body("kubectl create token")).toMatchObject({
      kind: "TokenRequest",
      spec: { audiences: ["a"], expirationSeconds: 3600, boundObjectRef: { kind: "Secret", name: "s" } },
    });
    expect(body("kubectl auth can-i")).toMatchObject({
      kind: "SelfSubjectAccessReview",
      spec: { resourceAttributes: { namespace: "team", verb: "create", resource: "deployments.apps" } },
    });
  });

  test("steps over fields it does not know, of every wire type", () => {
    const known = encodeMessage("core/v1.Secret", { type: "Opaque" });
    const unknown = Buffer.from(
      "f806ff01" + "f906" + "00".repeat(8) + "fa060161" + "fb06080afc06" + "fd0600000000",
      "hex",
    );
    const object = decodeProtobuf(sealEnvelope("v1", "Secret", Buffer.concat([unknown, known])));
    expect(object).toEqual({ kind: "Secret", apiVersion: "v1", metadata: {}, type: "Opaque" });
  });

  test("reads packed and unpacked numbers", () => {
    const values = (hex: string) =>
      decodeMessage("core/v1.ContainerRestartRuleOnExitCodes", Buffer.from(hex, "hex"), decodeProtobuf)["values"];
    expect(values("0a00" + "10011002")).toEqual([1, 2]);
    expect(values("0a00" + "12020102")).toEqual([1, 2]);
  });

  test("reads an object in an envelope of its own", () => {
    const pod = encodeProtobuf({ apiVersion: "v1", kind: "ConfigMap", metadata: {}, data: { a: "b" } });
    const raw = Buffer.concat([Buffer.from([0x0a, pod.length]), pod]);
    const event = Buffer.concat([Buffer.from("0a054144444544", "hex"), Buffer.from([0x12, raw.length]), raw]);
    expect(decodeMessage("meta/v1.WatchEvent", event, decodeProtobuf)).toMatchObject({
      type: "ADDED",
      object: { kind: "ConfigMap", data: { a: "b" } },
    });
  });

  test.each([
    ["7b7d", "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"],
    ["6b387300", 'no kind "" is registered for version ""'],
    ["6b3873000aff", "unexpected EOF"],
    ["6b3873000a0a0a0276311204506f6473", 'no kind "Pods" is registered for version "v1"'],
  ])("refuses %s", (hex, message) => {
    expect(() => decodeProtobuf(Buffer.from(hex, "hex"))).toThrow(new DecodeError(message));
  });

  test.each([
    ["a string where a message belongs", "0801", "wrong wireType = 0 for field metadata"],
    ["a length past the end", "0a7f00", "unexpected EOF"],
    ["an endless varint", "0a0c3880808080808080808080808001", "integer overflow"],
    ["field number zero", "0000", "illegal tag 0"],
    ["an end without a group", "fc06", "illegal wire type 4"],
    ["JSON that is none", "0a021200", ""],
  ])("refuses %s", (_, hex, message) => {
    const decode = () => decodeProtobuf(sealEnvelope("v1", "ConfigMap", Buffer.from(hex, "hex")));
    if (message) expect(decode).toThrow(message);
    else expect(decode()).toMatchObject({ kind: "ConfigMap" });
  });

  test("refuses messages nested too deep", () => {
    let message = Buffer.alloc(0);
    for (let level = 0; level < 600; level++) {
      const size = Buffer.from([
        0xe2,
        0x01,
        (message.length & 0x7f) | 0x80,
        ((message.length >> 7) & 0x7f) | 0x80,
        message.length >> 14,
      ]);
      message = Buffer.concat([size, message]);
    }
    expect(() => decodeMessage("apiextensions/v1.JSONSchemaProps", message, decodeProtobuf)).toThrow(
      "exceeded max depth",
    );
  });

  test("answers damaged bodies with a DecodeError or an object, never anything else", () => {
    const seed = bodies.map((one) => Buffer.from(one.hex, "hex"));
    const damage = fc.tuple(
      fc.constantFrom(...seed),
      fc.array(fc.tuple(fc.nat(300), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.nat(300),
    );
    fc.assert(
      fc.property(damage, ([body, changes, end]) => {
        const damaged = Buffer.from(body.subarray(0, Math.max(4, body.length - (end > 150 ? 0 : end))));
        for (const [at, byte] of changes) if (at > 3 && at < damaged.length) damaged[at] = byte;
        try {
          decodeProtobuf(damaged);
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 2000 },
    );
  });
});

describe("encodeProtobuf", () => {
  test.each(bodies)("writes the bytes of `$command` as kubectl did", ({ hex }) => {
    expect(encodeProtobuf(decodeProtobuf(Buffer.from(hex, "hex"))).toString("hex")).toBe(hex);
  });

  test("sorts the keys of maps by their bytes", () => {
    const data = { "\u{1f600}": "4", b: "2", "\uff21": "3", a: "1" };
    const bytes = encodeProtobuf({ apiVersion: "v1", kind: "ConfigMap", data });
    const order = [...bytes.toString("utf8").matchAll(/\x12\x01([1-4])/g)].map((match) => match[1]);
    expect(order).toEqual(["1", "2", "3", "4"]);
  });

  test("names the field that holds something else", () => {
    const deployment = { apiVersion: "apps/v1", kind: "Deployment", spec: { replicas: "3" } };
    expect(() => encodeProtobuf(deployment)).toThrow('the field replicas of type int32 cannot hold "3"');
    expect(() => encodeProtobuf({ apiVersion: "v1", kind: "Nothing" })).toThrow("the schema has no such kind");
  });
});

describe("protobuf", () => {
  const types = typeNames().filter(hasProtobufForm);

  test("has a form for all types but tables", () => {
    expect(typeNames().filter((name) => !types.includes(name))).toEqual([
      "apiextensions/v1.CustomResourceSubresourceStatus",
      "meta/v1.Table",
      "meta/v1.TableColumnDefinition",
      "meta/v1.TableRow",
      "meta/v1.TableRowCondition",
    ]);
  });

  test("gives back every object of every type: JSON to protobuf to JSON is the identity", { timeout: 60_000 }, () => {
    for (const typeName of types) {
      const check = (object: Struct) => {
        const { apiVersion, kind, ...message } = object;
        const expected = typeInfo(typeName).isKind ? message : object;
        const back = decodeMessage(typeName, encodeMessage(typeName, expected), decodeProtobuf);
        // The quick comparison decides, the slow one explains.
        if (!isDeepStrictEqual(back, expected)) expect(back, typeName).toEqual(expected);
        expect(isDeepStrictEqual(back, expected), typeName).toBe(true);
      };
      fc.assert(fc.property(arbitraryObject(typeName), check), { numRuns: 8 });
    }
  });

  test("keeps what objects are, in their envelope", () => {
    fc.assert(
      fc.property(arbitraryObject("core/v1.Pod"), (pod) => {
        expect(isDeepStrictEqual(decodeProtobuf(encodeProtobuf(pod)), pod)).toBe(true);
      }),
      { numRuns: 50 },
    );
  });
});

describe("decodeValue", () => {
  test("changes nothing about objects that are in normal form", () => {
    fc.assert(
      fc.property(arbitraryObject("apps/v1.Deployment"), (object) => {
        const text = JSON.stringify(object);
        expect(JSON.stringify(decodeValue("apps/v1.Deployment", JSON.parse(text)).object)).toBe(text);
      }),
      { numRuns: 50 },
    );
  });
});

describe("openEnvelope", () => {
  test("tells what is inside", () => {
    const sealed = sealEnvelope("apps/v1", "Deployment", Buffer.from("abc"));
    expect(isEnvelope(sealed)).toBe(true);
    expect(openEnvelope(sealed)).toMatchObject({ apiVersion: "apps/v1", kind: "Deployment", raw: Buffer.from("abc") });
    expect(isEnvelope(Buffer.from("k8"))).toBe(false);
  });
});

describe("encodeWatchFrame", () => {
  test("puts length, type and object into one frame", () => {
    const sealed = encodeProtobuf({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } });
    const frame = encodeWatchFrame("MODIFIED", sealed);
    expect(frame.readUInt32BE()).toBe(frame.length - 4);
    expect(decodeMessage("meta/v1.WatchEvent", frame.subarray(4), decodeProtobuf)).toEqual({
      type: "MODIFIED",
      object: { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a" } },
    });
  });
});
