import { describe, expect, test } from "vitest";
import { rowOf } from "./testing/row-of.ts";

describe("tables of nodes, events and configuration", () => {
  const rows: [typeName: string, what: string, object: object, cells: unknown[]][] = [
    ["core/v1.Secret", "", { type: "Opaque", data: { a: "", b: "" } }, ["x", "Opaque", 2, "5m"]],
    ["core/v1.ConfigMap", "", { data: { a: "" }, binaryData: { b: "" } }, ["x", 2, "5m"]],
    ["core/v1.Namespace", "", { status: { phase: "Active" } }, ["x", "Active", "5m"]],
    [
      "core/v1.ResourceQuota",
      "",
      { status: { hard: { pods: "5", "limits.cpu": "2", cpu: "1" }, used: { pods: "1", cpu: "500m" } } },
      ["x", "cpu: 500m/1, pods: 1/5", "limits.cpu: 0/2", "5m"],
    ],
    ["coordination/v1.Lease", "", { spec: { holderIdentity: "me" } }, ["x", "me", "5m"]],
    ["scheduling/v1.PriorityClass", "", { value: 10, preemptionPolicy: "Never" }, ["x", 10, false, "5m", "Never"]],
    [
      "core/v1.ComponentStatus",
      "",
      { conditions: [{ type: "Healthy", status: "False", message: "m", error: "e" }] },
      ["x", "Unhealthy", "m", "e"],
    ],
  ];

  test.each(rows)("%s %s", (typeName, _, object, cells) => {
    expect(rowOf(typeName, object)).toEqual(cells);
  });

  test("nodes: condition, cordon, roles, addresses", () => {
    const labels = {
      "node-role.kubernetes.io/worker": "",
      "node-role.kubernetes.io/control-plane": "",
      "kubernetes.io/role": "gpu",
    };
    const object = {
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "False" }],
        addresses: [
          { type: "Hostname", address: "n" },
          { type: "InternalIP", address: "10.0.0.1" },
        ],
        nodeInfo: {
          kubeletVersion: "v1.36.0",
          osImage: "Debian",
          kernelVersion: "6.1",
          containerRuntimeVersion: "containerd://2",
        },
      },
    };
    expect(rowOf("core/v1.Node", object, { labels })).toEqual([
      "x",
      "NotReady,SchedulingDisabled",
      "control-plane,gpu,worker",
      "5m",
      "v1.36.0",
      "10.0.0.1",
      "<none>",
      "Debian",
      "6.1",
      "containerd://2",
    ]);
    expect(rowOf("core/v1.Node", {}).slice(1, 3)).toEqual(["Unknown", "<none>"]);
  });

  test("events of both groups show the same", () => {
    const about = { kind: "Pod", name: "p", fieldPath: "spec.containers{a}" };
    const expected = ["60s", "Normal", "Pulled", "pod/p", "spec.containers{a}", "kubelet, n1", "done", "2m", 3, "x"];
    const old = {
      involvedObject: about,
      firstTimestamp: "2026-01-02T11:58:00Z",
      lastTimestamp: "2026-01-02T11:59:00Z",
      count: 3,
      type: "Normal",
      reason: "Pulled",
      message: " done\n",
      source: { component: "kubelet", host: "n1" },
    };
    expect(rowOf("core/v1.Event", old)).toEqual(expected);
    const fresh = {
      regarding: about,
      eventTime: "2026-01-02T11:58:00.000000Z",
      series: { count: 3, lastObservedTime: "2026-01-02T11:59:00.000000Z" },
      type: "Normal",
      reason: "Pulled",
      note: "done",
      reportingController: "kubelet",
      reportingInstance: "n1",
    };
    expect(rowOf("events/v1.Event", fresh)).toEqual(expected);
  });
});
