import { describe, expect, test } from "vitest";
import type { Node } from "#pkg/api/core/v1.ts";
import { nodeStrategy } from "./node.ts";
import {
  created,
  createFaults,
  createMessages,
  updated,
  updateFaults,
  updateMessages,
  withValue,
} from "./testing/judge.ts";

const good = {
  metadata: { name: "n" },
  spec: {
    podCIDRs: ["10.0.0.0/24", "fd00::/64"],
    providerID: "p",
    taints: [{ key: "a", value: "b", effect: "NoSchedule" }],
  },
  status: {
    capacity: { cpu: "2", "example.com/gpu": "1" },
    addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
    declaredFeatures: ["Abc", "Abc/def"],
  },
};

describe("Node", () => {
  test.each<[string, unknown, string[]]>([
    ["metadata.labels", { a: "b" }, []],
    ["spec.taints.0.key", "a b", ["metadata.taints[0].key: Invalid"]],
    ["spec.taints.0.effect", "", ["metadata.taints[0].effect: Required"]],
    ["spec.taints.0.effect", "Never", ["metadata.taints[0].effect: NotSupported"]],
    ["spec.taints", [good.spec.taints[0], { key: "a", effect: "NoSchedule" }], ["metadata.taints[1]: Duplicate"]],
    ["spec.podCIDRs", ["10.0.0.0/24", "10.0.1.0/24"], ["spec.podCIDRs: Invalid"]],
    ["spec.podCIDRs", ["10.0.0.1/24"], ["spec.podCIDRs[0]: Invalid"]],
    ["status.capacity.cpu", "-1", ["status.capacity.cpu: Invalid", "status.allocatable.cpu: Invalid"]],
    ["status.allocatable", { "example.com/gpu": "500m" }, ["status.allocatable.example.com/gpu: Invalid"]],
    ["status.declaredFeatures", ["b"], ["status.declaredFeatures[0]: Invalid"]],
    ["status.declaredFeatures", ["B", "A"], ["status.declaredFeatures[1]: Invalid"]],
    ["status.declaredFeatures", ["B", "B"], ["status.declaredFeatures[1]: Duplicate"]],
    [
      "metadata.annotations",
      { "scheduler.alpha.kubernetes.io/preferAvoidPods": "{" },
      ["metadata.annotations.AvoidPods: Invalid"],
    ],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(nodeStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("the text about taints is upstream's", () => {
    const taint = { key: "a", effect: "NoSchedule" };
    expect(createMessages(nodeStrategy, withValue(good, "spec.taints", [taint, taint]))).toEqual([
      'metadata.taints[1]: Duplicate value: {"key":"a","effect":"NoSchedule"}: taints must be unique by key and effect pair',
    ]);
  });

  test.each<[string, (next: Node) => unknown, string[]]>([
    ["labels", (next) => (next.metadata.labels = { a: "b" }), []],
    ["unschedulable", (next) => (next.spec.unschedulable = true), []],
    ["providerID", (next) => (next.spec.providerID = "q"), ["spec.providerID: Forbidden"]],
    ["podCIDRs", (next) => (next.spec.podCIDRs = ["10.0.0.0/24"]), ["spec.podCIDRs: Forbidden"]],
    ["externalID", (next) => (next.spec.externalID = "x"), ["spec.externalID: Forbidden"]],
  ])("a change of %s", (_, change, faults) => {
    expect(updateFaults(nodeStrategy, created<Node>(nodeStrategy, good), change)).toEqual(faults);
  });

  test("gets its pod ranges and its provider id once", () => {
    const bare = created<Node>(nodeStrategy, { metadata: { name: "n" }, spec: {} });
    const change = (next: Node) => (next.spec = { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"], providerID: "p" });
    expect(updateFaults(nodeStrategy, bare, change)).toEqual([]);
  });

  test("an address stands once in the status", () => {
    const current = created<Node>(nodeStrategy, good);
    const change = (next: Node) => {
      const address = { type: "InternalIP", address: "10.0.0.1" } as const;
      next.status = { addresses: [address, { ...address }] };
    };
    expect(updateMessages(nodeStrategy, current, change, "status")).toEqual([
      'status.addresses[1]: Duplicate value: {"type":"InternalIP","address":"10.0.0.1"}',
    ]);
  });

  test("knows nothing of configuration by the server, a feature that is gone", () => {
    const configSource = { configMap: { namespace: "n", name: "c", kubeletConfigKey: "k" } };
    const node = created<Node>(nodeStrategy, { ...good, spec: { configSource }, status: { config: { error: "x" } } });
    expect(node).toMatchObject({ spec: {}, status: {} });
    expect(node.spec.configSource).toBeUndefined();
    expect(node.status?.config).toBeUndefined();
    const next = updated(nodeStrategy, node, (one) => (one.status = { config: { error: "x" } }), "status");
    expect(next.status?.config).toBeUndefined();
  });

  test("is registered with a status, and can be selected by whether pods may be put on it", () => {
    expect(nodeStrategy.keepsStatusOnCreate).toBe(true);
    const select = (spec: Node["spec"]) => nodeStrategy.selectableFields?.({ metadata: {}, spec });
    expect(select({})).toEqual({ "spec.unschedulable": "false" });
    expect(select({ unschedulable: true })).toEqual({ "spec.unschedulable": "true" });
  });

  test("warns of pod ranges that can be read in two ways", () => {
    const node = { metadata: {}, spec: { podCIDRs: ["10.0.0.1/24"], externalID: "x" } };
    expect(nodeStrategy.warnings?.(node)).toEqual([
      "spec.externalID: this field is deprecated, and is unused by Kubernetes",
      'spec.podCIDRs[0]: CIDR value "10.0.0.1/24" is ambiguous in this context (should be "10.0.0.0/24" or "10.0.0.1/32"?)',
    ]);
  });
});
