import { describe, expect, test } from "vitest";
import type { FlowSchema, PolicyRulesWithSubjects } from "#pkg/api/flowcontrol/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { classifyFlow, rankFlowSchemas } from "./classify-flow.ts";
import { FlowDirectory } from "./flow-directory.ts";
import { fakeContext, fakeRequest } from "./testing/fake-request.ts";

const everything = { verbs: ["*"], apiGroups: ["*"], resources: ["*"], clusterScope: true, namespaces: ["*"] };

function schema(name: string, matchingPrecedence: number, ...rules: PolicyRulesWithSubjects[]): FlowSchema {
  return {
    metadata: { name, uid: `uid-${name}` },
    spec: { matchingPrecedence, priorityLevelConfiguration: { name: "level" }, rules },
  };
}

const schemas = rankFlowSchemas([
  schema("catch-all", 10_000, {
    subjects: [{ kind: "Group", group: { name: "*" } }],
    resourceRules: [everything],
    nonResourceRules: [{ verbs: ["*"], nonResourceURLs: ["*"] }],
  }),
  schema("probes", 2, {
    subjects: [{ kind: "Group", group: { name: "system:unauthenticated" } }],
    nonResourceRules: [{ verbs: ["get"], nonResourceURLs: ["/healthz", "/livez*"] }],
  }),
  schema("leases", 100, {
    subjects: [
      { kind: "User", user: { name: "system:kube-scheduler" } },
      { kind: "ServiceAccount", serviceAccount: { namespace: "kube-system", name: "*" } },
      { kind: "ServiceAccount", serviceAccount: { namespace: "a", name: "b" } },
    ],
    resourceRules: [
      { verbs: ["get", "update"], apiGroups: ["coordination.k8s.io"], resources: ["leases"], namespaces: ["*"] },
    ],
  }),
  schema("cluster", 100, {
    subjects: [{ kind: "User", user: { name: "*" } }],
    resourceRules: [{ verbs: ["*"], apiGroups: [""], resources: ["nodes/status"], clusterScope: true }],
  }),
]);

const lease = "/apis/coordination.k8s.io/v1/namespaces/x/leases/l";

describe("classifyFlow", () => {
  test.each([
    ["system:kube-scheduler", lease, "leases"],
    ["system:serviceaccount:kube-system:any", lease, "leases"],
    ["system:serviceaccount:a:b", lease, "leases"],
    ["system:serviceaccount:a:c", lease, "catch-all"],
    ["somebody", lease, "catch-all"],
    ["somebody", "/api/v1/nodes/n/status", "cluster"],
    ["somebody", "/api/v1/nodes/n", "catch-all"],
    ["somebody", "/livez/ping", "probes"],
    ["somebody", "/readyz", "catch-all"],
  ])("%s asking %s falls under %s", (name, path, wanted) => {
    const { info } = fakeContext(fakeRequest("GET", path));
    const user = { name, groups: ["system:unauthenticated"] };
    expect(classifyFlow(schemas, user, info)?.metadata.name).toBe(wanted);
  });
});

describe("FlowDirectory", () => {
  test("knows of changes, and of levels without a limit", async () => {
    const objects = new MemoryObjects();
    using directory = new FlowDirectory(objects);
    const context = fakeContext(fakeRequest("GET", lease));
    expect(directory.flowOf(context)).toBeUndefined();
    const group = "flowcontrol.apiserver.k8s.io";
    await objects.create(group, "flowschemas", schemas.at(-1) as unknown as KubeObject);
    const flow = directory.flowOf(context);
    expect(flow).toMatchObject({ levelUid: "", isExempt: false });
    const level = { metadata: { name: "level" }, spec: { type: "Exempt" } };
    await objects.create(group, "prioritylevelconfigurations", level);
    expect(directory.flowOf(context)).toMatchObject({ schemaUid: flow?.schemaUid, isExempt: true });
  });
});
