import { describe, expect, test } from "vitest";
import { rowOf } from "./testing/row-of.ts";

describe("tables of storage", () => {
  const rows: [typeName: string, what: string, object: object, cells: unknown[]][] = [
    [
      "core/v1.PersistentVolume",
      "",
      {
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteMany", "ReadWriteOnce"],
          persistentVolumeReclaimPolicy: "Retain",
          claimRef: { namespace: "d", name: "c" },
          storageClassName: "fast",
          volumeMode: "Filesystem",
        },
        status: { phase: "Bound" },
      },
      ["x", "1Gi", "RWO,RWX", "Retain", "Bound", "d/c", "fast", "<unset>", "", "5m", "Filesystem"],
    ],
    [
      "core/v1.PersistentVolumeClaim",
      "that is bound",
      {
        spec: { volumeName: "v", storageClassName: "fast" },
        status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOncePod"] },
      },
      ["x", "Bound", "v", "1Gi", "RWOP", "fast", "<unset>", "5m", "<unset>"],
    ],
    [
      "core/v1.PersistentVolumeClaim",
      "that waits",
      { spec: {}, status: { phase: "Pending" } },
      ["x", "Pending", "", "", "", "", "<unset>", "5m", "<unset>"],
    ],
    [
      "storage/v1.VolumeAttachment",
      "",
      { spec: { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } }, status: { attached: true } },
      ["x", "a", "v", "n", true, "5m"],
    ],
    [
      "storage/v1.CSIDriver",
      "",
      {
        spec: {
          attachRequired: false,
          tokenRequests: [{ audience: "a" }, { audience: "b" }],
          volumeLifecycleModes: ["Persistent"],
        },
      },
      ["x", false, false, false, "a,b", false, "Persistent", "5m"],
    ],
    ["storage/v1.CSINode", "", { spec: { drivers: [{}, {}] } }, ["x", 2, "5m"]],
  ];

  test.each(rows)("%s %s", (typeName, _, object, cells) => {
    expect(rowOf(typeName, object)).toEqual(cells);
  });

  test("a class that is the default says so", () => {
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    const cells = ["x (default)", "p", "Delete", "Immediate", false, "5m"];
    expect(rowOf("storage/v1.StorageClass", { provisioner: "p" }, { annotations })).toEqual(cells);
  });

  test("a claim that is deleted is terminating", () => {
    const metadata = { deletionTimestamp: "2026-01-02T11:55:00Z" };
    expect(rowOf("core/v1.PersistentVolumeClaim", { status: { phase: "Bound" } }, metadata)[1]).toBe("Terminating");
  });
});
