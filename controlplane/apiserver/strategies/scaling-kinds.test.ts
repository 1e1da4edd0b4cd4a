import { describe, expect, test } from "vitest";
import type { HorizontalPodAutoscaler } from "#pkg/api/autoscaling/v2.ts";
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import { horizontalPodAutoscalerStrategy } from "./horizontal-pod-autoscaler.ts";
import { podDisruptionBudgetStrategy } from "./pod-disruption-budget.ts";
import { created, createFaults, createMessages, updateFaults, withValue } from "./testing/judge.ts";

const metadata = { name: "x", namespace: "n" };

describe("PodDisruptionBudget", () => {
  test.each<[object, string[]]>([
    [{ minAvailable: 1, selector: {} }, []],
    [{ maxUnavailable: "25%", unhealthyPodEvictionPolicy: "AlwaysAllow" }, []],
    [{ minAvailable: 1, maxUnavailable: 1 }, ["spec: Invalid"]],
    [{ minAvailable: -1 }, ["spec.minAvailable: Invalid"]],
    [{ minAvailable: "101%" }, ["spec.minAvailable: Invalid"]],
    [{ maxUnavailable: "some" }, ["spec.maxUnavailable: Invalid"]],
    [
      { selector: { matchExpressions: [{ key: "a", operator: "Is" }] } },
      ["spec.selector.matchExpressions[0].operator: Invalid"],
    ],
    [{ unhealthyPodEvictionPolicy: "Never" }, ["spec.unhealthyPodEvictionPolicy: NotSupported"]],
  ])("%j", (spec, faults) => expect(createFaults(podDisruptionBudgetStrategy, { metadata, spec })).toEqual(faults));

  test("counts no fewer than none in its status", () => {
    const current: PodDisruptionBudget = { metadata, spec: {} };
    const change = (next: PodDisruptionBudget) => {
      next.status = { disruptionsAllowed: -1, currentHealthy: 0, conditions: [{ type: "", status: "" }] as never };
    };
    const faults = updateFaults(podDisruptionBudgetStrategy, current, change, "status");
    expect(faults).toContain("status.disruptionsAllowed: Invalid");
    expect(faults).toContain("status.conditions[0].status: NotSupported");
    expect(faults).not.toContain("status.currentHealthy: Invalid");
  });
});

describe("HorizontalPodAutoscaler", () => {
  const good = {
    metadata,
    spec: {
      scaleTargetRef: { apiVersion: "apps/v1", kind: "Deployment", name: "d" },
      maxReplicas: 5,
      metrics: [
        { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 50 } } },
      ],
    },
  };
  const metric = (one: object) => withValue(good, "spec.metrics", [one]);
  const value = { type: "Value", value: "1" };
  const at = "spec.metrics[0]";

  test.each<[object, string[]]>([
    [good, []],
    [withValue(good, "spec.metrics", undefined), []],
    [withValue(good, "spec.maxReplicas", undefined), ["spec.maxReplicas: Required", "spec.maxReplicas: Invalid"]],
    [withValue(good, "spec.maxReplicas", -1), ["spec.maxReplicas: Invalid", "spec.maxReplicas: Invalid"]],
    [withValue(good, "spec.minReplicas", 6), ["spec.maxReplicas: Invalid"]],
    [withValue(good, "spec.minReplicas", 0), ["spec.minReplicas: Invalid", "spec.metrics: Forbidden"]],
    [withValue(good, "spec.scaleTargetRef.kind", ""), ["spec.scaleTargetRef.kind: Required"]],
    [withValue(good, "spec.scaleTargetRef.name", "a/b"), ["spec.scaleTargetRef.name: Invalid"]],
    [withValue(good, "spec.scaleTargetRef.apiVersion", "v1"), ["spec.scaleTargetRef.apiVersion: Invalid"]],
    [withValue(good, "spec.scaleTargetRef", { apiVersion: "v1", kind: "ReplicationController", name: "r" }), []],
    [metric({ type: "Magic" }), [`${at}.type: NotSupported`, `${at}.type: NotSupported`]],
    [metric({ type: "Pods" }), [`${at}.pods: Required`]],
    [
      metric({ type: "Pods", pods: { metric: { name: "m" }, target: value } }),
      [`${at}.pods.target.averageValue: Required`],
    ],
    [metric({ type: "External", external: { metric: {}, target: value } }), [`${at}.external.metric.name: Required`]],
    [
      metric({ type: "External", external: { metric: { name: "m" }, target: { ...value, averageValue: "1" } } }),
      [`${at}.external.target.value: Forbidden`],
    ],
    [
      metric({
        type: "Object",
        object: { describedObject: { kind: "Pod", name: "p" }, metric: { name: "m" }, target: value },
      }),
      [],
    ],
    [
      metric({ type: "Resource", resource: { name: "cpu", target: { type: "Share", averageUtilization: 0 } } }),
      [`${at}.resource.target.type: Invalid`, `${at}.resource.target.averageUtilization: Invalid`],
    ],
    [
      metric({ type: "Resource", resource: { target: { type: "Value", value: "0" } } }),
      [
        `${at}.resource.name: Required`,
        `${at}.resource.target.value: Invalid`,
        `${at}.resource.target.averageUtilization: Required`,
      ],
    ],
    [
      metric({
        type: "ContainerResource",
        containerResource: { name: "x", container: "C", target: { type: "Utilization", averageUtilization: 1 } },
      }),
      [
        `${at}.containerResource.name: Invalid`,
        `${at}.containerResource.name: Invalid`,
        `${at}.containerResource.container: Invalid`,
      ],
    ],
    [
      metric({ ...good.spec.metrics[0], pods: { metric: { name: "m" }, target: value } }),
      [`${at}.pods.target.averageValue: Required`, `${at}.pods: Forbidden`],
    ],
  ])("case %#", (object, faults) => expect(createFaults(horizontalPodAutoscalerStrategy, object)).toEqual(faults));

  const policy = { type: "Pods", value: 1, periodSeconds: 60 };
  const rules = (one: object) => withValue(good, "spec.behavior", { scaleUp: one });

  test.each<[object, string[]]>([
    [rules({}), []],
    [rules({ policies: [policy], tolerance: "0.1" }), []],
    [rules({ stabilizationWindowSeconds: -1 }), ["stabilizationWindowSeconds: Invalid"]],
    [rules({ stabilizationWindowSeconds: 3601 }), ["stabilizationWindowSeconds: Invalid"]],
    [rules({ selectPolicy: "All" }), ["selectPolicy: NotSupported"]],
    [rules({ policies: [] }), ["policies: Required"]],
    [rules({ policies: [{ ...policy, type: "Nodes" }] }), ["policies[0].type: NotSupported"]],
    [rules({ policies: [{ ...policy, value: 0 }] }), ["policies[0].value: Invalid"]],
    [rules({ policies: [{ ...policy, periodSeconds: 1801 }] }), ["policies[0].periodSeconds: Invalid"]],
    [rules({ tolerance: "-1" }), ["tolerance: Invalid"]],
  ])("behavior case %#", (object, faults) => {
    const expected = faults.map((fault) => `spec.behavior.scaleUp.${fault}`);
    expect(createFaults(horizontalPodAutoscalerStrategy, object)).toEqual(expected);
  });

  test("the texts are upstream's", () => {
    expect(createMessages(horizontalPodAutoscalerStrategy, withValue(good, "spec.minReplicas", 0))).toEqual([
      "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
      "spec.metrics: Forbidden: must specify at least one Object or External metric to support scaling to zero replicas",
    ]);
  });

  test("a target without a group stays, a new one is refused", () => {
    const old = created<HorizontalPodAutoscaler>(
      horizontalPodAutoscalerStrategy,
      withValue(good, "spec.scaleTargetRef.apiVersion", "v1"),
    );
    const faults = (change: (next: HorizontalPodAutoscaler) => void) =>
      updateFaults(horizontalPodAutoscalerStrategy, old, change);
    expect(faults((next) => (next.spec.scaleTargetRef.name = "e"))).toEqual([]);
    expect(faults((next) => (next.spec.scaleTargetRef.kind = "ReplicaSet"))).toEqual([
      "spec.scaleTargetRef.apiVersion: Invalid",
    ]);
  });

  test("counts no fewer than none in its status", () => {
    const current = created<HorizontalPodAutoscaler>(horizontalPodAutoscalerStrategy, good);
    const change = (next: HorizontalPodAutoscaler) => (next.status = { desiredReplicas: -1, currentReplicas: -1 });
    expect(updateFaults(horizontalPodAutoscalerStrategy, current, change, "status")).toEqual([
      "status.currentReplicas: Invalid",
      "status.desiredReplicas: Invalid",
    ]);
  });
});
