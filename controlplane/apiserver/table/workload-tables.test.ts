import { describe, expect, test } from "vitest";
import { rowOf } from "./testing/row-of.ts";

const template = {
  metadata: { labels: { app: "x" } },
  spec: {
    containers: [
      { name: "a", image: "a:1" },
      { name: "b", image: "b:2" },
    ],
    nodeSelector: { disk: "ssd" },
  },
};
const selector = { matchLabels: { app: "x" }, matchExpressions: [{ key: "tier", operator: "In", values: ["b", "a"] }] };

describe("tables of workloads", () => {
  const rows: [typeName: string, what: string, object: object, cells: unknown[]][] = [
    [
      "core/v1.ReplicationController",
      "with the labels of its selector",
      { spec: { replicas: 3, selector: { b: "2", a: "1" }, template }, status: { replicas: 2, readyReplicas: 1 } },
      ["x", 3, 2, 1, "5m", "a,b", "a:1,b:2", "a=1,b=2"],
    ],
    [
      "apps/v1.ReplicaSet",
      "with the text of its selector",
      { spec: { replicas: 3, selector, template }, status: { replicas: 2 } },
      ["x", 3, 2, 0, "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "apps/v1.Deployment",
      "",
      {
        spec: { replicas: 3, selector, template },
        status: { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
      },
      ["x", "2/3", 1, 2, "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "apps/v1.Deployment",
      "with a broken selector",
      { spec: { selector: { matchExpressions: [{ key: "a", operator: "Zap" }] } } },
      ["x", "0/0", 0, 0, "5m", "", "", "<invalid>"],
    ],
    [
      "apps/v1.StatefulSet",
      "",
      { spec: { replicas: 3, template }, status: { readyReplicas: 1 } },
      ["x", "1/3", "5m", "a,b", "a:1,b:2"],
    ],
    [
      "apps/v1.DaemonSet",
      "",
      {
        spec: { selector, template },
        status: {
          desiredNumberScheduled: 5,
          currentNumberScheduled: 4,
          numberReady: 3,
          updatedNumberScheduled: 2,
          numberAvailable: 1,
        },
      },
      ["x", 5, 4, 3, 2, 1, "disk=ssd", "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "batch/v1.Job",
      "running",
      { spec: { completions: 3, template, selector }, status: { succeeded: 1, startTime: "2026-01-02T11:58:00Z" } },
      ["x", "Running", "1/3", "2m", "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "batch/v1.Job",
      "complete",
      {
        spec: {},
        status: {
          succeeded: 1,
          startTime: "2026-01-02T11:58:00Z",
          completionTime: "2026-01-02T11:58:30Z",
          conditions: [{ type: "Complete", status: "True" }],
        },
      },
      ["x", "Complete", "1/1", "30s", "5m", "", "", "<none>"],
    ],
    [
      "batch/v1.Job",
      "with a work queue, failed",
      { spec: { parallelism: 4 }, status: { conditions: [{ type: "Failed", status: "True" }] } },
      ["x", "Failed", "0/1 of 4", "", "5m", "", "", "<none>"],
    ],
    [
      "batch/v1.CronJob",
      "",
      {
        spec: { schedule: "* * * * *", suspend: false, jobTemplate: { spec: { template } } },
        status: { active: [{}], lastScheduleTime: "2026-01-02T11:59:30Z" },
      },
      ["x", "* * * * *", "<none>", "False", 1, "30s", "5m", "a,b", "a:1,b:2", "<none>"],
    ],
    [
      "policy/v1.PodDisruptionBudget",
      "",
      { spec: { minAvailable: "50%" }, status: { disruptionsAllowed: 2 } },
      ["x", "50%", "N/A", 2, "5m"],
    ],
  ];

  test.each(rows)("%s %s", (typeName, _, object, cells) => {
    expect(rowOf(typeName, object)).toEqual(cells);
  });

  test("a revision names its controller with kind and group", () => {
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "s", uid: "u", controller: true }];
    expect(rowOf("apps/v1.ControllerRevision", { revision: 2 }, { ownerReferences })).toEqual([
      "x",
      "statefulset.apps/s",
      2,
      "5m",
    ]);
  });

  test("a job that is deleted is terminating", () => {
    expect(rowOf("batch/v1.Job", {}, { deletionTimestamp: "2026-01-02T11:55:00Z" })[1]).toBe("Terminating");
  });
});
