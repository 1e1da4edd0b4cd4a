import { describe, expect, test } from "vitest";
import type { ResourceQuota } from "#pkg/api/core/v1.ts";
import { limitRangeStrategy, resourceQuotaStrategy } from "./resource-quota.ts";
import { created, createFaults, createMessages, updateFaults } from "./testing/judge.ts";

const metadata = { name: "x", namespace: "n" };

describe("ResourceQuota", () => {
  const selector = (one: object) => ({ hard: { pods: "1" }, scopeSelector: { matchExpressions: [one] } });
  const at = "spec.scopeSelector.matchExpressions";

  test.each<[object, string[]]>([
    [{ hard: { cpu: "1", "requests.memory": "1Gi", pods: "10", "count/deployments.apps": "5" } }, []],
    [{ hard: { pods: "-1" } }, ["spec.hard[pods]: Invalid"]],
    [{ hard: { pods: "1500m" } }, ["spec.hard[pods]: Invalid"]],
    [{ hard: { gpus: "1" } }, ["spec.hard[gpus]: Invalid", "spec.hard[gpus]: Invalid"]],
    [{ hard: { pods: "1" }, scopes: ["BestEffort"] }, []],
    [{ hard: { cpu: "1" }, scopes: ["BestEffort"] }, ["spec.scopes: Invalid"]],
    [{ scopes: ["Some"] }, ["spec.scopes: Invalid"]],
    [{ scopes: ["Terminating", "NotTerminating"] }, ["spec.scopes: Invalid"]],
    [selector({ scopeName: "PriorityClass", operator: "In", values: ["high"] }), []],
    [selector({ scopeName: "PriorityClass", operator: "In" }), [`${at}.values: Required`]],
    [selector({ scopeName: "PriorityClass", operator: "Exists", values: ["a"] }), [`${at}.values: Invalid`]],
    [selector({ scopeName: "BestEffort", operator: "In", values: ["a"] }), [`${at}.operator: Invalid`]],
    [selector({ scopeName: "Some", operator: "Exists" }), [`${at}.scopeName: Invalid`]],
    [selector({ scopeName: "VolumeAttributesClass", operator: "Exists" }), [`${at}: Invalid`]],
  ])("%j", (spec, faults) => expect(createFaults(resourceQuotaStrategy, { metadata, spec })).toEqual(faults));

  test("keeps its scopes", () => {
    const current = created<ResourceQuota>(resourceQuotaStrategy, { metadata, spec: { scopes: ["BestEffort"] } });
    const faults = (change: (next: ResourceQuota) => unknown) => updateFaults(resourceQuotaStrategy, current, change);
    expect(faults((next) => (next.spec.hard = { pods: "1" }))).toEqual([]);
    expect(faults((next) => (next.spec.scopes = []))).toEqual(["spec.scopes: Invalid"]);
  });

  test("its status is a sum of real things", () => {
    const current = created<ResourceQuota>(resourceQuotaStrategy, {
      metadata: { ...metadata, resourceVersion: "1" },
      spec: {},
    });
    const change = (next: ResourceQuota) => (next.status = { hard: { pods: "1" }, used: { pods: "-1" } });
    expect(updateFaults(resourceQuotaStrategy, current, change, "status")).toEqual(["status.used[pods]: Invalid"]);
  });

  test("warns when more may be asked for than may be used", () => {
    const warn = (hard: Record<string, string>) => resourceQuotaStrategy.warnings?.({ metadata, spec: { hard } });
    expect(warn({ cpu: "2", "limits.cpu": "1" })).toEqual(["ResourceQuota cpu (2) should be less than limits.cpu (1)"]);
    expect(warn({ "requests.cpu": "1", "limits.cpu": "1" })).toEqual([]);
    expect(warn({ cpu: "2" })).toEqual([]);
  });
});

describe("LimitRange", () => {
  const item = (one: object) => ({ metadata, spec: { limits: [{ type: "Container", ...one }] } });
  const at = "spec.limits[0]";

  test.each<[object, string[]]>([
    [item({ max: { cpu: "2" }, min: { cpu: "1" } }), []],
    [item({ type: "Thing" }), [`${at}.type: Invalid`]],
    [item({ type: "example.com/thing", max: { storage: "1" } }), []],
    [
      item({ max: { pods: "1" } }),
      [`${at}.max[pods]: Invalid`, `${at}.default[pods]: Invalid`, `${at}.defaultRequest[pods]: Invalid`],
    ],
    [item({ type: "Pod", default: { cpu: "1" } }), [`${at}.default: Forbidden`]],
    [item({ type: "PersistentVolumeClaim" }), [`${at}.limits: Required`]],
    [item({ type: "PersistentVolumeClaim", min: { storage: "1" } }), []],
    [item({ maxLimitRequestRatio: { cpu: "500m" } }), [`${at}.maxLimitRequestRatio[cpu]: Invalid`]],
    [
      item({ min: { cpu: "1" }, max: { cpu: "2" }, maxLimitRequestRatio: { cpu: "3" } }),
      [`${at}.maxLimitRequestRatio[cpu]: Invalid`],
    ],
    [
      item({ default: { "example.com/gpu": "2" }, defaultRequest: { "example.com/gpu": "1" } }),
      [`${at}.defaultRequest[example.com/gpu]: Invalid`],
    ],
  ])("%j", (object, faults) => expect(createFaults(limitRangeStrategy, object)).toEqual(faults));

  test("one item for each type", () => {
    const limits = [{ type: "Pod" }, { type: "Pod" }];
    expect(createFaults(limitRangeStrategy, { metadata, spec: { limits } })).toEqual([
      "spec.limits[1].type: Duplicate",
    ]);
  });

  test.each<[object, string]>([
    [
      { type: "Pod", min: { cpu: "2" }, max: { cpu: "1" } },
      'min[cpu]: Invalid value: "2": min value 2 is greater than max value 1',
    ],
    [
      { default: { cpu: "2" }, defaultRequest: { cpu: "1" }, max: { cpu: "1" } },
      'default[cpu]: Invalid value: "1": default value 2 is greater than max value 1',
    ],
    [
      { default: { cpu: "1" }, defaultRequest: { cpu: "2" } },
      'defaultRequest[cpu]: Invalid value: "2": default request value 2 is greater than default limit value 1',
    ],
  ])("bounds in order: %j", (one, message) => {
    expect(createMessages(limitRangeStrategy, item(one))).toEqual([`${at}.${message}`]);
  });
});
