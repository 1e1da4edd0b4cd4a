import { describe, expect, test } from "vitest";
import { apiGroups, resourceFor, resourceForKind, resources, resourcesIn, subresourceOf } from "./resources.ts";
import { hasType, typeOf } from "./schema.ts";

describe("resources", () => {
  test("cover every built-in kind of the GA versions", () => {
    const counts = Object.fromEntries(
      apiGroups.map(({ group, versions }) => [group, versions.map((version) => resourcesIn(group, version).length)]),
    );
    expect(counts).toEqual({
      "": [17],
      "apiregistration.k8s.io": [1],
      apps: [5],
      "events.k8s.io": [1],
      "authentication.k8s.io": [2],
      "authorization.k8s.io": [4],
      autoscaling: [1, 1],
      batch: [2],
      "certificates.k8s.io": [1],
      "networking.k8s.io": [5],
      policy: [1],
      "rbac.authorization.k8s.io": [4],
      "storage.k8s.io": [6],
      "admissionregistration.k8s.io": [6],
      "apiextensions.k8s.io": [1],
      "scheduling.k8s.io": [1],
      "coordination.k8s.io": [1],
      "node.k8s.io": [1],
      "discovery.k8s.io": [1],
      "flowcontrol.apiserver.k8s.io": [2],
      "resource.k8s.io": [4],
    });
  });

  test("have a list type when they can be listed, and a type for each subresource", () => {
    for (const resource of resources) {
      if (resource.verbs.includes("list")) expect(hasType(`${resource.typeName}List`), resource.plural).toBe(true);
      for (const sub of resource.subresources) expect(typeOf(sub.kind), `${resource.plural}/${sub.name}`).toBeDefined();
    }
  });

  test("have verbs in order, short names and paths of their own", () => {
    for (const resource of resources) expect(resource.verbs.toSorted()).toEqual(resource.verbs);
    const paths = resources.map((one) => `${one.group}/${one.version}/${one.plural}`);
    expect(new Set(paths).size).toBe(paths.length);
    const shortNames = resources.filter((one) => one.version !== "v2").flatMap((one) => one.shortNames);
    expect(shortNames.filter((name, index) => shortNames.indexOf(name) !== index)).toEqual(["ev"]);
  });

  test("share storage only where two versions or groups serve the same objects", () => {
    const shared = Map.groupBy(
      resources.filter((one) => one.storagePrefix),
      (one) => one.storagePrefix,
    );
    const names = [...shared].filter(([, users]) => users.length > 1).map(([prefix]) => prefix);
    expect(names).toEqual(["events", "horizontalpodautoscalers"]);
    expect(resourceFor("events.k8s.io", "v1", "events")?.storedAs).toEqual({ group: "", version: "v1", kind: "Event" });
  });
});

describe("resourceFor", () => {
  test("finds a resource by its path", () => {
    expect(resourceFor("", "v1", "nodes")).toMatchObject({
      kind: "Node",
      singular: "node",
      namespaced: false,
      storagePrefix: "minions",
      createOnUpdate: false,
      unconditionalUpdate: true,
    });
    expect(resourceFor("", "v1", "deployments")).toBeUndefined();
  });
});

describe("resourceForKind", () => {
  test("finds a resource by its kind", () => {
    expect(resourceForKind({ group: "coordination.k8s.io", version: "v1", kind: "Lease" })).toMatchObject({
      plural: "leases",
      createOnUpdate: true,
      unconditionalUpdate: false,
    });
  });
});

describe("subresourceOf", () => {
  test("knows the kind a subresource is written with", () => {
    const pods = resourceFor("", "v1", "pods")!;
    expect(subresourceOf(pods, "eviction")).toEqual({
      name: "eviction",
      kind: { group: "policy", version: "v1", kind: "Eviction" },
      verbs: ["create"],
    });
    expect(subresourceOf(pods, "status")?.kind.kind).toBe("Pod");
    expect(subresourceOf(pods, "scale")).toBeUndefined();
  });
});
