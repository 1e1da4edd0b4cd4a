import { beforeEach, describe, expect, test } from "vitest";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { defaultIngressClass, defaultStorageClass } from "./default-class.ts";
import { defaultTolerationSeconds } from "./default-toleration-seconds.ts";
import { podTopologyLabels } from "./pod-topology-labels.ts";
import { storageObjectInUseProtection } from "./storage-in-use-protection.ts";
import { taintNodesByCondition } from "./taint-nodes.ts";
import { admit } from "./testing/request.ts";

let objects: MemoryObjects;
beforeEach(() => {
  objects = new MemoryObjects();
});

describe("TaintNodesByCondition", () => {
  const taint = { key: "node.kubernetes.io/not-ready", effect: "NoSchedule" };
  test.each([
    [undefined, { taints: [taint] }],
    [
      { podCIDR: "x", taints: [{ key: "a", effect: "NoExecute" }] },
      { podCIDR: "x", taints: [{ key: "a", effect: "NoExecute" }, taint] },
    ],
    [{ taints: [taint] }, { taints: [taint] }],
  ])("makes %j into %j", async (spec, expected) => {
    expect(
      (await admit(taintNodesByCondition, { what: "CREATE nodes n1", object: { spec } })).object?.["spec"],
    ).toEqual(expected);
  });

  test("does not taint a node that is there", async () => {
    const { object } = await admit(taintNodesByCondition, {
      what: "UPDATE nodes n1",
      object: { spec: {} },
      oldObject: {},
    });
    expect(object?.["spec"]).toEqual({});
  });
});

describe("DefaultTolerationSeconds", () => {
  const plugin = defaultTolerationSeconds({ notReadySeconds: 300, unreachableSeconds: 60 });
  const added = (key: string, tolerationSeconds: number) => ({
    key,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds,
  });
  const notReady = added("node.kubernetes.io/not-ready", 300);
  const unreachable = added("node.kubernetes.io/unreachable", 60);

  test.each([
    ["nothing", undefined, [notReady, unreachable]],
    ["another key", [{ key: "a" }], [{ key: "a" }, notReady, unreachable]],
    ["its own time", [{ ...notReady, tolerationSeconds: 5 }], [{ ...notReady, tolerationSeconds: 5 }, unreachable]],
    [
      "another effect",
      [{ ...notReady, effect: "NoSchedule" }],
      [{ ...notReady, effect: "NoSchedule" }, notReady, unreachable],
    ],
    ["everything", [{ operator: "Exists" }], [{ operator: "Exists" }]],
  ])("adds what is missing to %s", async (_what, tolerations, expected) => {
    const object = { spec: { containers: [], ...(tolerations ? { tolerations } : {}) } };
    const { object: pod } = await admit(plugin, { what: "CREATE pods shop/web", object });
    expect(pod?.["spec"]).toEqual({ containers: [], tolerations: expected });
  });
});

describe("DefaultStorageClass", () => {
  const create = async (spec: object, metadata: object = {}) => {
    const what = "CREATE persistentvolumeclaims shop/c";
    const { object } = await admit(defaultStorageClass(objects), { what, object: { metadata, spec } });
    return (object?.["spec"] as { storageClassName?: string } | undefined)?.storageClassName;
  };
  const put = (name: string, annotation: string, creationTimestamp: string): void => {
    const metadata = { name, creationTimestamp, annotations: { [annotation]: "true" } };
    objects.put("storage.k8s.io", "storageclasses", { metadata });
  };

  test("gives the newest default to claims that name none", async () => {
    expect(await create({})).toBeUndefined();
    put("old", "storageclass.beta.kubernetes.io/is-default-class", "2026-01-01T00:00:00Z");
    expect(await create({})).toBe("old");
    put("b", "storageclass.kubernetes.io/is-default-class", "2026-01-02T00:00:00Z");
    put("a", "storageclass.kubernetes.io/is-default-class", "2026-01-02T00:00:00Z");
    expect(await create({})).toBe("a");
  });

  test("leaves a choice, that of no class too", async () => {
    put("a", "storageclass.kubernetes.io/is-default-class", "2026-01-02T00:00:00Z");
    expect(await create({ storageClassName: "" })).toBe("");
    expect(await create({ storageClassName: "x" })).toBe("x");
    expect(await create({}, { annotations: { "volume.beta.kubernetes.io/storage-class": "x" } })).toBeUndefined();
  });
});

describe("DefaultIngressClass", () => {
  test("gives the default class to ingresses that name none, by field or annotation", async () => {
    const annotations = { "ingressclass.kubernetes.io/is-default-class": "true" };
    objects.put("networking.k8s.io", "ingressclasses", { metadata: { name: "nginx", annotations } });
    const create = async (object: object) => {
      const what = "CREATE ingresses.networking.k8s.io shop/i";
      return (await admit(defaultIngressClass(objects), { what, object })).object?.["spec"];
    };
    expect(await create({ spec: {} })).toEqual({ ingressClassName: "nginx" });
    expect(await create({ spec: { ingressClassName: "x" } })).toEqual({ ingressClassName: "x" });
    expect(await create({ metadata: { annotations: { "kubernetes.io/ingress.class": "x" } }, spec: {} })).toEqual({});
  });
});

describe("StorageObjectInUseProtection", () => {
  test.each([
    ["persistentvolumes pv", "kubernetes.io/pv-protection"],
    ["persistentvolumeclaims shop/c", "kubernetes.io/pvc-protection"],
    ["volumeattributesclasses.storage.k8s.io v", "kubernetes.io/vac-protection"],
  ])("protects %s", async (what, finalizer) => {
    const create = async (metadata: object) =>
      (await admit(storageObjectInUseProtection, { what: `CREATE ${what}`, object: { metadata } })).object?.metadata
        .finalizers;
    expect(await create({})).toEqual([finalizer]);
    expect(await create({ finalizers: ["mine"] })).toEqual(["mine", finalizer]);
    expect(await create({ finalizers: [finalizer] })).toEqual([finalizer]);
  });

  test("protects nothing else", async () => {
    const request = { what: "CREATE storageclasses.storage.k8s.io s", object: {} };
    expect((await admit(storageObjectInUseProtection, request)).object?.metadata.finalizers).toBeUndefined();
  });
});

describe("PodTopologyLabels", () => {
  beforeEach(() => {
    const labels = { "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r", other: "x" };
    objects.put("", "nodes", { metadata: { name: "n1", labels } });
  });
  const expected = { "topology.kubernetes.io/zone": "z", "topology.kubernetes.io/region": "r" };
  const labelsOf = async (what: string, object: object) =>
    (await admit(podTopologyLabels(objects), { what, object })).object?.metadata.labels;

  test("labels bindings to a node and pods that are made on one", async () => {
    const binding = { metadata: { labels: { a: "b" } }, target: { kind: "Node", name: "n1" } };
    expect(await labelsOf("CREATE pods/binding shop/web", binding)).toEqual({ a: "b", ...expected });
    expect(await labelsOf("CREATE bindings shop/web", binding)).toEqual({ a: "b", ...expected });
    expect(await labelsOf("CREATE pods shop/web", { spec: { nodeName: "n1" } })).toEqual(expected);
  });

  test("labels nothing that has no node", async () => {
    expect(await labelsOf("CREATE pods shop/web", { spec: {} })).toBeUndefined();
    expect(await labelsOf("CREATE pods/binding shop/web", { target: { kind: "Node", name: "gone" } })).toBeUndefined();
    expect(await labelsOf("CREATE pods/binding shop/web", { target: { kind: "Host", name: "n1" } })).toBeUndefined();
  });
});
