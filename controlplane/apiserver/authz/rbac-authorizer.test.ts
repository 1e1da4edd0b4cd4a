import fc from "fast-check";
import { beforeEach, describe, expect, test } from "vitest";
import type { ClusterRole, PolicyRule, Role, RoleRef, Subject } from "#pkg/api/rbac/v1.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import type { AuthorizationAttributes } from "./authorizer.ts";
import { type Authorization, createAuthorizer } from "./create-authorizer.ts";

const group = "rbac.authorization.k8s.io";
let objects: MemoryObjects;
let authorizer: Authorization;

beforeEach(() => {
  objects = new MemoryObjects();
  authorizer = createAuthorizer({ reader: objects });
});

const rule = (verb: string, resource: string, more: Partial<PolicyRule> = {}): PolicyRule => ({
  verbs: verb.split(","),
  apiGroups: [""],
  resources: [resource],
  ...more,
});

function putClusterRole(name: string, rules: PolicyRule[], more: Partial<ClusterRole> = {}): void {
  objects.put<ClusterRole>(group, "clusterroles", { metadata: { name }, rules, ...more });
}

function putRole(namespace: string, name: string, rules: PolicyRule[]): void {
  objects.put<Role>(group, "roles", { metadata: { namespace, name }, rules });
}

/** namespace "": a ClusterRoleBinding. Roles are written "ClusterRole/x" or "Role/x". */
function bind(namespace: string, name: string, role: string, ...subjects: Subject[]): void {
  const [kind = "", roleName = ""] = role.split("/");
  const roleRef: RoleRef = { apiGroup: group, kind, name: roleName };
  const metadata = namespace ? { namespace, name } : { name };
  objects.put(group, namespace ? "rolebindings" : "clusterrolebindings", { metadata, roleRef, subjects });
}

const user = (name: string): Subject => ({ kind: "User", apiGroup: group, name });
const inGroup = (name: string): Subject => ({ kind: "Group", apiGroup: group, name });
const account = (name: string, namespace?: string): Subject => ({ kind: "ServiceAccount", name, namespace });

async function can(name: string, verb: string, resource: string, namespace = "", groups: string[] = []) {
  const attributes: AuthorizationAttributes = {
    user: { name, groups },
    verb,
    isResourceRequest: true,
    apiGroup: "",
    apiVersion: "v1",
    resource,
    subresource: "",
    namespace,
    name: "",
    path: "",
  };
  return authorizer.authorize(attributes);
}

const decides = async (...question: Parameters<typeof can>) => (await can(...question)).decision;

describe("RbacAuthorizer", () => {
  test("says which binding allowed it, in upstream's words", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    bind("", "readers", "ClusterRole/reader", user("x"), inGroup("dev"));
    expect(await can("jane", "get", "pods", "", ["dev"])).toEqual({
      decision: "allow",
      reason: 'RBAC: allowed by ClusterRoleBinding "readers" of ClusterRole "reader" to Group "dev"',
    });
    bind("shop", "local", "ClusterRole/reader", account("cart"));
    expect((await can("system:serviceaccount:shop:cart", "get", "pods", "shop")).reason).toBe(
      'RBAC: allowed by RoleBinding "local/shop" of ClusterRole "reader" to ServiceAccount "cart/shop"',
    );
  });

  test("gives a cluster binding everywhere and a namespace's binding only there", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    bind("", "all", "ClusterRole/reader", user("ann"));
    bind("shop", "one", "ClusterRole/reader", user("bob"));
    expect(await decides("ann", "get", "pods", "other")).toBe("allow");
    expect(await decides("bob", "get", "pods", "shop")).toBe("allow");
    expect(await decides("bob", "get", "pods", "other")).toBe("noOpinion");
    expect(await decides("bob", "get", "pods")).toBe("noOpinion");
  });

  test("finds a Role in the binding's own namespace and in no other", async () => {
    putRole("shop", "writer", [rule("create", "pods")]);
    bind("shop", "w", "Role/writer", user("ann"));
    bind("other", "w", "Role/writer", user("ann"));
    expect(await decides("ann", "create", "pods", "shop")).toBe("allow");
    expect(await can("ann", "create", "pods", "other")).toEqual({
      decision: "noOpinion",
      reason: 'RBAC: role.rbac.authorization.k8s.io "writer" not found',
    });
  });

  test("does not take a service account's name in another namespace, nor a user for a group", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    bind("shop", "a", "ClusterRole/reader", account("cart"), account("cart", "depot"), inGroup("ann"));
    const name = (namespace: string): string => `system:serviceaccount:${namespace}:cart`;
    expect(await decides(name("shop"), "get", "pods", "shop")).toBe("allow");
    expect(await decides(name("depot"), "get", "pods", "shop")).toBe("allow");
    expect(await decides(name("else"), "get", "pods", "shop")).toBe("noOpinion");
    expect(await decides("ann", "get", "pods", "shop")).toBe("noOpinion");
  });

  test("ignores a ServiceAccount without namespace in a cluster binding", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    bind("", "a", "ClusterRole/reader", account("cart"));
    expect(await decides("system:serviceaccount::cart", "get", "pods")).toBe("noOpinion");
  });

  test("follows changes of bindings and roles", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    bind("", "b", "ClusterRole/reader", user("ann"));
    expect(await decides("ann", "get", "pods")).toBe("allow");
    bind("", "b", "ClusterRole/reader", user("bob"));
    expect(await decides("ann", "get", "pods")).toBe("noOpinion");
    expect(await decides("bob", "get", "pods")).toBe("allow");
    putClusterRole("reader", []);
    expect(await decides("bob", "get", "pods")).toBe("noOpinion");
    putClusterRole("reader", [rule("get", "pods")]);
    objects.remove(group, "clusterrolebindings", "", "b");
    expect(await decides("bob", "get", "pods")).toBe("noOpinion");
  });

  test("knows bindings that were there before it", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    bind("", "b", "ClusterRole/reader", user("ann"));
    authorizer = createAuthorizer({ reader: objects });
    expect(await decides("ann", "get", "pods")).toBe("allow");
  });

  test("allows system:masters everything without any role", async () => {
    expect(await decides("root", "delete", "anything", "x", ["system:masters"])).toBe("allow");
    const { rules } = await authorizer.rulesFor({ name: "root", groups: ["system:masters"] }, "default");
    expect(rules).toEqual([
      { verbs: ["*"], apiGroups: ["*"], resources: ["*"] },
      { verbs: ["*"], nonResourceURLs: ["*"] },
    ]);
  });

  test("lists a user's rules for a namespace, and what it could not find", async () => {
    putClusterRole("reader", [rule("get", "pods")]);
    putRole("shop", "writer", [rule("create", "pods")]);
    bind("", "all", "ClusterRole/reader", user("ann"));
    bind("shop", "w", "Role/writer", user("ann"));
    bind("shop", "lost", "ClusterRole/gone", user("ann"));
    expect(await authorizer.rulesFor({ name: "ann", groups: [] }, "shop")).toEqual({
      rules: [rule("get", "pods"), rule("create", "pods")],
      errors: ['clusterrole.rbac.authorization.k8s.io "gone" not found'],
      incomplete: false,
    });
  });
});

describe("RbacAuthorizer with aggregated roles", () => {
  const selecting = (label: string): Partial<ClusterRole> => ({
    aggregationRule: { clusterRoleSelectors: [{ matchLabels: { [label]: "true" } }] },
  });
  const labelled = (name: string, label: string) => ({ metadata: { name, labels: { [label]: "true" } } });

  test("takes the rules of selected roles, through several steps, as soon as they are there", async () => {
    putClusterRole("admin", [], selecting("to-admin"));
    putClusterRole("edit", [], { ...selecting("to-edit"), ...labelled("edit", "to-admin") });
    bind("", "b", "ClusterRole/admin", user("ann"));
    expect(await decides("ann", "get", "widgets")).toBe("noOpinion");
    putClusterRole("widget-edit", [rule("get", "widgets")], labelled("widget-edit", "to-edit"));
    expect(await decides("ann", "get", "widgets")).toBe("allow");
    objects.remove(group, "clusterroles", "", "widget-edit");
    expect(await decides("ann", "get", "widgets")).toBe("noOpinion");
  });

  test("does not believe the rules written in an aggregated role", async () => {
    putClusterRole("agg", [rule("*", "*")], selecting("none"));
    bind("", "b", "ClusterRole/agg", user("ann"));
    expect(await decides("ann", "get", "pods")).toBe("noOpinion");
  });

  test("gets through circles with all their rules", async () => {
    putClusterRole("a", [], { ...selecting("to-a"), metadata: { name: "a", labels: { "to-b": "true" } } });
    putClusterRole("b", [], { ...selecting("to-b"), metadata: { name: "b", labels: { "to-a": "true" } } });
    putClusterRole("x", [rule("get", "pods")], labelled("x", "to-b"));
    putClusterRole("y", [rule("get", "nodes")], labelled("y", "to-a"));
    bind("", "ba", "ClusterRole/a", user("ann"));
    bind("", "bb", "ClusterRole/b", user("bob"));
    for (const name of ["ann", "bob"]) {
      for (const resource of ["pods", "nodes"]) expect(await decides(name, "get", resource)).toBe("allow");
    }
  });
});

describe("RbacAuthorizer, over random policies", () => {
  const names = fc.constantFrom("ann", "bob");
  const groups = fc.uniqueArray(fc.constantFrom("dev", "ops"));
  const namespaces = fc.constantFrom("", "n1", "n2");
  const verbs = fc.constantFrom("get", "list");
  const resources = fc.constantFrom("pods", "secrets");
  const grants = fc.record({
    namespace: namespaces,
    subject: fc.oneof(names.map(user), fc.constantFrom("dev", "ops").map(inGroup)),
    verb: verbs,
    resource: resources,
  });

  test("allows exactly what some grant to the user or its groups says", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(grants, { maxLength: 5 }),
        names,
        groups,
        verbs,
        resources,
        namespaces,
        async (given, name, userGroups, verb, resource, namespace) => {
          objects = new MemoryObjects();
          authorizer = createAuthorizer({ reader: objects });
          for (const [index, grant] of given.entries()) {
            putClusterRole(`r${index}`, [rule(grant.verb, grant.resource)]);
            bind(grant.namespace, `b${index}`, `ClusterRole/r${index}`, grant.subject);
          }
          const expected = given.some(
            (grant) =>
              (grant.subject.kind === "User"
                ? grant.subject.name === name
                : userGroups.includes(grant.subject.name as never)) &&
              (grant.namespace === "" || grant.namespace === namespace) &&
              grant.verb === verb &&
              grant.resource === resource,
          );
          expect(await decides(name, verb, resource, namespace, userGroups)).toBe(expected ? "allow" : "noOpinion");
        },
      ),
      { numRuns: 300 },
    );
  });
});

describe("RoleEscalationCheck", () => {
  const ann = { name: "ann", groups: ["dev"] };
  const secretsRule = rule("get,list", "secrets");

  beforeEach(() => {
    putClusterRole("reader", [rule("get", "pods")]);
    putClusterRole("secret-reader", [secretsRule]);
    bind("shop", "r", "ClusterRole/reader", user("ann"));
  });

  const writeRole = (rules: PolicyRule[], who = ann) =>
    authorizer.escalation.checkRole(who, "roles", "shop", "new", rules);
  const bindRole = (name: string, namespace = "shop", who = ann) =>
    authorizer.escalation.checkBinding(who, namespace ? "rolebindings" : "clusterrolebindings", namespace, "new", {
      apiGroup: group,
      kind: "ClusterRole",
      name,
    });

  test("lets users write and bind what they hold", async () => {
    await writeRole([rule("get", "pods")]);
    await bindRole("reader");
  });

  test("names what is missing", async () => {
    await expect(writeRole([rule("get", "pods"), secretsRule])).rejects.toMatchObject({
      code: 403,
      message:
        'roles.rbac.authorization.k8s.io "new" is forbidden: user "ann" (groups=["dev"]) is attempting to grant RBAC ' +
        'permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get" "list"]}',
    });
    await expect(bindRole("secret-reader")).rejects.toThrow(/^rolebindings.* attempting to grant RBAC permissions/);
  });

  test("does not let rights in one namespace reach the cluster", async () => {
    await expect(bindRole("reader", "")).rejects.toMatchObject({ code: 403 });
  });

  test("answers 404 to a role that is not there", async () => {
    await expect(bindRole("gone")).rejects.toMatchObject({ code: 404 });
  });

  test("takes the verbs escalate and bind for all permissions, per role and namespace", async () => {
    const rbac = { apiGroups: [group] };
    putClusterRole("granter", [
      rule("escalate", "roles", { ...rbac, resourceNames: ["new"] }),
      rule("bind", "clusterroles", { ...rbac, resourceNames: ["secret-reader"] }),
    ]);
    bind("shop", "g", "ClusterRole/granter", user("ann"));
    await writeRole([secretsRule]);
    await bindRole("secret-reader");
    await expect(bindRole("secret-reader", "")).rejects.toMatchObject({ code: 403 });
    await expect(authorizer.escalation.checkRole(ann, "roles", "shop", "other", [secretsRule])).rejects.toMatchObject({
      code: 403,
    });
  });

  test("lets system:masters do as they like", async () => {
    await writeRole([secretsRule], { name: "root", groups: ["system:masters"] });
    await bindRole("gone", "", { name: "root", groups: ["system:masters"] });
  });
});
