import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DecodeError, decodeObject, decodeValue, maxDepth, parseBody } from "./decode.ts";

const pod = "core/v1.Pod";
const strict = { findings: true };

function messageOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof DecodeError) return error.message;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("decodeObject", () => {
  test("gives the normal form: structs filled in, empty values and nulls left out, canonical text", () => {
    const body = {
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name: "a", labels: {}, creationTimestamp: "2024-05-06T07:08:09+02:00", namespace: "" },
      spec: {
        hostNetwork: false,
        nodeName: null,
        containers: [{ name: "c", image: "i", command: [], resources: { requests: { cpu: "1500m", memory: 1024 } } }],
        terminationGracePeriodSeconds: 0,
        securityContext: {},
      },
    };
    expect(decodeObject(pod, JSON.stringify(body)).object).toEqual({
      kind: "Pod",
      apiVersion: "v1",
      metadata: { name: "a", creationTimestamp: "2024-05-06T05:08:09Z" },
      spec: {
        containers: [{ name: "c", image: "i", resources: { requests: { cpu: "1500m", memory: "1024" } } }],
        terminationGracePeriodSeconds: 0,
        securityContext: {},
      },
      status: {},
    });
  });

  test("writes fields in declared order, whatever the order of the body", () => {
    const { object } = decodeObject(
      "core/v1.ConfigMap",
      '{"data":{"z":"1","a":"2"},"metadata":{"name":"x"},"kind":"ConfigMap"}',
    );
    expect(JSON.stringify(object)).toBe('{"kind":"ConfigMap","metadata":{"name":"x"},"data":{"z":"1","a":"2"}}');
  });

  test("writes zero values that upstream always writes", () => {
    expect(decodeObject("apps/v1.ReplicaSet", "{}").object).toEqual({
      metadata: {},
      spec: { template: { metadata: {}, spec: { containers: [] } } },
      status: { replicas: 0 },
    });
  });

  test("takes inlined fields from where they stand", () => {
    const volumes = [
      { name: "v", emptyDir: {} },
      { configMap: { name: "cm" }, name: "w" },
    ];
    const { object } = decodeObject(pod, JSON.stringify({ spec: { volumes } }));
    expect(object).toMatchObject({ spec: { volumes } });
  });

  test("is case-sensitive and drops what it does not know", () => {
    const { object, findings } = decodeObject(pod, '{"metadata":{"Name":"a"},"Spec":{}}');
    expect(object).toEqual({ metadata: {}, spec: { containers: [] }, status: {} });
    expect(findings).toEqual([]);
  });

  test.each([
    [
      '{"spec":{"replicas":"3"}}',
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"replicas":1.5}}',
      "json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"spec":{"replicas":3000000000}}',
      "json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32",
    ],
    [
      '{"metadata":{"labels":{"a":1}}}',
      "json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string",
    ],
    ['{"metadata":[]}', "json: cannot unmarshal array into Go struct field Deployment.metadata of type v1.ObjectMeta"],
    [
      '{"spec":{"template":{"spec":{"containers":{}}}}}',
      "json: cannot unmarshal object into Go struct field PodSpec.spec.template.spec.containers of type []v1.Container",
    ],
    [
      '{"spec":{"template":{"spec":{"containers":[{"env":[{"value":true}]}]}}}}',
      "json: cannot unmarshal bool into Go struct field EnvVar.spec.template.spec.containers.env.value of type string",
    ],
    [
      '{"spec":{"paused":"no"}}',
      "json: cannot unmarshal string into Go struct field DeploymentSpec.spec.paused of type bool",
    ],
  ])("of a body that does not fit says where: %s", (body, message) => {
    expect(messageOf(() => decodeObject("apps/v1.Deployment", body))).toBe(message);
  });

  test.each([
    [
      '{"spec":{"containers":[{},{"resources":{"limits":{"cpu":"1x"}}}]}}',
      "spec.containers[1].resources.limits.cpu: quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
    ],
    [
      '{"metadata":{"creationTimestamp":"yesterday"}}',
      'metadata.creationTimestamp: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as a time',
    ],
  ])("of text with a wrong syntax names the exact place: %s", (body, message) => {
    expect(messageOf(() => decodeObject(pod, body))).toBe(message);
  });

  test("names bytes that are no base64, and joins lines", () => {
    expect(messageOf(() => decodeObject("core/v1.Secret", '{"data":{"a":"ab!="}}'))).toBe(
      "data.a: illegal base64 data at input byte 2",
    );
    expect(decodeObject("core/v1.Secret", '{"data":{"a":"YW\\nJj"}}').object["data"]).toEqual({ a: "YWJj" });
  });

  test("takes a null in a list or map for the zero value", () => {
    const { object } = decodeObject(pod, '{"metadata":{"labels":{"a":null}},"spec":{"containers":[null]}}');
    expect(object).toMatchObject({
      metadata: { labels: { a: "" } },
      spec: { containers: [{ name: "", resources: {} }] },
    });
  });

  test("reports unknown and duplicate fields with upstream's paths, in the order of the body", () => {
    const body = `{"kind":"Pod","spec":{"containers":[{"name":"a","name":"b","nope":{"x":1,"x":2}}],"foo":1,
      "nodeName":"x","nodeName":"y"},"metadata":{"labels":{"l":"1","l":"2"}},"bar":{}}`;
    expect(decodeObject(pod, body, strict).findings).toEqual([
      'duplicate field "spec.containers[0].name"',
      'unknown field "spec.containers[0].nope"',
      'unknown field "spec.foo"',
      'duplicate field "spec.nodeName"',
      'duplicate field "metadata.labels.l"',
      'unknown field "bar"',
    ]);
    expect(decodeObject(pod, body).object).toMatchObject({ spec: { nodeName: "y", containers: [{ name: "b" }] } });
  });

  test("does not look into what another decoder reads", () => {
    const body = '{"data":{"x":1,"x":2},"revision":1}';
    expect(decodeObject("apps/v1.ControllerRevision", body, strict).findings).toEqual([]);
    const schema =
      '{"spec":{"versions":[{"schema":{"openAPIV3Schema":{"items":{"nope":1},"properties":{"a":{"nope":1}}}}}]}}';
    expect(decodeObject("apiextensions/v1.CustomResourceDefinition", schema, strict).findings).toEqual([
      'unknown field "spec.versions[0].schema.openAPIV3Schema.properties.a.nope"',
    ]);
  });

  test("finds nothing wrong with strings that look like keys", () => {
    const body = { metadata: { annotations: { a: '{"x":1,"x":2}', 'b"c': "\\" } }, spec: { containers: [] } };
    expect(decodeObject(pod, JSON.stringify(body, undefined, 2), strict).findings).toEqual([]);
  });

  test("cuts off after a hundred findings", () => {
    const body = `{${Array.from({ length: 150 }, (_, index) => `"x${index}":1`).join(",")}}`;
    expect(decodeObject(pod, body, strict).findings).toHaveLength(100);
  });

  test("keeps __proto__ a key like any other", () => {
    const body = '{"metadata":{"labels":{"__proto__":"x"}},"__proto__":{"polluted":true}}';
    const { object, findings } = decodeObject(pod, body, strict);
    const labels = (object["metadata"] as { labels: object }).labels;
    expect(Object.entries(labels)).toEqual([["__proto__", "x"]]);
    expect(Object.getPrototypeOf(labels)).toBe(Object.prototype);
    expect(findings).toEqual(['unknown field "__proto__"']);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test("reads the three JSON schema forms", () => {
    const props = {
      items: [{ type: "string" }],
      additionalProperties: false,
      dependencies: { a: ["b"], c: { type: "object" } },
    };
    expect(decodeObject("apiextensions/v1.JSONSchemaProps", JSON.stringify(props)).object).toEqual(props);
    expect(messageOf(() => decodeObject("apiextensions/v1.JSONSchemaProps", '{"additionalProperties":1}'))).toBe(
      "additionalProperties: boolean or JSON schema expected",
    );
  });
});

describe("decodeObject of anything", () => {
  const types = ["core/v1.Pod", "apiextensions/v1.CustomResourceDefinition", "meta/v1.Status", "core/v1.Secret"];
  /** Values under names the types know, so that the walk gets below the top. */
  const keys = fc.constantFrom(
    "metadata",
    "spec",
    "status",
    "containers",
    "labels",
    "data",
    "items",
    "name",
    "versions",
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { depthSize: "small" },
      fc.jsonValue({ maxDepth: 1 }),
      fc.array(tie("value"), { maxLength: 2 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 4 }),
    ),
  }));

  test("gives an object or a DecodeError, never anything else", () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(keys, value), (typeName, body) => {
        try {
          expect(decodeObject(typeName, JSON.stringify(body), strict).object).toBeTypeOf("object");
        } catch (error) {
          expect(error).toBeInstanceOf(DecodeError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test("gives the same object when its result is decoded again", () => {
    fc.assert(
      fc.property(fc.constantFrom(...types), fc.dictionary(keys, value), (typeName, body) => {
        let first: object;
        try {
          first = decodeObject(typeName, JSON.stringify(body)).object;
        } catch {
          return;
        }
        expect(decodeObject(typeName, JSON.stringify(first), strict)).toEqual({ object: first, findings: [] });
      }),
      { numRuns: 500 },
    );
  });
});

describe("parseBody", () => {
  test("tells what the body is", () => {
    expect(parseBody('{"apiVersion":"v1","kind":"Pod"}')).toMatchObject({ apiVersion: "v1", kind: "Pod" });
    expect(parseBody("{}")).toMatchObject({ apiVersion: "", kind: "" });
  });

  test.each(["", "nope", "[]", "null", '{"a":', '{"kind":1}', '"text"', "{} {}"])("refuses %j", (body) => {
    expect(messageOf(() => parseBody(body))).toMatch(/^couldn't get version\/kind; json parse error: /);
  });

  test("refuses deep nesting without using the stack for it", () => {
    const deep = (levels: number) => `{"a":${"[".repeat(levels)}${"]".repeat(levels)}}`;
    expect(parseBody(deep(maxDepth - 1)).kind).toBe("");
    expect(messageOf(() => parseBody(deep(1_000_000)))).toBe("exceeded max depth of 500");
  });

  test("finds duplicates of bodies whose type is unknown", () => {
    expect(parseBody('{"spec":{"a":1,"b":{"c":1,"c":2},"a":3}}').duplicates()).toEqual([
      'duplicate field "spec.b.c"',
      'duplicate field "spec.a"',
    ]);
    expect(parseBody('{"spec":{"a":1}}').duplicates()).toEqual([]);
  });

  test("reads bytes", () => {
    expect(parseBody(Buffer.from('{"kind":"Ä"}')).kind).toBe("Ä");
  });
});

describe("parseBody of YAML", () => {
  const yaml = (text: string) => parseBody(text, "yaml").value;

  test("reads scalars as go-yaml does", () => {
    const scalars: Record<string, unknown> = {
      yes: true,
      y: true,
      Off: false,
      "0777": 511,
      "0o17": 15,
      "08": 8,
      "00": 0,
      "0x1F": 31,
      "-0x10": -16,
      "0b11": 3,
      "1_000": 1000,
      "1_0.5": 10.5,
      "+5": 5,
      "1e3": 1000,
      "1.5e+3": 1500,
      ".5": 0.5,
      "5.": 5,
      "2024-01-02": "2024-01-02",
      "1:30": "1:30",
      "~": null,
      Null: null,
      "": null,
      '"yes"': "yes",
      "9223372036854775808": 9223372036854776000,
      "!!str 123": "123",
      "!!binary aGVsbG8=": "hello",
      "1.2.3": "1.2.3",
    };
    for (const [text, value] of Object.entries(scalars)) expect(yaml(`a: ${text}`), text).toEqual({ a: value });
  });

  test("turns keys into strings after reading them as scalars", () => {
    expect(yaml("1: a\n1.5: b\ny: c\n0777: d\n")).toEqual({ "1": "a", "1.5": "b", true: "c", "511": "d" });
  });

  test("copies what aliases and merge keys share", () => {
    const value = yaml("a: &x {a: 1}\nb: *x\nc:\n  <<: *x\n  b: 2\n") as Record<string, object>;
    expect(value).toEqual({ a: { a: 1 }, b: { a: 1 }, c: { a: 1, b: 2 } });
    expect(value["a"]).not.toBe(value["b"]);
  });

  test("refuses aliases that blow up, nest or loop", () => {
    const bomb = ["a0: &a0 [x,x,x,x,x,x,x,x,x,x]"];
    for (let level = 1; level < 8; level++)
      bomb.push(
        `a${level}: &a${level} [${Array(10)
          .fill(`*a${level - 1}`)
          .join(",")}]`,
      );
    const nest = ["a0: &a0 [x]"];
    for (let level = 1; level < 2000; level++) nest.push(`a${level}: &a${level} [*a${level - 1}]`);
    for (const text of [bomb.join("\n"), nest.join("\n")]) {
      expect(messageOf(() => yaml(text))).toContain("excessive aliasing");
    }
    expect(messageOf(() => yaml("a: &a [*a]"))).toContain("error converting YAML to JSON");
  });

  test.each(["a: [", "a: .nan", "\tb: 1", "a: 1\n---\nb: 2", `a: ${"[".repeat(600)}`])("refuses %j", (text) => {
    expect(messageOf(() => yaml(text))).toContain("error converting YAML to JSON");
  });

  test("names a key given twice by its line, and takes the last value", () => {
    const text = "spec:\n  nodeName: a\n  nodeName: b\n  nope: 1\n";
    const { object, findings } = decodeObject(pod, text, { format: "yaml", findings: true });
    expect(object).toMatchObject({ spec: { nodeName: "b" } });
    expect(findings).toEqual([
      'yaml: unmarshal errors:\n  line 3: key "nodeName" already set in map',
      'unknown field "spec.nope"',
    ]);
  });
});

describe("decodeValue", () => {
  test("reports unknown fields of values in memory", () => {
    const value = { spec: { containers: [{ name: "a", nope: 1 }], foo: { bar: 1 } } };
    expect(decodeValue(pod, value, strict).findings).toEqual([
      'unknown field "spec.containers[0].nope"',
      'unknown field "spec.foo"',
    ]);
  });

  test("shares nothing with its input but values of free form", () => {
    const value = { metadata: { labels: { a: "b" } } };
    const { object } = decodeValue(pod, value);
    (object["metadata"] as { labels: Record<string, string> }).labels["a"] = "c";
    expect(value.metadata.labels.a).toBe("b");
  });
});
