import { describe, expect, test } from "vitest";
import { resources } from "#pkg/api/schema/resources.ts";
import { gvkOfType } from "#pkg/api/schema/schema.ts";
import { tableColumns, tableConverter } from "./tables.ts";

const now = Date.UTC(2026, 0, 2, 12);

function keyOf(typeName: string) {
  const gvk = gvkOfType(typeName);
  if (!gvk) throw new Error(`${typeName} is no kind`);
  return gvk;
}

const columnText = (typeName: string) =>
  tableColumns(keyOf(typeName))
    .map((one) => `${one.name}${one.priority ? "*" : ""}`)
    .join(" | ");

describe("tableColumns", () => {
  // Names and order are those of upstream's printers.
  test.each([
    ["core/v1.PodTemplate", "Name | Containers | Images | Pod Labels"],
    ["policy/v1.PodDisruptionBudget", "Name | Min Available | Max Unavailable | Allowed Disruptions | Age"],
    ["apps/v1.ReplicaSet", "Name | Desired | Current | Ready | Age | Containers* | Images* | Selector*"],
    [
      "apps/v1.DaemonSet",
      "Name | Desired | Current | Ready | Up-to-date | Available | Node Selector | Age | Containers* | Images* | Selector*",
    ],
    ["batch/v1.Job", "Name | Status | Completions | Duration | Age | Containers* | Images* | Selector*"],
    [
      "batch/v1.CronJob",
      "Name | Schedule | Timezone | Suspend | Active | Last Schedule | Age | Containers* | Images* | Selector*",
    ],
    ["core/v1.Service", "Name | Type | Cluster-IP | External-IP | Port(s) | Age | Selector*"],
    [
      "core/v1.Event",
      "Last Seen | Type | Reason | Object | Subobject* | Source* | Message | First Seen* | Count* | Name*",
    ],
    [
      "core/v1.Node",
      "Name | Status | Roles | Age | Version | Internal-IP* | External-IP* | OS-Image* | Kernel-Version* | Container-Runtime*",
    ],
    [
      "core/v1.PersistentVolume",
      "Name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age | VolumeMode*",
    ],
    ["scheduling/v1.PriorityClass", "Name | Value | Global-Default | Age | PreemptionPolicy"],
    ["rbac/v1.Role", "Name | Created At"],
    ["core/v1.LimitRange", "Name | Created At"],
    ["apiextensions/v1.CustomResourceDefinition", "Name | Created At"],
    ["apiregistration/v1.APIService", "Name | Service | Available | Age"],
  ])("%s: %s", (typeName, expected) => {
    expect(columnText(typeName)).toBe(expected);
  });

  test("every kind that is stored has as many cells as columns, even for an empty object", () => {
    for (const resource of resources) {
      const converter = tableConverter(resource, { now: () => now });
      const cells = converter.cells({ metadata: { name: "x" } });
      expect(cells, resource.kind).toHaveLength(converter.columns.length);
      expect(cells, resource.kind).not.toContain(undefined);
      expect(
        converter.columns.some((one) => one.format === "name"),
        resource.kind,
      ).toBe(true);
    }
  });

  test("the kinds of the same name in two groups are told apart", () => {
    expect(tableColumns({ group: "example.com", version: "v1", kind: "Pod" }).map((one) => one.name)).toEqual([
      "Name",
      "Created At",
    ]);
    expect(tableColumns({ group: "constructor", version: "v1", kind: "toString" })).toHaveLength(2);
  });
});
