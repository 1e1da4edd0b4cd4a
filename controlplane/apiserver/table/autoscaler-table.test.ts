import { describe, expect, test } from "vitest";
import { rowOf } from "./testing/row-of.ts";

describe("table of autoscalers", () => {
  const rows: [typeName: string, what: string, object: object, cells: unknown[]][] = [
    [
      "autoscaling/v1.HorizontalPodAutoscaler",
      "",
      {
        spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 5, targetCPUUtilizationPercentage: 80 },
        status: { currentReplicas: 2, currentCPUUtilizationPercentage: 40 },
      },
      ["x", "Deployment/d", "cpu: 40%/80%", "<unset>", 5, 2, "5m"],
    ],
    [
      "autoscaling/v2.HorizontalPodAutoscaler",
      "of many metrics",
      {
        spec: {
          scaleTargetRef: { kind: "Deployment", name: "d" },
          minReplicas: 1,
          maxReplicas: 5,
          metrics: [
            { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } },
            { type: "External", external: { target: { averageValue: "5" } } },
            { type: "Pods", pods: { target: { averageValue: "5" } } },
          ],
        },
        status: { currentMetrics: [{ type: "Resource", resource: { current: { averageValue: "2Gi" } } }] },
      },
      ["x", "Deployment/d", "memory: 2Gi/1Gi, <unknown>/5 (avg) + 1 more...", "1", 5, 0, "5m"],
    ],
  ];

  test.each(rows)("%s %s", (typeName, _, object, cells) => {
    expect(rowOf(typeName, object)).toEqual(cells);
  });
});
