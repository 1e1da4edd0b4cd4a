import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isStatus, StatusError } from "#pkg/api/status.ts";
import { applyJsonPatch, maxCopiedBytes, maxJsonPatchOperations } from "./json-patch.ts";

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));

function refusal(current: object, patch: unknown): StatusError {
  try {
    applyJsonPatch(current, bytes(patch));
  } catch (thrown) {
    if (thrown instanceof StatusError) return thrown;
    throw thrown;
  }
  throw new Error("the patch was accepted");
}

describe("applyJsonPatch", () => {
  const pod = () => ({
    metadata: { name: "a", labels: { app: "web" } as Record<string, string> },
    spec: { containers: [{ name: "one" }, { name: "two" }] as Record<string, unknown>[] },
  });

  test.each([
    [
      "adds a label",
      [{ op: "add", path: "/metadata/labels/a~1b~0c", value: "1" }],
      "/metadata/labels",
      { app: "web", "a/b~c": "1" },
    ],
    [
      "replaces in a list",
      [{ op: "replace", path: "/spec/containers/1/name", value: "x" }],
      "/spec/containers/1",
      { name: "x" },
    ],
    [
      "inserts into a list",
      [{ op: "add", path: "/spec/containers/0", value: { name: "zero" } }],
      "/spec/containers/0",
      { name: "zero" },
    ],
    [
      "appends with -",
      [{ op: "add", path: "/spec/containers/-", value: { name: "x" } }],
      "/spec/containers/2",
      { name: "x" },
    ],
    ["removes", [{ op: "remove", path: "/metadata/labels/app" }], "/metadata/labels", {}],
    [
      "moves",
      [{ op: "move", from: "/metadata/labels/app", path: "/metadata/labels/b" }],
      "/metadata/labels",
      { b: "web" },
    ],
    [
      "copies",
      [{ op: "copy", from: "/spec/containers/0", path: "/spec/containers/-" }],
      "/spec/containers/2",
      { name: "one" },
    ],
    ["adds null for a missing value", [{ op: "add", path: "/metadata/labels/x" }], "/metadata/labels/x", null],
    [
      "goes on after a test that holds",
      [
        { op: "test", path: "/metadata/name", value: "a" },
        { op: "add", path: "/metadata/uid", value: "u" },
      ],
      "/metadata/uid",
      "u",
    ],
    [
      "takes a test of nothing against null",
      [{ op: "test", path: "/metadata/uid", value: null }],
      "/metadata/name",
      "a",
    ],
    [
      "accepts a label named constructor",
      [{ op: "add", path: "/metadata/labels/constructor", value: "c" }],
      "/metadata/labels/constructor",
      "c",
    ],
  ])("%s", (_, patch, pointer, expected) => {
    const result: unknown = applyJsonPatch(pod(), bytes(patch));
    const found = pointer
      .slice(1)
      .split("/")
      .reduce<unknown>((value, key) => (value as Record<string, unknown>)[key], result);
    expect(found).toEqual(expected);
  });

  test("leaves the object it was given alone", () => {
    const current = pod();
    applyJsonPatch(current, bytes([{ op: "add", path: "/spec/containers/0/image", value: "x" }]));
    expect(current).toEqual(pod());
  });

  test.each([
    ["text that is not JSON", "nope", 400],
    ["an object", { op: "add" }, 400],
    ["an operation that is no object", [1], 400],
    ["no path", [{ op: "remove" }], 400],
    ["no from", [{ op: "move", path: "/a" }], 400],
    ["nesting without end", `[{"op":"add","path":"/a","value":${"[".repeat(9000)}${"]".repeat(9000)}}]`, 400],
    ["an unknown operation", [{ op: "merge", path: "/a" }], 422],
    ["a pointer without a slash", [{ op: "add", path: "a", value: 1 }], 422],
    ["a test that fails", [{ op: "test", path: "/metadata/name", value: "b" }], 422],
    ["removing what is not there", [{ op: "remove", path: "/metadata/labels/none" }], 422],
    ["replacing what is not there", [{ op: "replace", path: "/metadata/uid", value: "u" }], 422],
    ["adding below what is not there", [{ op: "add", path: "/status/phase", value: "x" }], 422],
    ["adding below a scalar", [{ op: "add", path: "/metadata/name/x", value: "x" }], 422],
    ["an index past the end", [{ op: "add", path: "/spec/containers/3", value: {} }], 422],
    ["an index that is no number", [{ op: "add", path: "/spec/containers/01", value: {} }], 422],
    ["moving into itself", [{ op: "move", from: "/spec", path: "/spec/containers/0" }], 422],
    ["copying what is not there", [{ op: "copy", from: "/nothing", path: "/a" }], 422],
    ["replacing the object by a list", [{ op: "replace", path: "", value: [] }], 422],
    ["__proto__", [{ op: "add", path: "/__proto__/x", value: 1 }], 422],
    ["__proto__ as a name", [{ op: "add", path: "/metadata/labels/__proto__", value: { x: 1 } }], 422],
    ["a way through an inherited method", [{ op: "add", path: "/metadata/toString/x", value: 1 }], 422],
    ["a way through the constructor", [{ op: "add", path: "/constructor/prototype/x", value: 1 }], 422],
  ])("refuses %s", (_, patch, code) => {
    expect(refusal(pod(), patch).code).toBe(code);
    expect(({} as Record<string, unknown>)["x"]).toBeUndefined();
  });

  test("names the operation and the path that failed", () => {
    const error = refusal(pod(), [
      { op: "test", path: "/metadata/name", value: "a" },
      { op: "remove", path: "/x" },
    ]);
    expect(isStatus(error, "Invalid")).toBe(true);
    expect(error.message).toContain("operation 1 (remove): missing path: /x");
  });

  test("refuses more operations than the limit with 413", () => {
    const operations = Array.from({ length: maxJsonPatchOperations + 1 }, () => ({ op: "test", path: "", value: 1 }));
    expect(refusal({}, operations).code).toBe(413);
    expect(refusal({}, operations).message).toBe("The allowed maximum operations in a JSON patch is 10000, got 10001");
  });

  test("refuses to copy more than the budget", () => {
    const current = {
      metadata: { annotations: { big: "x".repeat(maxCopiedBytes / 2 - 2) } as Record<string, string> },
    };
    const copy = (to: string) => ({
      op: "copy",
      from: "/metadata/annotations/big",
      path: `/metadata/annotations/${to}`,
    });
    expect(Object.keys(applyJsonPatch(current, bytes([copy("a"), copy("b")])).metadata.annotations)).toHaveLength(3);
    expect(refusal(current, [copy("a"), copy("b"), copy("c")]).code).toBe(422);
  });

  test("refuses to shift long lists over and over", () => {
    const list = Array.from({ length: 200_000 }, () => 1);
    const insert = { op: "add", path: "/list/0", value: 1 };
    const patch = (count: number) => Array.from({ length: count }, () => insert);
    expect(applyJsonPatch({ list }, bytes(patch(3))).list).toHaveLength(200_003);
    expect(refusal({ list }, patch(100)).message).toContain("inserts into long lists too often");
    const append = Array.from({ length: 1000 }, () => ({ ...insert, path: "/list/-" }));
    expect(applyJsonPatch({ list }, bytes(append)).list).toHaveLength(201_000);
  });

  test("doubling by copies ends at the budget", () => {
    const patch = Array.from({ length: 60 }, (_, round) => ({ op: "copy", from: "", path: `/c${round}` }));
    expect(refusal({ a: "x".repeat(100) }, patch).code).toBe(422);
  });

  test("never touches prototypes, whatever the pointers", () => {
    const token = fc.constantFrom(
      "__proto__",
      "constructor",
      "prototype",
      "toString",
      "hasOwnProperty",
      "call",
      "a",
      "0",
    );
    const pointer = fc.array(token, { maxLength: 4 }).map((tokens) => tokens.map((one) => `/${one}`).join(""));
    const operation = fc.record({
      op: fc.constantFrom("add", "remove", "replace", "move", "copy", "test"),
      path: pointer,
      from: pointer,
      value: fc.constantFrom(1, {}, { a: {} }),
    });
    const names = () =>
      [Object.prototype, Function.prototype, Array.prototype].map((one) => Object.getOwnPropertyNames(one));
    const before = names();
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 5 }), (operations) => {
        try {
          applyJsonPatch({ a: { a: [{}] } }, bytes(operations));
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(StatusError);
        }
        expect(names()).toEqual(before);
        expect(Object.keys(Object.prototype.toString)).toEqual([]);
      }),
    );
  });
});
