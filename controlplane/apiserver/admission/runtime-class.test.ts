import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { Toleration } from "#pkg/api/core/v1.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { mergeTolerations } from "./merge-tolerations.ts";
import { runtimeClass } from "./runtime-class.ts";
import { admit, whyRefused } from "./testing/request.ts";

let objects: MemoryObjects;
const what = "CREATE pods shop/web";

beforeEach(() => {
  objects = new MemoryObjects();
  objects.put("node.k8s.io", "runtimeclasses", {
    metadata: { name: "kata" },
    handler: "kata",
    overhead: { podFixed: { memory: "1Gi" } },
    scheduling: { nodeSelector: { vm: "yes" }, tolerations: [{ key: "vm", operator: "Exists" }] },
  });
  objects.put("node.k8s.io", "runtimeclasses", { metadata: { name: "runc" }, handler: "runc" });
});

describe("RuntimeClass", () => {
  test("gives a pod the overhead and the scheduling of its class", async () => {
    const spec = {
      runtimeClassName: "kata",
      nodeSelector: { zone: "a" },
      tolerations: [{ key: "x", operator: "Exists" }],
    };
    expect((await admit(runtimeClass(objects), { what, object: { spec } })).object?.["spec"]).toEqual({
      runtimeClassName: "kata",
      overhead: { memory: "1Gi" },
      nodeSelector: { zone: "a", vm: "yes" },
      tolerations: [
        { key: "x", operator: "Exists" },
        { key: "vm", operator: "Exists" },
      ],
    });
  });

  test("looks past the cache for a class it does not know", async () => {
    objects.getLive = async () => ({ metadata: { name: "new" }, handler: "new" });
    expect(await whyRefused(runtimeClass(objects), { what, object: { spec: { runtimeClassName: "new" } } })).toBe("");
  });

  const mismatch = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead";
  test.each([
    [{ runtimeClassName: "kata", overhead: { memory: "1024Mi" } }, ""],
    [{ runtimeClassName: "kata", overhead: { memory: "2Gi" } }, mismatch],
    [{ runtimeClassName: "kata", overhead: { memory: "1Gi", cpu: "1" } }, mismatch],
    [{ runtimeClassName: "gone" }, 'pod rejected: RuntimeClass "gone" not found'],
    [
      { runtimeClassName: "runc", overhead: { memory: "1Gi" } },
      "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead",
    ],
    [{ overhead: { cpu: "1" } }, "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"],
    [
      { runtimeClassName: "kata", nodeSelector: { vm: "no" } },
      "conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no",
    ],
    [{ runtimeClassName: "runc" }, ""],
    [{}, ""],
  ])("judges %j", async (spec, why) => {
    expect(await whyRefused(runtimeClass(objects), { what, object: { spec } })).toBe(why);
  });
});

const tolerations: fc.Arbitrary<Toleration> = fc.record({
  key: fc.constantFrom(undefined, "a", "b"),
  operator: fc.constantFrom("Exists" as const, "Equal" as const),
  value: fc.constantFrom(undefined, "x"),
  effect: fc.constantFrom(undefined, "NoSchedule" as const, "NoExecute" as const),
  tolerationSeconds: fc.constantFrom(undefined, 10, 20),
});

describe("mergeTolerations", () => {
  test.each<[string, Toleration[], Toleration[], Toleration[]]>([
    [
      "drops what an earlier one covers",
      [{ operator: "Exists" }],
      [{ key: "a", operator: "Exists" }],
      [{ operator: "Exists" }],
    ],
    [
      "drops what a later one covers",
      [{ key: "a", operator: "Equal", value: "x" }],
      [{ key: "a", operator: "Exists" }],
      [{ key: "a", operator: "Exists" }],
    ],
    [
      "keeps one of equals",
      [{ key: "a", operator: "Exists" }],
      [{ key: "a", operator: "Exists" }],
      [{ key: "a", operator: "Exists" }],
    ],
    [
      "keeps the longer time",
      [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 10 }],
      [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 20 }],
      [{ key: "a", operator: "Exists", effect: "NoExecute", tolerationSeconds: 20 }],
    ],
  ])("%s", (_what, first, second, merged) => {
    expect(mergeTolerations(first, second)).toEqual(merged);
  });

  test("keeps only what was given, and nothing twice", () => {
    fc.assert(
      fc.property(fc.array(tolerations, { maxLength: 4 }), fc.array(tolerations, { maxLength: 4 }), (first, second) => {
        const merged = mergeTolerations(first, second);
        const texts = merged.map((one) => JSON.stringify(one));
        expect(new Set(texts).size).toBe(texts.length);
        for (const one of merged) expect([...first, ...second]).toContainEqual(one);
        expect(mergeTolerations(merged, first.concat(second))).toHaveLength(merged.length);
      }),
    );
  });
});
