import { beforeEach, describe, expect, test } from "vitest";
import { createAuthorizer } from "../authz/create-authorizer.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { roleEscalation } from "./role-escalation.ts";
import { type TestRequest, whyRefused } from "./testing/request.ts";

const group = "rbac.authorization.k8s.io";
const pods = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
const secrets = { verbs: ["get"], apiGroups: [""], resources: ["secrets"] };
let objects: MemoryObjects;
let plugin: AdmissionPlugin;

beforeEach(() => {
  objects = new MemoryObjects();
  plugin = roleEscalation(createAuthorizer({ reader: objects }).escalation);
  objects.put(group, "clusterroles", { metadata: { name: "pod-reader" }, rules: [pods] });
  objects.put(group, "clusterroles", { metadata: { name: "secret-reader" }, rules: [secrets] });
  objects.put(group, "clusterrolebindings", {
    metadata: { name: "jane" },
    roleRef: { kind: "ClusterRole", name: "pod-reader" },
    subjects: [{ kind: "User", name: "jane" }],
  });
});

const judge = (request: TestRequest) => whyRefused(plugin, request);
const granting =
  /^user "jane" \(groups=\["system:authenticated"\]\) is attempting to grant RBAC permissions not currently held:\n/;

describe("RoleEscalation", () => {
  test("lets users pass on what they hold and no more", async () => {
    const create = (what: string, object: object) => judge({ what: `CREATE ${what}.${group} shop/r`, object });
    expect(await create("roles", { rules: [pods] })).toBe("");
    expect(await create("roles", { rules: [pods, secrets] })).toMatch(granting);
    expect(await create("rolebindings", { roleRef: { kind: "ClusterRole", name: "pod-reader" } })).toBe("");
    expect(await create("rolebindings", { roleRef: { kind: "ClusterRole", name: "secret-reader" } })).toMatch(granting);
  });

  test("holds for cluster roles and their bindings", async () => {
    const create = (what: string, object: object) => judge({ what: `CREATE ${what}.${group} r`, object });
    expect(await create("clusterroles", { rules: [secrets] })).toMatch(granting);
    expect(await create("clusterrolebindings", { roleRef: { kind: "ClusterRole", name: "secret-reader" } })).toMatch(
      granting,
    );
  });

  test("lets the garbage collector finish with roles beyond its rights", async () => {
    const old = { metadata: { finalizers: ["x"], ownerReferences: [{ name: "o" }] }, rules: [secrets] };
    const update = (object: object) => judge({ what: `UPDATE roles.${group} shop/r`, oldObject: old, object });
    expect(await update({ metadata: {}, rules: [secrets] })).toBe("");
    expect(await update({ metadata: { labels: { a: "b" } }, rules: [secrets] })).toMatch(granting);
  });

  test("wants full rights for an aggregation rule, whether it comes, stays or goes", async () => {
    const aggregating = { rules: [], aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } };
    const refusal = "must have cluster-admin privileges to use the aggregationRule";
    expect(await judge({ what: `CREATE clusterroles.${group} r`, object: aggregating })).toBe(refusal);
    const what = `UPDATE clusterroles.${group} r`;
    expect(await judge({ what, oldObject: aggregating, object: { rules: [] } })).toBe(refusal);
    const all = [
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
      { verbs: ["*"], nonResourceURLs: ["*"] },
    ];
    objects.put(group, "clusterroles", { metadata: { name: "pod-reader" }, rules: all });
    expect(await judge({ what: `CREATE clusterroles.${group} r`, object: aggregating })).toBe("");
  });
});
