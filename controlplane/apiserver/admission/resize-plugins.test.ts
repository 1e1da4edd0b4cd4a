import { beforeEach, describe, expect, test } from "vitest";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { persistentVolumeClaimResize } from "./claim-resize.ts";
import { podResizeValidator } from "./pod-resize.ts";
import { admit, whyRefused } from "./testing/request.ts";

let objects: MemoryObjects;
beforeEach(() => {
  objects = new MemoryObjects();
});

describe("PersistentVolumeClaimResize", () => {
  const claim = (storage: string, storageClassName = "grows", phase = "Bound") => ({
    spec: { storageClassName, resources: { requests: { storage } } },
    status: { phase },
  });
  beforeEach(() => {
    objects.put("storage.k8s.io", "storageclasses", { metadata: { name: "grows" }, allowVolumeExpansion: true });
    objects.put("storage.k8s.io", "storageclasses", { metadata: { name: "fixed" } });
  });

  const classRefusal =
    "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize";
  test.each([
    ["growth", claim("1Gi"), claim("2Gi"), ""],
    ["the same size in other words", claim("1Gi", "fixed"), claim("1024Mi", "fixed"), ""],
    ["less, which validation refuses", claim("2Gi", "fixed"), claim("1Gi", "fixed"), ""],
    [
      "an unbound claim",
      claim("1Gi", "grows", "Pending"),
      claim("2Gi"),
      "Only bound persistent volume claims can be expanded",
    ],
    ["a class that does not allow it", claim("1Gi", "fixed"), claim("2Gi", "fixed"), classRefusal],
    ["a class that is gone", claim("1Gi", "gone"), claim("2Gi", "gone"), classRefusal],
    ["another class", claim("1Gi", "fixed"), claim("2Gi"), classRefusal],
    ["no class", claim("1Gi", ""), claim("2Gi", ""), classRefusal],
  ])("judges %s", async (_what, oldObject, object, why) => {
    const what = "UPDATE persistentvolumeclaims shop/c";
    expect(await whyRefused(persistentVolumeClaimResize(objects), { what, oldObject, object })).toBe(why);
  });
});

describe("PodResizeValidator", () => {
  const pod = (cpu: string, memory = "1Gi", nodeName = "n1") => ({
    spec: { nodeName, containers: [{ name: "c", resources: { requests: { cpu, memory } } }] },
  });
  const resize = (object: object, oldObject: object = pod("500m")) => ({
    what: "UPDATE pods/resize shop/web",
    object,
    oldObject,
  });

  beforeEach(() => {
    objects.put("", "nodes", { metadata: { name: "n1" }, status: { allocatable: { cpu: "2", memory: "4Gi" } } });
    objects.put("", "nodes", { metadata: { name: "w", labels: { "kubernetes.io/os": "windows" } } });
  });

  test.each([
    ["what fits", pod("2"), ""],
    [
      "too much of both",
      pod("2500m", "5Gi"),
      "node didn't have enough allocatable resources: cpu, requested: 2500, allocatable: 2000; memory, requested: 5368709120, allocatable: 4294967296",
    ],
    ["a pod without node", pod("9", "1Gi", ""), ""],
    ["a node that is gone", pod("1", "1Gi", "gone"), 'node "gone" not found'],
    [
      "a node of another system",
      pod("1", "1Gi", "w"),
      'pod resize is only supported on linux nodes, node "w" is "windows"',
    ],
  ])("judges %s", async (_what, object, why) => {
    expect(await whyRefused(podResizeValidator(objects), resize(object))).toBe(why);
  });

  test("does not judge a pod that stays as it is, and names the cause", async () => {
    expect(await whyRefused(podResizeValidator(objects), resize(pod("9"), pod("9")))).toBe("");
    await expect(admit(podResizeValidator(objects), resize(pod("9")))).rejects.toMatchObject({
      status: { details: { causes: [{ reason: "NodeCapacity" }] } },
    });
  });
});
