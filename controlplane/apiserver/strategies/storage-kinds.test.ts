import { describe, expect, test } from "vitest";
import type { PersistentVolume, PersistentVolumeClaim } from "#pkg/api/core/v1.ts";
import type { CSIDriver, CSINode, CSIStorageCapacity, StorageClass, VolumeAttachment } from "#pkg/api/storage/v1.ts";
import {
  csiDriverStrategy,
  csiNodeStrategy,
  csiStorageCapacityStrategy,
  volumeAttachmentStrategy,
} from "./csi-kinds.ts";
import { persistentVolumeStrategy } from "./persistent-volume.ts";
import { persistentVolumeClaimStrategy } from "./persistent-volume-claim.ts";
import { storageClassStrategy, volumeAttributesClassStrategy } from "./storage-class.ts";
import { context, created, createFaults, updated, updateFaults, updateMessages, withValue } from "./testing/judge.ts";

const metadata = { name: "x" };

describe("PersistentVolume", () => {
  const good = {
    metadata,
    spec: { capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], hostPath: { path: "/data" } },
  };
  const affinity = (key: string) => ({
    required: { nodeSelectorTerms: [{ matchExpressions: [{ key, operator: "In", values: ["a"] }] }] },
  });
  const local = { ...good.spec, hostPath: undefined, local: { path: "/mnt" } };

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.accessModes", [], ["spec.accessModes: Required"]],
    ["spec.accessModes", ["Both"], ["spec.accessModes: NotSupported"]],
    ["spec.capacity", undefined, ["spec.capacity: Required", "spec.capacity: NotSupported"]],
    ["spec.capacity", { storage: "0" }, ["spec.capacity[storage]: Invalid"]],
    ["spec.capacity", { storage: "1", cpu: "1" }, ["spec.capacity: NotSupported"]],
    ["spec.persistentVolumeReclaimPolicy", "Keep", ["spec.persistentVolumeReclaimPolicy: NotSupported"]],
    ["spec.hostPath", undefined, ["spec: Required"]],
    ["spec.nfs", { server: "s", path: "/" }, ["spec.nfs: Forbidden"]],
    ["spec.hostPath.path", "/a/../b", ["spec.hostPath.path: Invalid"]],
    ["spec.storageClassName", "A", ["spec.storageClassName: Invalid"]],
    ["spec.volumeMode", "Tape", ["spec.volumeMode: NotSupported"]],
    ["spec.volumeAttributesClassName", "", ["spec.volumeAttributesClassName: Required", "spec.csi: Required"]],
    ["spec", local, ["spec.nodeAffinity: Required"]],
    ["spec", { ...local, nodeAffinity: affinity("kubernetes.io/hostname") }, []],
    ["spec", { ...local, nodeAffinity: {} }, ["spec.nodeAffinity.required: Required"]],
    [
      "spec",
      { ...good.spec, hostPath: { path: "/" }, persistentVolumeReclaimPolicy: "Recycle" },
      ["spec.persistentVolumeReclaimPolicy: Forbidden"],
    ],
    [
      "spec",
      { ...good.spec, hostPath: undefined, csi: { driver: "d", nodePublishSecretRef: { name: "s" } } },
      ["spec.csi.volumeHandle: Required", "spec.csi.nodePublishSecretRef.namespace: Required"],
    ],
    ["spec", { ...good.spec, hostPath: undefined, vsphereVolume: {} }, ["spec.vsphereVolume.volumePath: Required"]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(persistentVolumeStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test.each<[string, (next: PersistentVolume) => unknown, string[]]>([
    ["claim", (next) => (next.spec.claimRef = { name: "c", namespace: "n" }), []],
    ["size", (next) => (next.spec.capacity = { storage: "2Gi" }), []],
    ["reclaim policy", (next) => (next.spec.persistentVolumeReclaimPolicy = "Delete"), []],
    ["place", (next) => (next.spec.hostPath = { path: "/other" }), ["spec.persistentvolumesource: Forbidden"]],
    ["mode", (next) => (next.spec.volumeMode = "Block"), ["volumeMode: Invalid"]],
  ])("a change of its %s", (_, change, faults) => {
    expect(
      updateFaults(persistentVolumeStrategy, created<PersistentVolume>(persistentVolumeStrategy, good), change),
    ).toEqual(faults);
  });

  test("its nodes stay but for labels that have a new name", () => {
    const zone = "failure-domain.beta.kubernetes.io/zone";
    const current = created<PersistentVolume>(
      persistentVolumeStrategy,
      withValue(good, "spec.nodeAffinity", affinity(zone)),
    );
    const to = (key: string) =>
      updateFaults(persistentVolumeStrategy, current, (next) => (next.spec.nodeAffinity = affinity(key) as never));
    expect(to(zone)).toEqual([]);
    expect(to("topology.kubernetes.io/zone")).toEqual([]);
    expect(to("other")).toEqual(["nodeAffinity: Invalid"]);
  });

  test("starts pending, and notes when its phase changes", () => {
    const volume = created<PersistentVolume>(persistentVolumeStrategy, good);
    expect(volume.status).toEqual({ phase: "Pending", lastPhaseTransitionTime: "2026-01-02T03:04:05Z" });
    const old: PersistentVolume = {
      ...volume,
      metadata: { ...metadata, resourceVersion: "1" },
      status: { phase: "Pending", lastPhaseTransitionTime: "2020-01-01T00:00:00Z" },
    };
    const time = (status: PersistentVolume["status"]) =>
      updated(persistentVolumeStrategy, old, (next) => (next.status = status), "status").status
        ?.lastPhaseTransitionTime;
    expect(time({ phase: "Pending" })).toBe("2020-01-01T00:00:00Z");
    expect(time({ phase: "Available" })).toBe("2026-01-02T03:04:05Z");
    expect(time({ phase: "Available", lastPhaseTransitionTime: "2021-01-01T00:00:00Z" })).toBe("2021-01-01T00:00:00Z");
  });

  test("warns of old annotations, policies and sources", () => {
    const volume = withValue(withValue(good, "spec.persistentVolumeReclaimPolicy", "Recycle"), "spec.storageos", {});
    const annotations = { "volume.beta.kubernetes.io/storage-class": "c" };
    const old = { ...volume, metadata: { ...metadata, annotations } } as unknown as PersistentVolume;
    expect(persistentVolumeStrategy.warnings?.(old)).toEqual([
      'metadata.annotations[volume.beta.kubernetes.io/storage-class]: deprecated since v1.8; use "storageClassName" attribute instead',
      "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.",
      "spec.storageOS: deprecated in v1.22, non-functional in v1.25+",
    ]);
  });
});

describe("PersistentVolumeClaim", () => {
  const good = {
    metadata: { name: "x", namespace: "n" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  const make = (spec: object = {}) =>
    created<PersistentVolumeClaim>(persistentVolumeClaimStrategy, { ...good, spec: { ...good.spec, ...spec } });

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.accessModes", [], ["spec.accessModes: Required"]],
    ["spec.accessModes", ["ReadWriteOncePod", "ReadOnlyMany"], ["spec.accessModes: Forbidden"]],
    ["spec.resources", {}, ["spec.resources[storage]: Required"]],
    ["spec.resources.requests.storage", "-1", ["spec.resources[storage]: Invalid"]],
    ["spec.storageClassName", "A", ["spec.storageClassName: Invalid"]],
    ["spec.volumeMode", "Tape", ["spec.volumeMode: NotSupported"]],
    [
      "spec.dataSource",
      { kind: "PersistentVolumeClaim" },
      ["spec.dataSource.name: Required", "spec.dataSourceRef.name: Required"],
    ],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(persistentVolumeClaimStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("starts pending, whatever status it comes with", () => {
    const claim = created<PersistentVolumeClaim>(persistentVolumeClaimStrategy, {
      ...good,
      status: { phase: "Bound" },
    });
    expect(claim.status).toEqual({ phase: "Pending" });
  });

  test("its data source has two names", () => {
    const claim = { kind: "PersistentVolumeClaim", name: "c" };
    const custom = { apiGroup: "example.com", kind: "Archive", name: "a" };
    expect(make({ dataSource: claim }).spec.dataSourceRef).toEqual(claim);
    expect(make({ dataSourceRef: custom }).spec.dataSource).toEqual(custom);
    expect(make({ dataSource: custom }).spec).not.toHaveProperty("dataSource");
    const elsewhere = make({ dataSourceRef: { ...claim, namespace: "other" } });
    expect(elsewhere.spec).not.toHaveProperty("dataSourceRef");
  });

  test("is bound once, and grows when it is", () => {
    const pending = make();
    const bound: PersistentVolumeClaim = { ...pending, status: { phase: "Bound", capacity: { storage: "1Gi" } } };
    const to = (current: PersistentVolumeClaim, storage: string) =>
      updateFaults(persistentVolumeClaimStrategy, current, (next) => {
        next.spec.resources = { requests: { storage } };
      });
    expect(updateFaults(persistentVolumeClaimStrategy, pending, (next) => (next.spec.volumeName = "v"))).toEqual([]);
    expect(to(bound, "2Gi")).toEqual([]);
    expect(to(pending, "2Gi")).toEqual(["spec: Forbidden"]);
    expect(to(bound, "512Mi")).toEqual(["spec.resources.requests.storage: Forbidden"]);
  });
});

describe("StorageClass", () => {
  const good = { metadata, provisioner: "example.com/disk" };
  const term = (key: string, ...values: string[]) => ({ matchLabelExpressions: [{ key, values }] });

  test.each<[string, unknown, string[]]>([
    ["parameters", { a: "b" }, []],
    ["provisioner", "", ["provisioner: Required"]],
    ["provisioner", "a/b/c", ["provisioner: Invalid"]],
    ["parameters", { "": "b" }, ["parameters: Invalid"]],
    ["parameters", { a: "b".repeat(256 * 1024) }, ["parameters: TooLong"]],
    ["reclaimPolicy", "Recycle", ["reclaimPolicy: NotSupported"]],
    ["volumeBindingMode", "Later", ["volumeBindingMode: NotSupported"]],
    ["allowedTopologies", [term("zone", "a", "b")], []],
    [
      "allowedTopologies",
      [term("zone", "a"), term("zone", "a")],
      ["allowedTopologies[1].matchLabelExpressions: Duplicate"],
    ],
    ["allowedTopologies", [term("zone")], ["allowedTopologies[0].matchLabelExpressions[0].values: Required"]],
  ])("with %s = %#", (path, value, faults) => {
    expect(createFaults(storageClassStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("keeps how it makes volumes", () => {
    const current = created<StorageClass>(storageClassStrategy, good);
    const faults = (change: (next: StorageClass) => unknown) => updateFaults(storageClassStrategy, current, change);
    expect(faults((next) => (next.allowVolumeExpansion = true))).toEqual([]);
    expect(faults((next) => (next.parameters = { a: "b" }))).toEqual(["parameters: Invalid"]);
    expect(faults((next) => (next.reclaimPolicy = "Retain"))).toEqual(["reclaimPolicy: Invalid"]);
  });
});

describe("VolumeAttributesClass", () => {
  const good = { metadata, driverName: "d", parameters: { iops: "1" } };

  test("has a driver and at least one parameter, for ever", () => {
    expect(createFaults(volumeAttributesClassStrategy, good)).toEqual([]);
    expect(createFaults(volumeAttributesClassStrategy, { metadata })).toEqual([
      "driverName: Required",
      "parameters: Required",
    ]);
    const change = (next: typeof good) => (next.parameters.iops = "2");
    expect(updateFaults(volumeAttributesClassStrategy, good, change as never)).toEqual(["parameters: Forbidden"]);
  });
});

describe("CSIDriver", () => {
  const make = (spec: object = {}) => created<CSIDriver>(csiDriverStrategy, { metadata, spec });

  test.each<[object, string[]]>([
    [{}, []],
    [{ fsGroupPolicy: "All" }, ["spec.fsGroupPolicy: NotSupported"]],
    [{ volumeLifecycleModes: ["Short"] }, ["spec.volumeLifecycleModes: NotSupported"]],
    [{ tokenRequests: [{ audience: "a" }, { audience: "a" }] }, ["spec.tokenRequests[1].audience: Duplicate"]],
    [{ tokenRequests: [{ expirationSeconds: 599 }] }, ["spec.tokenRequests[0].expirationSeconds: Invalid"]],
    [{ serviceAccountTokenInSecrets: true }, ["spec.serviceAccountTokenInSecrets: Invalid"]],
    [{ nodeAllocatableUpdatePeriodSeconds: 9 }, ["spec.nodeAllocatableUpdatePeriodSeconds: Invalid"]],
  ])("%j", (spec, faults) => expect(createFaults(csiDriverStrategy, { metadata, spec })).toEqual(faults));

  test("keeps whether it attaches, and counts other changes", () => {
    expect(updateFaults(csiDriverStrategy, make(), (next) => (next.spec.attachRequired = false))).toEqual([
      "spec.attachedRequired: Invalid",
    ]);
    const changed = updated(csiDriverStrategy, make(), (next) => (next.spec.podInfoOnMount = true));
    expect(changed.metadata.generation).toBe(1);
    expect(updated(csiDriverStrategy, make(), () => undefined).metadata.generation).toBeUndefined();
  });

  test("does not know fields of features that are off", () => {
    expect(make({ preventPodSchedulingIfMissing: true }).spec).not.toHaveProperty("preventPodSchedulingIfMissing");
  });
});

describe("CSINode", () => {
  const driver = { name: "d.example.com", nodeID: "1", topologyKeys: ["zone"], allocatable: { count: 5 } };

  test.each<[object, string[]]>([
    [driver, []],
    [{ name: "d" }, ["spec.drivers[0].nodeID: Required"]],
    [{ ...driver, nodeID: "x".repeat(257) }, ["spec.drivers[0].nodeID: Invalid"]],
    [{ ...driver, allocatable: { count: -1 } }, ["spec.drivers[0].allocatable.count: Invalid"]],
    [{ ...driver, topologyKeys: ["a", "a"] }, ["spec.drivers[0]: Duplicate"]],
  ])("%j", (one, faults) => {
    expect(createFaults(csiNodeStrategy, { metadata, spec: { drivers: [one] } })).toEqual(faults);
  });

  test("a driver changes only in how many volumes it takes", () => {
    const current: CSINode = { metadata, spec: { drivers: [driver] } };
    const to = (one: object) =>
      updateFaults(csiNodeStrategy, current, (next) => (next.spec.drivers = [{ ...driver, ...one }]));
    expect(to({ allocatable: { count: 6 } })).toEqual([]);
    expect(to({ nodeID: "2" })).toEqual(["spec.drivers: Invalid"]);
    expect(to({ name: "other" })).toEqual([]);
  });
});

describe("CSIStorageCapacity", () => {
  test("has a class and a place, for ever", () => {
    const current: CSIStorageCapacity = { metadata, storageClassName: "c", nodeTopology: {}, capacity: "1Gi" };
    expect(createFaults(csiStorageCapacityStrategy, current)).toEqual([]);
    expect(createFaults(csiStorageCapacityStrategy, { ...current, capacity: "-1" })).toEqual(["capacity: Invalid"]);
    const faults = (change: (next: CSIStorageCapacity) => unknown) =>
      updateFaults(csiStorageCapacityStrategy, current, change);
    expect(faults((next) => (next.capacity = "2Gi"))).toEqual([]);
    expect(faults((next) => (next.storageClassName = "d"))).toEqual(["storageClassName: Invalid"]);
    expect(faults((next) => delete next.nodeTopology)).toEqual(["nodeTopology: Invalid"]);
  });
});

describe("VolumeAttachment", () => {
  const good = { metadata, spec: { attacher: "d", nodeName: "n", source: { persistentVolumeName: "v" } } };
  const inline = { csi: { driver: "d", volumeHandle: "h" }, accessModes: ["ReadWriteOnce"] };

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.attacher", "", ["spec.attacher: Required"]],
    ["spec.nodeName", "N", ["spec.nodeName: Invalid"]],
    ["spec.source", {}, ["spec.source: Required"]],
    ["spec.source.inlineVolumeSpec", inline, ["spec.source: Forbidden"]],
    ["spec.source", { inlineVolumeSpec: inline }, []],
    [
      "spec.source",
      { inlineVolumeSpec: { ...inline, capacity: { storage: "1" } } },
      ["spec.source.inlineVolumeSpec.capacity: Forbidden"],
    ],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(volumeAttachmentStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("keeps what is attached where; its status keeps its labels", () => {
    const current = created<VolumeAttachment>(volumeAttachmentStrategy, good);
    expect(updateMessages(volumeAttachmentStrategy, current, (next) => (next.spec.nodeName = "m"))).toEqual([
      'spec: Invalid value: {"attacher":"d","nodeName":"m","source":{"persistentVolumeName":"v"}}: field is immutable',
    ]);
    const next = structuredClone(current);
    next.metadata.labels = { a: "b" };
    next.status = { attached: true };
    volumeAttachmentStrategy.subresources?.["status"]?.prepareForUpdate?.(next, current, context);
    expect(next).toMatchObject({ status: { attached: true } });
    expect(next.metadata.labels).toBeUndefined();
  });
});
