import { beforeEach, describe, expect, test } from "vitest";
import type { ClusterRole, ClusterRoleBinding } from "#pkg/api/rbac/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { createAuthorizer } from "../authz/create-authorizer.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { type BootstrapOptions, desiredObjects, ensureBootstrapObjects } from "./ensure-bootstrap-objects.ts";

const rbac = "rbac.authorization.k8s.io";
const options: BootstrapOptions = {
  serviceCidrs: ["10.96.0.0/16"],
  serviceIp: "10.96.0.1",
  advertiseAddress: "192.0.2.10",
  securePort: 6443,
  clientAuthoritiesPem: "CLIENT",
  frontProxyAuthorityPem: "PROXY",
};

let objects: MemoryObjects;
let writes: string[];

beforeEach(() => {
  objects = new MemoryObjects();
  writes = [];
  for (const method of ["create", "update"] as const) {
    const write = objects[method].bind(objects) as (...parameters: readonly unknown[]) => Promise<never>;
    objects[method] = (...parameters: readonly unknown[]) => {
      const object = parameters.at(-1) as { metadata: { name: string } };
      writes.push(`${method} ${String(parameters[1])} ${object.metadata.name}`);
      return write(...parameters);
    };
  }
});

const ensure = (changes: Partial<BootstrapOptions> = {}) =>
  ensureBootstrapObjects({ ...options, ...changes }, { reader: objects, writer: objects, clock: new FakeClock() });

const role = (name: string) => objects.get(rbac, "clusterroles", "", name) as ClusterRole;
const binding = (name: string) => objects.get(rbac, "clusterrolebindings", "", name) as ClusterRoleBinding;

describe("ensureBootstrapObjects on a new store", () => {
  test("writes everything once, and nothing more at the next start", async () => {
    await ensure();
    const count = (resource: string): number =>
      writes.filter((write) => write.startsWith(`create ${resource} `)).length;
    expect(writes.slice(0, 4)).toEqual(
      ["default", "kube-system", "kube-public", "kube-node-lease"].map((name) => `create namespaces ${name}`),
    );
    expect(count("clusterroles")).toBe(69);
    expect(count("clusterrolebindings")).toBe(51);
    expect([count("roles"), count("rolebindings")]).toEqual([7, 7]);
    expect([count("flowschemas"), count("prioritylevelconfigurations")]).toEqual([11, 8]);
    writes.length = 0;
    await ensure();
    expect(writes).toEqual([]);
  });

  test("gives each object a name of its own", () => {
    const keys = desiredObjects(options).map(
      ({ group, resource, object }) =>
        `${resource}.${group}/${object.metadata.namespace ?? ""}/${object.metadata.name}`,
    );
    expect(new Set(keys).size).toBe(keys.length);
  });

  test("points the kubernetes Service at the server", async () => {
    await ensure();
    expect(objects.get("", "services", "default", "kubernetes")?.["spec"]).toMatchObject({
      clusterIP: "10.96.0.1",
      ports: [{ name: "https", port: 443, targetPort: 6443 }],
    });
    expect(objects.get("", "endpoints", "default", "kubernetes")?.["subsets"]).toEqual([
      { addresses: [{ ip: "192.0.2.10" }], ports: [{ name: "https", port: 6443, protocol: "TCP" }] },
    ]);
    const slice = objects.get("discovery.k8s.io", "endpointslices", "default", "kubernetes");
    expect(slice).toMatchObject({ addressType: "IPv4", endpoints: [{ addresses: ["192.0.2.10"] }] });
    await ensure({ advertiseAddress: "192.0.2.11" });
    expect(objects.get("discovery.k8s.io", "endpointslices", "default", "kubernetes")?.["endpoints"]).toMatchObject([
      { addresses: ["192.0.2.11"] },
    ]);
  });

  test("leaves the Service without endpoints when the server is on loopback alone", async () => {
    await ensure({ advertiseAddress: undefined });
    expect(objects.get("", "endpoints", "default", "kubernetes")).toBeUndefined();
    expect(objects.get("", "services", "default", "kubernetes")).toBeDefined();
  });

  test("reports the default range ready", async () => {
    await ensure();
    expect(objects.get("networking.k8s.io", "servicecidrs", "", "kubernetes")).toMatchObject({
      spec: { cidrs: ["10.96.0.0/16"] },
      status: { conditions: [{ type: "Ready", status: "True", lastTransitionTime: "2026-01-01T00:00:00Z" }] },
    });
  });

  test("names what it could not write, after it wrote the rest", async () => {
    const create = objects.create;
    objects.create = (group, resource, object) =>
      object.metadata.name === "view"
        ? Promise.reject(StatusError.internal("disk full"))
        : create.call(objects, group, resource, object);
    await expect(ensure()).rejects.toThrow(
      "cannot write what every cluster has: create clusterroles view: Internal error occurred: disk full",
    );
    expect(role("edit")).toBeDefined();
    objects.create = create;
    await ensure();
    expect(role("view")).toBeDefined();
  });

  test("takes it for done when another server was quicker", async () => {
    objects.create = async (group, resource, object) => {
      throw StatusError.alreadyExists({ group, resource }, object.metadata.name ?? "");
    };
    await ensure();
  });
});

describe("ensureBootstrapObjects on a store that has them", () => {
  beforeEach(async () => {
    await ensure();
    writes.length = 0;
  });

  const change = <T extends ClusterRole | ClusterRoleBinding>(object: T, changes: object): void => {
    const resource = "roleRef" in object ? "clusterrolebindings" : "clusterroles";
    objects.put(rbac, resource, { ...object, ...changes });
  };

  test("puts lost rules and labels back, and keeps what was added", async () => {
    const added = { verbs: ["get"], apiGroups: ["acme.test"], resources: ["widgets"] };
    change(role("system:basic-user"), {
      rules: [added],
      metadata: { name: "system:basic-user", labels: { mine: "yes" } },
    });
    await ensure();
    expect(writes).toEqual(["update clusterroles system:basic-user"]);
    const { rules, metadata } = role("system:basic-user");
    expect(rules?.[0]).toEqual(added);
    expect(rules).toHaveLength(4);
    expect(metadata.labels).toEqual({ "kubernetes.io/bootstrapping": "rbac-defaults", mine: "yes" });
  });

  test("puts lost subjects back", async () => {
    const other = { kind: "User", apiGroup: rbac, name: "ann" };
    change(binding("cluster-admin"), { subjects: [other] });
    await ensure();
    expect(binding("cluster-admin").subjects).toEqual([
      other,
      { kind: "Group", apiGroup: rbac, name: "system:masters" },
    ]);
  });

  test("leaves what is marked not to be updated", async () => {
    const annotations = { "rbac.authorization.kubernetes.io/autoupdate": "false" };
    change(role("system:basic-user"), { rules: [], metadata: { name: "system:basic-user", annotations } });
    change(binding("system:discovery"), { subjects: [], metadata: { name: "system:discovery", annotations } });
    await ensure();
    expect(writes).toEqual([]);
  });

  test("leaves the rules of aggregated roles to their controller", async () => {
    change(role("admin"), { rules: [] });
    await ensure();
    expect(writes).toEqual([]);
  });

  test("restores flow control that was not taken over, and always what the server needs", async () => {
    const flow = "flowcontrol.apiserver.k8s.io";
    const resource = "prioritylevelconfigurations";
    const spoil = (name: string, annotation: string): void => {
      const annotations = { "apf.kubernetes.io/autoupdate-spec": annotation };
      objects.put(flow, resource, { metadata: { name, annotations }, spec: { type: "Limited", limited: {} } });
    };
    spoil("system", "true");
    spoil("workload-low", "false");
    spoil("exempt", "false");
    await ensure();
    expect(writes.sort()).toEqual([`update ${resource} exempt`, `update ${resource} system`]);
  });

  test("does not mind what defaults added", async () => {
    const flow = "flowcontrol.apiserver.k8s.io";
    const schema = objects.get(flow, "flowschemas", "", "probes");
    objects.put(flow, "flowschemas", {
      ...schema,
      metadata: schema?.metadata ?? {},
      spec: { ...(schema?.["spec"] as object), more: 1 },
    });
    await ensure();
    expect(writes).toEqual([]);
  });
});

describe("the bootstrap roles", () => {
  const can = async (name: string, groups: string[], verb: string, what: string, namespace = "") => {
    const authorizer = createAuthorizer({ reader: objects });
    const [full = "", apiGroup = ""] = what.split("@");
    const [resource = "", subresource = ""] = full.split("/");
    const isResourceRequest = !what.startsWith("/");
    const base = { apiVersion: "v1", namespace, name: "", path: isResourceRequest ? "" : what };
    const user = { name, groups };
    return (await authorizer.authorize({ ...base, user, verb, isResourceRequest, apiGroup, resource, subresource }))
      .decision;
  };
  const bindTo = (roleName: string): void => {
    objects.put(rbac, "rolebindings", {
      metadata: { namespace: "shop", name: roleName },
      roleRef: { kind: "ClusterRole", name: roleName },
      subjects: [{ kind: "User", name: roleName }],
    });
  };

  beforeEach(async () => {
    await ensure();
    for (const name of ["admin", "edit", "view"]) bindTo(name);
  });

  test.each([
    ["view", "list", "pods", true],
    ["view", "get", "secrets", false],
    ["view", "create", "pods", false],
    ["edit", "get", "secrets", true],
    ["edit", "create", "deployments@apps", true],
    ["edit", "create", "pods/exec", true],
    ["edit", "list", "pods", true],
    ["edit", "create", `roles@${rbac}`, false],
    ["admin", "create", `rolebindings@${rbac}`, true],
    ["admin", "delete", "pods", true],
    ["admin", "update", "resourcequotas", false],
    ["admin", "delete", "namespaces", false],
  ])("%s may %s %s: %s", async (name, verb, what, allowed) => {
    expect(await can(name, [], verb, what, "shop")).toBe(allowed ? "allow" : "noOpinion");
    expect(await can(name, [], verb, what, "else")).toBe("noOpinion");
  });

  const everyone = ["system:authenticated"];
  test.each<[string, string[], string, string, boolean]>([
    ["system:anonymous", ["system:unauthenticated"], "get", "/livez", true],
    ["system:anonymous", ["system:unauthenticated"], "get", "/version", true],
    ["system:anonymous", ["system:unauthenticated"], "get", "/api", false],
    ["jane", everyone, "get", "/apis/apps/v1", true],
    ["jane", everyone, "get", "/metrics", false],
    ["jane", everyone, "create", "selfsubjectaccessreviews@authorization.k8s.io", true],
    ["jane", everyone, "list", "pods", false],
    ["system:serviceaccount:shop:x", ["system:serviceaccounts"], "get", "/openid/v1/jwks", true],
    ["system:kube-scheduler", everyone, "create", "pods/binding", true],
    ["system:kube-proxy", everyone, "watch", "endpointslices@discovery.k8s.io", true],
    ["kube-apiserver-kubelet-client", everyone, "get", "nodes/proxy", true],
    ["system:serviceaccount:kube-system:deployment-controller", everyone, "create", "replicasets@apps", true],
    ["system:serviceaccount:kube-system:deployment-controller", everyone, "delete", "nodes", false],
    ["system:node:n1", ["system:nodes"], "list", "services", true],
  ])("%s %j may %s %s: %s", async (name, groups, verb, what, allowed) => {
    expect(await can(name, groups, verb, what)).toBe(allowed ? "allow" : "noOpinion");
  });
});
