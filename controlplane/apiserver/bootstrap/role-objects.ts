/** The bootstrap roles and bindings as objects. Pure. */
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Role, RoleBinding, Subject } from "#pkg/api/rbac/v1.ts";
import { read, rule, writeEvents } from "../authz/rule-shorthand.ts";
import { aggregatedParts, componentRoles } from "./cluster-roles.ts";
import { controllerRoles } from "./controller-roles.ts";

const group = "rbac.authorization.k8s.io";
const controllerPrefix = "system:controller:";

/** Set to "false" by an administrator it keeps the server's hands off the object. */
export const autoUpdateAnnotation = "rbac.authorization.kubernetes.io/autoupdate";

export function bootstrapClusterRoles(): readonly ClusterRole[] {
  const plain = Object.entries(componentRoles).map(([name, rules]) => clusterRole(name, rules));
  const controllers = Object.entries(controllerRoles).map(([name, rules]) =>
    clusterRole(controllerPrefix + name, rules),
  );
  const parts = ["admin", "edit", "view"].map((level) => {
    const name = `system:aggregate-to-${level}`;
    return clusterRole(name, aggregatedParts[name] ?? [], [level]);
  });
  return [...aggregatedRoles(), ...parts, ...plain, ...controllers];
}

/** admin holds edit, which holds view. The rules are those the aggregation controller would write first. */
function aggregatedRoles(): readonly ClusterRole[] {
  const partOf = (level: string): readonly PolicyRule[] => aggregatedParts[`system:aggregate-to-${level}`] ?? [];
  const view = partOf("view");
  const edit = [...partOf("edit"), ...view];
  const admin = [...partOf("admin"), ...edit];
  const aggregated = (level: string, rules: readonly PolicyRule[], within: readonly string[]): ClusterRole => ({
    ...clusterRole(level, rules, within),
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregationLabels([level]) }] },
  });
  return [aggregated("admin", admin, []), aggregated("edit", edit, ["admin"]), aggregated("view", view, ["edit"])];
}

export function bootstrapClusterRoleBindings(): readonly ClusterRoleBinding[] {
  const [authenticated, unauthenticated] = [inGroup("system:authenticated"), inGroup("system:unauthenticated")];
  const own = [
    clusterBinding("cluster-admin", inGroup("system:masters")),
    clusterBinding("system:basic-user", authenticated),
    clusterBinding("system:discovery", authenticated),
    clusterBinding("system:kube-controller-manager", user("system:kube-controller-manager")),
    clusterBinding("system:kube-dns", account("kube-dns")),
    clusterBinding("system:kube-scheduler", user("system:kube-scheduler")),
    clusterBinding("system:monitoring", inGroup("system:monitoring")),
    // Nodes are allowed by the node authorizer; the binding stays for those who add a group of their own.
    clusterBinding("system:node"),
    clusterBinding("system:node-proxier", user("system:kube-proxy")),
    clusterBinding("system:public-info-viewer", authenticated, unauthenticated),
    clusterBinding("system:service-account-issuer-discovery", inGroup("system:serviceaccounts")),
    clusterBinding("system:volume-scheduler", user("system:kube-scheduler")),
    // Not upstream's: kubeadm makes one like it, so that the API server reaches logs and exec on kubelets.
    clusterBinding("system:kubelet-api-admin", user("kube-apiserver-kubelet-client")),
  ];
  const controllers = Object.keys(controllerRoles).map((name) =>
    clusterBinding(controllerPrefix + name, account(name)),
  );
  return [...own, ...controllers];
}

export function bootstrapRoles(): readonly Role[] {
  const leases = "coordination.k8s.io";
  const lock = [
    rule("create get list update watch", leases, "leases"),
    rule("create get list update watch", leases, "leasecandidates"),
  ];
  return [
    role("kube-public", `${controllerPrefix}bootstrap-signer`, [
      rule(read, "core", "configmaps"),
      rule("update", "core", "configmaps", "cluster-info"),
      writeEvents,
    ]),
    role("kube-system", "extension-apiserver-authentication-reader", [
      rule(read, "core", "configmaps", "extension-apiserver-authentication"),
    ]),
    role("kube-system", "system::leader-locking-kube-controller-manager", lock),
    role("kube-system", "system::leader-locking-kube-scheduler", lock),
    role("kube-system", `${controllerPrefix}bootstrap-signer`, [rule(read, "core", "secrets")]),
    role("kube-system", `${controllerPrefix}cloud-provider`, [rule("create get list watch", "core", "configmaps")]),
    role("kube-system", `${controllerPrefix}token-cleaner`, [
      rule("delete get list watch", "core", "secrets"),
      writeEvents,
    ]),
  ];
}

export function bootstrapRoleBindings(): readonly RoleBinding[] {
  const [manager, scheduler] = ["system:kube-controller-manager", "system:kube-scheduler"];
  const bind = (namespace: string, roleName: string, subjects: Subject[], name = roleName): RoleBinding => ({
    metadata: { ...bootstrapMetadata(name), namespace },
    roleRef: { apiGroup: group, kind: "Role", name: roleName },
    subjects,
  });
  const lock = "system::leader-locking-";
  return [
    bind("kube-public", `${controllerPrefix}bootstrap-signer`, [account("bootstrap-signer")]),
    bind(
      "kube-system",
      "extension-apiserver-authentication-reader",
      [user(manager), user(scheduler)],
      "system::extension-apiserver-authentication-reader",
    ),
    bind("kube-system", `${lock}kube-controller-manager`, [
      user(manager),
      account("kube-controller-manager"),
      account("leader-election-controller"),
    ]),
    bind("kube-system", `${lock}kube-scheduler`, [user(scheduler), account("kube-scheduler")]),
    bind("kube-system", `${controllerPrefix}bootstrap-signer`, [account("bootstrap-signer")]),
    bind("kube-system", `${controllerPrefix}cloud-provider`, [account("cloud-provider")]),
    bind("kube-system", `${controllerPrefix}token-cleaner`, [account("token-cleaner")]),
  ];
}

function clusterRole(name: string, rules: readonly PolicyRule[], aggregatedTo: readonly string[] = []): ClusterRole {
  return { metadata: bootstrapMetadata(name, aggregationLabels(aggregatedTo)), rules: [...rules] };
}

function role(namespace: string, name: string, rules: readonly PolicyRule[]): Role {
  return { metadata: { ...bootstrapMetadata(name), namespace }, rules: [...rules] };
}

function clusterBinding(name: string, ...subjects: Subject[]): ClusterRoleBinding {
  return {
    metadata: bootstrapMetadata(name),
    roleRef: { apiGroup: group, kind: "ClusterRole", name },
    ...(subjects.length > 0 ? { subjects } : {}),
  };
}

function bootstrapMetadata(name: string, labels: Readonly<Record<string, string>> = {}) {
  return {
    name,
    labels: { "kubernetes.io/bootstrapping": "rbac-defaults", ...labels },
    annotations: { [autoUpdateAnnotation]: "true" },
  };
}

function aggregationLabels(levels: readonly string[]): Record<string, string> {
  return Object.fromEntries(levels.map((level) => [`rbac.authorization.k8s.io/aggregate-to-${level}`, "true"]));
}

const user = (name: string): Subject => ({ kind: "User", apiGroup: group, name });
const inGroup = (name: string): Subject => ({ kind: "Group", apiGroup: group, name });
const account = (name: string): Subject => ({ kind: "ServiceAccount", name, namespace: "kube-system" });
