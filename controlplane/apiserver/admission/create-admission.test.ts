import { describe, expect, test } from "vitest";
import { StatusError } from "#pkg/api/status.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { createAuthorizer } from "../authz/create-authorizer.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { createAdmission } from "./create-admission.ts";
import { createAdmissionChain } from "./create-admission-chain.ts";
import { makeAttributes } from "./testing/request.ts";

const request = makeAttributes({ what: "CREATE pods shop/web", object: {} });

describe("createAdmission", () => {
  test("runs what changes and what judges in their order, and only what handles the request", async () => {
    const seen: string[] = [];
    const plugin = (name: string, handles = true): AdmissionPlugin => ({
      name,
      handles: () => handles,
      mutate: async () => void seen.push(`mutate ${name}`),
      validate: async () => void seen.push(`validate ${name}`),
    });
    const { mutate, ...judge } = plugin("judge");
    const admission = createAdmission([plugin("a"), plugin("b", false), judge, plugin("c")]);
    await admission.mutate(request);
    await admission.validate(request);
    expect(seen).toEqual(["mutate a", "mutate c", "validate a", "validate judge", "validate c"]);
  });

  test("passes a refusal on and ends there", async () => {
    const refusal = StatusError.forbidden({ group: "", resource: "pods" }, "web", "no");
    const after = { name: "after", handles: () => true, validate: async () => expect.unreachable() };
    const admission = createAdmission([
      { name: "a", handles: () => true, validate: () => Promise.reject(refusal) },
      after,
    ]);
    await expect(admission.validate(request)).rejects.toBe(refusal);
  });

  const fail = (): never => {
    throw new Error("boom");
  };
  test.each<[string, Partial<AdmissionPlugin>]>([
    ["handles", { handles: fail }],
    ["mutate", { mutate: async () => fail() }],
  ])("refuses when a plugin breaks in %s", async (_where, broken) => {
    const admission = createAdmission([{ name: "Broken", handles: () => true, mutate: async () => {}, ...broken }]);
    await expect(admission.mutate(request)).rejects.toMatchObject({
      code: 500,
      message: "Internal error occurred: admission plugin Broken failed: boom",
    });
  });
});

describe("createAdmissionChain", () => {
  const objects = new MemoryObjects();
  const authorizer = createAuthorizer({ reader: objects });
  const ports = {
    reader: objects,
    writer: objects,
    clock: new FakeClock(),
    random: systemRandom,
    authorizer,
    escalation: authorizer.escalation,
  };

  test("lets a plain pod through and fills in what upstream fills in", async () => {
    objects.put("", "namespaces", { metadata: { name: "shop" }, status: { phase: "Active" } });
    objects.put("", "serviceaccounts", { metadata: { namespace: "shop", name: "default" } });
    const attributes = makeAttributes({
      what: "CREATE pods shop/web",
      object: { spec: { containers: [{ name: "c" }] } },
    });
    const admission = createAdmissionChain({}, ports);
    await admission.mutate(attributes);
    await admission.validate(attributes);
    expect(attributes.object?.["spec"]).toMatchObject({
      serviceAccountName: "default",
      priority: 0,
      preemptionPolicy: "PreemptLowerPriority",
      tolerations: [{ key: "node.kubernetes.io/not-ready" }, { key: "node.kubernetes.io/unreachable" }],
      volumes: [{ name: expect.stringMatching(/^kube-api-access-[a-z0-9]{5}$/) }],
    });
  });

  test("runs plugins of later work before quota", async () => {
    objects.put("", "resourcequotas", {
      metadata: { namespace: "shop", name: "q" },
      status: { hard: { configmaps: "0" }, used: { configmaps: "0" } },
    });
    const seen: string[] = [];
    const later = { name: "Later", handles: () => true, validate: async () => void seen.push("later") };
    const admission = createAdmissionChain({}, { ...ports, webhooksAndPolicies: [later] });
    const attributes = makeAttributes({ what: "CREATE configmaps shop/c", object: {} });
    await expect(admission.validate(attributes)).rejects.toThrow("exceeded quota");
    expect(seen).toEqual(["later"]);
  });

  test("leaves out what is disabled and knows the names", async () => {
    const admission = createAdmissionChain({ disabledPlugins: ["NamespaceLifecycle"] }, ports);
    await admission.mutate(makeAttributes({ what: "CREATE configmaps nowhere/c", object: {} }));
    expect(() => createAdmissionChain({ disabledPlugins: ["Namespacelifecycle"] }, ports)).toThrow(
      /no admission plugin "Namespacelifecycle"; there are RoleEscalation, NamespaceLifecycle, LimitRanger/,
    );
  });
});
