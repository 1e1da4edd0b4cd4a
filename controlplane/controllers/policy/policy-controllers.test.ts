/** Quotas, aggregated roles and service ranges on a fake API. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Pod, ResourceQuota } from "#pkg/api/core/v1.ts";
import type { PolicyRule } from "#pkg/api/rbac/v1.ts";
import { resources } from "#pkg/kube/resources.ts";
import { ControllerHarness, discoverBuiltIn } from "../testing/controller-harness.ts";
import { startClusterRoleAggregationController } from "./cluster-role-aggregation-controller.ts";
import { startResourceQuotaController } from "./resource-quota-controller.ts";
import { startServiceCidrController } from "./service-cidr-controller.ts";

let harness: ControllerHarness;

beforeEach(() => {
  harness = new ControllerHarness();
});
afterEach(() => harness[Symbol.asyncDispose]());

describe("startResourceQuotaController", () => {
  const used = () => harness.api.peek(resources.resourceQuotas, "a", "q")?.status?.used;

  async function makeQuota(hard: Record<string, string>, spec: Partial<ResourceQuota["spec"]> = {}): Promise<void> {
    const metadata = { name: "q", namespace: "a" };
    const quota: ResourceQuota = { apiVersion: "v1", kind: "ResourceQuota", metadata, spec: { hard, ...spec } };
    await harness.client.resourceQuotas.in("a").create(quota);
    await harness.settle();
  }

  async function makePod(name: string, cpu: string): Promise<void> {
    const containers = [{ name: "c", resources: { requests: { cpu } } }];
    const pod: Pod = { apiVersion: "v1", kind: "Pod", metadata: { name, namespace: "a" }, spec: { containers } };
    await harness.client.pods.in("a").create(pod);
  }

  beforeEach(() => harness.run((context) => startResourceQuotaController(context, discoverBuiltIn)));

  test("counts what is there, and again when something goes or finishes", async () => {
    for (const name of ["p1", "p2", "p3"]) await makePod(name, "250m");
    await makeQuota({ pods: "10", "requests.cpu": "1", "count/secrets": "5" });
    expect(used()).toEqual({ pods: "3", "requests.cpu": "750m", "count/secrets": "0" });
    await harness.client.pods.in("a").delete("p1");
    await harness.settle();
    expect(used()).toMatchObject({ pods: "2", "requests.cpu": "500m" });
    const body = { status: { phase: "Succeeded" } };
    await harness.client.pods.in("a").patch("p2", { type: "merge", body }, { subresource: "status" });
    await harness.settle();
    expect(used()).toMatchObject({ pods: "1", "requests.cpu": "250m" });
  });

  test("a quota that limits more than before is counted anew", async () => {
    await makePod("p1", "1");
    await makeQuota({ pods: "10" });
    expect(used()).toEqual({ pods: "1" });
    const body = { spec: { hard: { "requests.cpu": "4" } } };
    await harness.client.resourceQuotas.in("a").patch("q", { type: "merge", body });
    await harness.settle();
    expect(used()).toEqual({ pods: "1", "requests.cpu": "1" });
  });

  test("only pods of its scopes count", async () => {
    await makePod("p1", "1");
    await makeQuota({ pods: "10" }, { scopes: ["BestEffort"] });
    expect(used()).toEqual({ pods: "0" });
  });
});

describe("startClusterRoleAggregationController", () => {
  const rule = (resource: string): PolicyRule => ({ apiGroups: [""], resources: [resource], verbs: ["get"] });
  const makeRole = (name: string, labels: Record<string, string>, rules: PolicyRule[]) =>
    harness.client.clusterRoles.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name, labels },
      rules,
    });

  test("a role has the rules of those it selects, each once, and follows them", async () => {
    await harness.run(startClusterRoleAggregationController);
    const selector = { matchLabels: { "to-view": "true" } };
    await harness.client.clusterRoles.create({
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: "view", labels: { "to-view": "true" } },
      aggregationRule: { clusterRoleSelectors: [selector] },
      rules: [],
    });
    await makeRole("b", { "to-view": "true" }, [rule("pods"), rule("secrets")]);
    await makeRole("a", { "to-view": "true" }, [rule("pods")]);
    await makeRole("c", {}, [rule("nodes")]);
    await harness.settle();
    const rules = () => harness.api.peek(resources.clusterRoles, "", "view")?.rules;
    expect(rules()).toEqual([rule("pods"), rule("secrets")]);
    await harness.client.clusterRoles.delete("b");
    await harness.settle();
    expect(rules()).toEqual([rule("pods")]);
  });
});

describe("startServiceCidrController", () => {
  const cidr = (name: string) => harness.api.peek(resources.serviceCIDRs, "", name);
  const ready = (name: string) => cidr(name)?.status?.conditions?.find(({ type }) => type === "Ready");
  const make = (name: string, ...cidrs: string[]) =>
    harness.client.serviceCIDRs.create({
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name },
      spec: { cidrs },
    });

  test("a range is ready; it goes when no address is in it alone, and not at once", async () => {
    await harness.run(startServiceCidrController);
    await make("one", "10.0.0.0/24");
    await harness.settle();
    expect(ready("one")?.status).toBe("True");
    await harness.client.ipAddresses.create({
      apiVersion: "networking.k8s.io/v1",
      kind: "IPAddress",
      metadata: { name: "10.0.0.7" },
      spec: { parentRef: { resource: "services", namespace: "a", name: "s" } },
    });
    await harness.client.serviceCIDRs.delete("one");
    await harness.settle(20_000);
    expect(ready("one")).toMatchObject({ status: "False", reason: "Terminating" });
    await make("two", "10.0.0.0/16");
    await harness.settle();
    expect(cidr("one")).toBeUndefined();
  });

  test("an empty range waits ten seconds for those who give out addresses", async () => {
    await harness.run(startServiceCidrController);
    await make("one", "10.0.0.0/24");
    await harness.settle();
    await harness.client.serviceCIDRs.delete("one");
    await harness.settle(5_000);
    expect(cidr("one")).toBeDefined();
    await harness.settle(6_000);
    expect(cidr("one")).toBeUndefined();
  });
});
