import { describe, expect, test } from "vitest";
import type { ClusterRole, ClusterRoleBinding, RoleBinding } from "#pkg/api/rbac/v1.ts";
import { clusterRoleBindingStrategy, clusterRoleStrategy, roleBindingStrategy, roleStrategy } from "./rbac.ts";
import { created, createFaults, createMessages, updateMessages } from "./testing/judge.ts";

const group = "rbac.authorization.k8s.io";
const metadata = { name: "system:x" };
const rule = { verbs: ["get"], apiGroups: [""], resources: ["pods"] };
const urls = { verbs: ["get"], nonResourceURLs: ["/healthz"] };

describe.each([
  ["Role", roleStrategy],
  ["ClusterRole", clusterRoleStrategy],
  ["RoleBinding", roleBindingStrategy],
  ["ClusterRoleBinding", clusterRoleBindingStrategy],
])("%s", (_, strategy) => {
  test("may be named with colons and capital letters, not with slashes", () => {
    expect(strategy.validateName?.("system:Node", false)).toEqual([]);
    expect(strategy.validateName?.("a/b", false)).toEqual(["may not contain '/'"]);
  });
});

describe("Role", () => {
  test.each<[object, string[]]>([
    [{}, []],
    [{ rules: [rule] }, []],
    [{ rules: [{ ...rule, verbs: [] }] }, ["rules[0].verbs: Required"]],
    [{ rules: [{ verbs: ["get"] }] }, ["rules[0].apiGroups: Required", "rules[0].resources: Required"]],
    [{ rules: [rule, urls] }, ["rules[1].nonResourceURLs: Invalid"]],
  ])("%j", (fields, faults) => expect(createFaults(roleStrategy, { metadata, ...fields })).toEqual(faults));
});

describe("ClusterRole", () => {
  test.each<[object, string[]]>([
    [{ rules: [urls] }, []],
    [
      { rules: [{ ...urls, ...rule }] },
      [
        'rules[0].nonResourceURLs: Invalid value: ["/healthz"]: rules cannot apply to both regular resources and non-resource URLs',
      ],
    ],
    [{ aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: "b" } }] } }, []],
    [
      { aggregationRule: {} },
      [
        "aggregationRule.clusterRoleSelectors: Required value: at least one clusterRoleSelector required if aggregationRule is non-nil",
      ],
    ],
    [
      { aggregationRule: { clusterRoleSelectors: [{ matchExpressions: [{ key: "a", operator: "In" }] }] } },
      [
        "aggregationRule.clusterRoleSelectors[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      ],
    ],
  ])("%j", (fields, messages) =>
    expect(createMessages(clusterRoleStrategy, { metadata, ...fields })).toEqual(messages),
  );

  test("an update is judged alike", () => {
    const current: ClusterRole = { metadata, rules: [rule] };
    expect(updateMessages(clusterRoleStrategy, current, (next) => next.rules?.push({ verbs: [] }))).toHaveLength(3);
  });
});

describe("bindings", () => {
  const roleRef = { apiGroup: group, kind: "ClusterRole", name: "view" };

  test.each<[object, string[]]>([
    [{ roleRef, subjects: [{ kind: "User", name: "u" }] }, []],
    [{ roleRef: { ...roleRef, apiGroup: "" } }, []],
    [{ roleRef: { ...roleRef, apiGroup: "x" } }, ["roleRef.apiGroup: NotSupported"]],
    [{ roleRef: { ...roleRef, kind: "Pod" } }, ["roleRef.kind: NotSupported"]],
    [{ roleRef: { ...roleRef, name: "" } }, ["roleRef.name: Required"]],
    [{ roleRef: { ...roleRef, name: "a/b" } }, ["roleRef.name: Invalid"]],
    [{ roleRef, subjects: [{ kind: "Group", name: "g", apiGroup: "x" }] }, ["subjects[0].apiGroup: NotSupported"]],
    [{ roleRef, subjects: [{ kind: "Robot", name: "r" }] }, ["subjects[0].kind: NotSupported"]],
    [{ roleRef, subjects: [{ kind: "User" }] }, ["subjects[0].name: Required"]],
    [
      { roleRef, subjects: [{ kind: "ServiceAccount", name: "A", namespace: "n", apiGroup: group }] },
      ["subjects[0].name: Invalid", "subjects[0].apiGroup: NotSupported"],
    ],
  ])("%j", (fields, faults) => {
    expect(createFaults(roleBindingStrategy, { metadata, ...fields })).toEqual(faults);
    expect(createFaults(clusterRoleBindingStrategy, { metadata, ...fields })).toEqual(faults);
  });

  test("in the cluster bind cluster roles only, and say where service accounts live", () => {
    const binding = {
      metadata,
      roleRef: { ...roleRef, kind: "Role" },
      subjects: [{ kind: "ServiceAccount", name: "a" }],
    };
    expect(createFaults(roleBindingStrategy, binding)).toEqual([]);
    expect(createFaults(clusterRoleBindingStrategy, binding)).toEqual([
      "roleRef.kind: NotSupported",
      "subjects[0].namespace: Required",
    ]);
  });

  test("keep their role", () => {
    const change = (next: RoleBinding | ClusterRoleBinding) => (next.roleRef = { ...roleRef, name: "admin" });
    const message =
      'roleRef: Invalid value: {"apiGroup":"rbac.authorization.k8s.io","kind":"ClusterRole","name":"admin"}: cannot change roleRef';
    for (const strategy of [roleBindingStrategy, clusterRoleBindingStrategy]) {
      const current = created<RoleBinding | ClusterRoleBinding>(strategy, { metadata, roleRef });
      expect(updateMessages(strategy, current, change)).toEqual([message]);
      expect(updateMessages(strategy, current, (next) => (next.subjects = []))).toEqual([]);
    }
  });
});
