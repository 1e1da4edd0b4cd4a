import { describe, expect, test } from "vitest";
import { resources } from "#pkg/api/schema/resources.ts";
import { groupServed } from "../discovery/discovery-documents.ts";
import { buildDocumentV2 } from "./document-v2.ts";
import { buildDocumentV3 } from "./document-v3.ts";
import { OpenApiDocuments } from "./openapi-documents.ts";
import { describeOperations } from "./operations.ts";

interface Operation {
  readonly operationId: string;
  readonly parameters?: { readonly name: string; readonly in: string }[];
  readonly requestBody?: { readonly content: Record<string, unknown>; readonly required?: boolean };
  readonly "x-kubernetes-action": string;
  readonly "x-kubernetes-group-version-kind": object;
}
interface Document {
  readonly paths: Record<string, Record<string, Operation>>;
  readonly components: { readonly schemas: object };
  readonly definitions: object;
}

const apps = resources.filter((one) => one.group === "apps");
const core = resources.filter((one) => one.group === "");
const documentV3 = buildDocumentV3(apps, "v1.36.0") as Document;
const coreV3 = buildDocumentV3(core, "v1.36.0") as Document;
const documentV2 = buildDocumentV2(resources, "v1.36.0") as Document;
const deployment = "/apis/apps/v1/namespaces/{namespace}/deployments/{name}";
const queryOf = (operation: Operation | undefined) =>
  operation?.parameters?.filter((one) => one.in === "query").map((one) => one.name);

function references(value: unknown, found = new Set<string>()): Set<string> {
  if (typeof value !== "object" || value === null) return found;
  for (const [key, inner] of Object.entries(value)) {
    if (key === "$ref" && typeof inner === "string") found.add(inner.slice(inner.lastIndexOf("/") + 1));
    else references(inner, found);
  }
  return found;
}

describe("describeOperations", () => {
  const operations = describeOperations(resources);

  test("gives each operation a place and a name of its own", () => {
    expect(new Set(operations.map((one) => `${one.method} ${one.path}`)).size).toBe(operations.length);
    expect(new Set(operations.map((one) => one.id)).size).toBe(operations.length);
  });

  test.each([
    ["get", deployment, "readAppsV1NamespacedDeployment", "get"],
    ["put", `${deployment}/status`, "replaceAppsV1NamespacedDeploymentStatus", "put"],
    ["get", `${deployment}/scale`, "readAppsV1NamespacedDeploymentScale", "get"],
    ["get", "/apis/apps/v1/deployments", "listAppsV1DeploymentForAllNamespaces", "list"],
    ["delete", "/api/v1/nodes", "deleteCoreV1CollectionNode", "deletecollection"],
    ["post", "/api/v1/namespaces/{namespace}/pods", "createCoreV1NamespacedPod", "post"],
    ["post", "/api/v1/namespaces/{namespace}/pods/{name}/eviction", "createCoreV1NamespacedPodEviction", "post"],
    ["get", "/api/v1/namespaces/{namespace}/pods/{name}/exec", "connectCoreV1GetNamespacedPodExec", "connect"],
    ["get", "/api/v1/namespaces/{namespace}/pods/{name}/log", "readCoreV1NamespacedPodLog", "get"],
    ["put", "/api/v1/nodes/{name}/proxy/{path}", "connectCoreV1PutNodeProxyWithPath", "connect"],
    ["patch", "/apis/rbac.authorization.k8s.io/v1/clusterroles/{name}", "patchRbacAuthorizationV1ClusterRole", "patch"],
    [
      "post",
      "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews",
      "createAuthorizationV1SelfSubjectAccessReview",
      "post",
    ],
  ])("%s %s is %s", (method, path, id, action) => {
    const found = operations.find((one) => one.method === method && one.path === path);
    expect(found).toMatchObject({ id, action });
  });
});

describe("buildDocumentV3", () => {
  test("has what kubectl looks for on a patch: its kind, fieldValidation, the patch types", () => {
    const patch = documentV3.paths[deployment]?.["patch"];
    expect(patch?.["x-kubernetes-group-version-kind"]).toEqual({ group: "apps", version: "v1", kind: "Deployment" });
    expect(queryOf(patch)).toEqual(["dryRun", "fieldManager", "fieldValidation", "force"]);
    expect(Object.keys(patch?.requestBody?.content ?? {})).toContain("application/strategic-merge-patch+json");
    expect(Object.keys(patch?.requestBody?.content ?? {})).toContain("application/apply-patch+yaml");
  });

  test("lists query parameters by what each verb takes", () => {
    const collection = documentV3.paths["/apis/apps/v1/namespaces/{namespace}/deployments"];
    expect(queryOf(collection?.["get"])).toEqual(
      expect.arrayContaining(["allowWatchBookmarks", "continue", "fieldSelector", "labelSelector", "limit", "watch"]),
    );
    expect(queryOf(collection?.["post"])).toEqual(["dryRun", "fieldManager", "fieldValidation"]);
    expect(queryOf(documentV3.paths[deployment]?.["delete"])).toEqual(
      expect.arrayContaining(["dryRun", "gracePeriodSeconds", "orphanDependents", "propagationPolicy"]),
    );
    expect(queryOf(coreV3.paths["/api/v1/namespaces/{namespace}/pods/{name}/exec"]?.["post"])).toEqual([
      "command",
      "container",
      "stderr",
      "stdin",
      "stdout",
      "tty",
    ]);
    expect(queryOf(coreV3.paths["/api/v1/namespaces/{namespace}/pods/{name}/log"]?.["get"])).toContain("tailLines");
  });

  test("names the variables of a path", () => {
    const parameters = documentV3.paths[deployment]?.["parameters"] as unknown as { name: string; in: string }[];
    expect(parameters.filter((one) => one.in === "path").map((one) => one.name)).toEqual(["namespace", "name"]);
  });

  test("has a schema for every reference, and no schema that nobody refers to", () => {
    for (const group of groupServed(resources)) {
      for (const { resources: served } of group.versions) {
        const document = buildDocumentV3(served, "v1.36.0") as Document;
        expect(new Set(Object.keys(document.components.schemas))).toEqual(references(document));
      }
    }
  });
});

describe("buildDocumentV2", () => {
  test("has a definition for every reference, and none that nobody refers to", () => {
    expect(new Set(Object.keys(documentV2.definitions))).toEqual(references(documentV2));
  });

  test("covers the kinds of every group", () => {
    expect(Object.keys(documentV2.definitions)).toEqual(
      expect.arrayContaining(["io.k8s.api.core.v1.Pod", "io.k8s.api.apps.v1.Deployment", "io.k8s.api.rbac.v1.Role"]),
    );
  });
});

describe("OpenApiDocuments", () => {
  function documents(served = resources) {
    const source = { generation: 1, groups: () => groupServed(served) };
    return { source, documents: new OpenApiDocuments(source, "v1.36.0") };
  }

  test("the index has every group and version, with the hash of its document", () => {
    const { documents: all } = documents();
    const { paths } = JSON.parse(all.index().unpack().toString()) as {
      paths: Record<string, { serverRelativeURL: string }>;
    };
    expect(Object.keys(paths)).toEqual(expect.arrayContaining(["api/v1", "apis/apps/v1", "apis/autoscaling/v2"]));
    const document = all.groupVersion("apis/apps/v1");
    expect(paths["apis/apps/v1"]?.serverRelativeURL).toBe(`/openapi/v3/apis/apps/v1?hash=${document?.hash}`);
    expect(document?.hash).toMatch(/^[0-9A-F]{128}$/);
  });

  test("makes a document once and again when what is served changes", () => {
    const generations = { now: 1, served: [...resources] };
    const source = {
      get generation() {
        return generations.now;
      },
      groups: () => groupServed(generations.served),
    };
    const all = new OpenApiDocuments(source, "v1.36.0");
    const [first, index] = [all.groupVersion("apis/apps/v1"), all.index().hash];
    expect(all.groupVersion("apis/apps/v1")).toBe(first);
    generations.served = resources.filter((one) => one.plural !== "daemonsets");
    generations.now++;
    expect(all.groupVersion("apis/apps/v1")?.hash).not.toBe(first?.hash);
    expect(all.index().hash).not.toBe(index);
  });

  test("knows only what is served", () => {
    const { documents: all } = documents();
    expect(all.groupVersion("apis/apps/v2")).toBeUndefined();
    expect(all.groupVersion("constructor")).toBeUndefined();
  });

  test("keeps documents small", () => {
    const { documents: all } = documents();
    const size = all.swagger("json").packed.length + all.swagger("protobuf").packed.length + all.index().packed.length;
    expect(size).toBeLessThan(200 * 1024);
  });
});
