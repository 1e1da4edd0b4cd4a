import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";
import { structSchema } from "./table-schema.ts";

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const patched = (typeName: string, current: object, patch: unknown): unknown =>
  applyStrategicMergePatch(current, bytes(patch), structSchema(typeName));

function refusal(typeName: string, current: object, patch: unknown): StatusError {
  try {
    patched(typeName, current, patch);
  } catch (thrown) {
    if (thrown instanceof StatusError) return thrown;
    throw thrown;
  }
  throw new Error("the patch was accepted");
}

const named = (...names: string[]) => names.map((name) => ({ name }));
const pod = (...names: string[]) => ({ containers: names.map((name) => ({ name, image: `${name}:1` })) });

describe("applyStrategicMergePatch", () => {
  const refusals: [title: string, type: string, current: object, patch: unknown, code: number, text: string][] = [
    ["text that is not JSON", "core/v1.PodSpec", {}, "{", 400, "error decoding patch"],
    ["a list", "core/v1.PodSpec", {}, [], 400, "JSON object"],
    ["an unknown directive", "core/v1.PodSpec", {}, { $patch: "zap" }, 400, "unknown patch type: zap"],
    [
      "an unknown directive in a list",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ name: "a", $patch: "zap" }] },
      400,
      "unknown patch type: zap",
    ],
    [
      "merge as a directive of a list",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ name: "a", $patch: "merge" }] },
      422,
      "merging lists cannot yet be specified",
    ],
    [
      "an item without its merge key",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ image: "x" }] },
      422,
      'map: {"image":"x"} does not contain declared merge key: name',
    ],
    [
      "a deletion without the merge key",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ $patch: "delete" }] },
      422,
      "does not contain declared merge key: name",
    ],
    ["lists of lists", "core/v1.PodSpec", pod("a"), { containers: [[]] }, 422, "lists of lists are not supported"],
    [
      "lists of mixed things",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ name: "a" }, "b"] },
      422,
      "list element types are not identical",
    ],
    [
      "retainKeys that is no list",
      "apps/v1.DeploymentSpec",
      { strategy: { type: "x" } },
      { strategy: { $retainKeys: "type" } },
      400,
      "invalid patch format of retainKeys",
    ],
    [
      "setting what retainKeys does not name",
      "apps/v1.DeploymentSpec",
      { strategy: { type: "x" } },
      { strategy: { $retainKeys: ["type"], rollingUpdate: {} } },
      400,
      "invalid patch format of retainKeys",
    ],
    [
      "an order that is no list",
      "core/v1.PodSpec",
      pod("a"),
      { "$setElementOrder/containers": {} },
      400,
      "invalid patch format of setElementOrder list",
    ],
    [
      "an order that the patch breaks",
      "core/v1.PodSpec",
      pod("a", "b"),
      { "$setElementOrder/containers": named("a", "b"), containers: named("b", "a") },
      422,
      "doesn't match $setElementOrder list",
    ],
    [
      "an item missing from the order",
      "core/v1.PodSpec",
      pod("a", "b"),
      { "$setElementOrder/containers": named("a"), containers: named("b") },
      422,
      "doesn't match $setElementOrder list",
    ],
    [
      "an order of an unknown list",
      "core/v1.PodSpec",
      { things: [1] },
      { "$setElementOrder/things": [1] },
      422,
      'unable to find api field in struct PodSpec for the json field "things"',
    ],
    [
      "deleting from what is no list of scalars",
      "core/v1.PodSpec",
      { nodeName: "x" },
      { "$deleteFromPrimitiveList/nodeName": ["x"] },
      400,
      "invalid patch format of primitive list",
    ],
  ];

  test.each(refusals)("refuses %s", (_, type, current, patch, code, text) => {
    const error = refusal(type, current, patch);
    expect(error.code).toBe(code);
    expect(error.message).toContain(text);
  });

  test("{} is the identity, and a patch of plain maps merges like a merge patch", () => {
    const labels = fc.dictionary(fc.constantFrom("a", "b", "c", "constructor", "__proto__"), fc.string());
    const metadata = fc.record({ labels, annotations: labels, name: fc.string() });
    fc.assert(
      fc.property(metadata, metadata, (current, patch) => {
        expect(patched("meta/v1.ObjectMeta", current, {})).toEqual(current);
        const result = patched("meta/v1.ObjectMeta", current, patch) as typeof current;
        expect(new Map(Object.entries(result.labels))).toEqual(
          new Map([...Object.entries(current.labels), ...Object.entries(patch.labels)]),
        );
      }),
    );
  });

  test("merged lists hold every key once, the patch's in the patch's order, the others in theirs", () => {
    const keys = fc.uniqueArray(fc.constantFrom<string>("a", "b", "c", "d", "e", "f"));
    fc.assert(
      fc.property(keys, keys, fc.boolean(), (current, patch, withOrder) => {
        const order = withOrder ? { "$setElementOrder/containers": named(...patch) } : {};
        const result = patched("core/v1.PodSpec", pod(...current), { ...order, containers: named(...patch) });
        const names = (result as ReturnType<typeof pod>).containers.map((container) => container.name);
        expect(names.toSorted()).toEqual([...new Set([...current, ...patch])].toSorted());
        expect(names.filter((name) => patch.includes(name))).toEqual(patch);
        expect(names.filter((name) => !patch.includes(name))).toEqual(current.filter((name) => !patch.includes(name)));
      }),
    );
  });
});
