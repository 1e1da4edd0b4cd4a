import { describe, expect, test } from "vitest";
import type { Pod, ResourceQuota } from "../core/v1.ts";
import { formatAmounts } from "./amounts.ts";
import { countName, quotaApplies, quotaEvaluatorFor } from "./evaluator.ts";

const now = Date.UTC(2026, 0, 1);
const evaluator = (group: string, resource: string) => {
  const found = quotaEvaluatorFor(group, resource);
  if (!found) throw new Error(`${resource} is not counted`);
  return found;
};
const usageOf = (group: string, resource: string, object: object) =>
  formatAmounts(evaluator(group, resource).usage({ metadata: {}, ...object }, now));

describe("quotaEvaluatorFor", () => {
  test("counts any kind by its name, and old ones by their old name too", () => {
    expect(countName("batch", "jobs")).toBe("count/jobs.batch");
    expect(usageOf("batch", "jobs", {})).toEqual({ "count/jobs.batch": "1" });
    expect(usageOf("", "secrets", {})).toEqual({ "count/secrets": "1", secrets: "1" });
    expect(usageOf("example.com", "secrets", {})).toEqual({ "count/secrets.example.com": "1" });
  });

  test.each([
    ["", "events"],
    ["events.k8s.io", "events"],
    ["", "bindings"],
    ["authentication.k8s.io", "tokenreviews"],
  ])("does not count %s %s", (group, resource) => {
    expect(quotaEvaluatorFor(group, resource)).toBeUndefined();
  });
});

describe("the evaluator of pods", () => {
  const container = (requests: object, limits: object) => ({ name: "c", resources: { requests, limits } });

  test("adds up sidecars and the hungriest init step, overhead included", () => {
    const spec = {
      overhead: { cpu: "100m" },
      initContainers: [
        { ...container({ cpu: "200m" }, {}), restartPolicy: "Always" },
        { ...container({ cpu: "3" }, { cpu: "3" }), name: "i" },
      ],
      containers: [container({ cpu: "1" }, { cpu: "2" })],
    };
    expect(usageOf("", "pods", { spec })).toMatchObject({
      "requests.cpu": "3300m",
      cpu: "3300m",
      pods: "1",
      "count/pods": "1",
    });
  });

  test.each([
    ["has failed", { status: { phase: "Failed" } }],
    ["has succeeded", { status: { phase: "Succeeded" } }],
    [
      "should long be gone",
      { metadata: { deletionTimestamp: "2025-12-31T23:59:00Z", deletionGracePeriodSeconds: 30 } },
    ],
  ])("counts only the object of a pod that %s", (_what, more) => {
    expect(usageOf("", "pods", { spec: { containers: [container({ cpu: "1" }, {})] }, ...more })).toEqual({
      "count/pods": "1",
    });
  });

  test("still counts a pod within its grace period", () => {
    const metadata = { deletionTimestamp: "2025-12-31T23:59:45Z", deletionGracePeriodSeconds: 30 };
    expect(usageOf("", "pods", { metadata, spec: { containers: [] } })).toMatchObject({ pods: "1" });
  });

  test.each([
    ["pods", true],
    ["limits.ephemeral-storage", true],
    ["requests.hugepages-1Gi", true],
    ["requests.nvidia.com/gpu", true],
    ["requests.deviceclass.resource.kubernetes.io/fast", true],
    ["nvidia.com/gpu", false],
    ["requests.storage", false],
    ["requests.kubernetes.io/x", false],
    ["services", false],
  ])("counts for %s: %s", (name, counts) => {
    expect(evaluator("", "pods").counts(name)).toBe(counts);
  });
});

describe("the evaluator of claims", () => {
  test("charges in whole bytes, and for the larger of what is asked for and what was promised", () => {
    const spec = { resources: { requests: { storage: "1500m" } } };
    expect(usageOf("", "persistentvolumeclaims", { spec })["requests.storage"]).toBe("2");
    const grown = {
      spec: { resources: { requests: { storage: "1Gi" } } },
      status: { allocatedResources: { storage: "2Gi" } },
    };
    expect(usageOf("", "persistentvolumeclaims", grown)["requests.storage"]).toBe("2Gi");
  });
});

describe("quotaApplies", () => {
  const pod: Pod = { metadata: {}, spec: { containers: [] } };
  const quota = (hard: Record<string, string>, spec: ResourceQuota["spec"] = {}): ResourceQuota => ({
    metadata: {},
    spec,
    status: { hard },
  });

  test("wants a name the kind counts for, and all scopes", () => {
    const pods = evaluator("", "pods");
    expect(quotaApplies(quota({ pods: "1" }), pods, pod)).toBe(true);
    expect(quotaApplies(quota({ services: "1" }), pods, pod)).toBe(false);
    expect(quotaApplies(quota({ pods: "1" }, { scopes: ["BestEffort"] }), pods, pod)).toBe(true);
    expect(quotaApplies(quota({ pods: "1" }, { scopes: ["BestEffort", "Terminating"] }), pods, pod)).toBe(false);
    expect(quotaApplies(quota({ secrets: "1" }, { scopes: ["BestEffort"] }), evaluator("", "secrets"), pod)).toBe(
      false,
    );
  });
});
