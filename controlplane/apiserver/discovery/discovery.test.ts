import { describe, expect, test } from "vitest";
import { resourceFor, resources } from "#pkg/api/schema/resources.ts";
import { fakeContext, fakeRequest } from "../http/testing/fake-request.ts";
import { groupServed, storageVersionHash } from "./discovery-documents.ts";
import { DiscoveryHandler } from "./discovery-handler.ts";
import { buildServerVersion } from "./server-version.ts";

const source = { generation: 1, groups: () => groupServed(resources) };
const handler = new DiscoveryHandler(
  source,
  () => "192.0.2.1:6443",
  () => "other form",
);
const v2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";

async function get(path: string, headers: Record<string, string> = {}) {
  const request = fakeRequest("GET", path, { headers });
  const response = await handler.find(path)?.(request, fakeContext(request));
  const text = response?.body instanceof Uint8Array ? new TextDecoder().decode(response.body) : "";
  return { status: response?.status, headers: response?.headers, body: text.startsWith("{") ? JSON.parse(text) : text };
}

describe("DiscoveryHandler", () => {
  test("lists the versions of the core group", async () => {
    expect((await get("/api")).body).toEqual({
      kind: "APIVersions",
      apiVersion: "v1",
      versions: ["v1"],
      serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress: "192.0.2.1:6443" }],
    });
  });

  test("lists groups with their preferred version", async () => {
    const { groups } = (await get("/apis")).body;
    expect(groups.map((one: { name: string }) => one.name)).toContain("apps");
    expect(groups.find((one: { name: string }) => one.name === "autoscaling")).toEqual({
      name: "autoscaling",
      versions: [
        { groupVersion: "autoscaling/v2", version: "v2" },
        { groupVersion: "autoscaling/v1", version: "v1" },
      ],
      preferredVersion: { groupVersion: "autoscaling/v2", version: "v2" },
    });
    expect((await get("/apis/apps/")).body).toMatchObject({ kind: "APIGroup", name: "apps" });
  });

  test("lists resources and subresources of a version", async () => {
    const { body } = await get("/api/v1");
    expect(body).toMatchObject({ kind: "APIResourceList", groupVersion: "v1" });
    const byName = new Map(body.resources.map((one: { name: string }) => [one.name, one]));
    expect(byName.get("pods")).toEqual({
      name: "pods",
      singularName: "pod",
      namespaced: true,
      kind: "Pod",
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      shortNames: ["po"],
      categories: ["all"],
      storageVersionHash: "xPOwRZ+Yhw8=",
    });
    expect(byName.get("pods/eviction")).toEqual({
      name: "pods/eviction",
      singularName: "",
      namespaced: true,
      group: "policy",
      version: "v1",
      kind: "Eviction",
      verbs: ["create"],
    });
  });

  test("tells everything at once in the newer form, with its content type", async () => {
    const { headers, body } = await get("/apis", { accept: `${v2},application/json` });
    expect(headers?.["content-type"]).toBe(v2);
    expect(body).toMatchObject({ kind: "APIGroupDiscoveryList", apiVersion: "apidiscovery.k8s.io/v2" });
    const apps = body.items.find((one: { metadata: { name?: string } }) => one.metadata.name === "apps");
    expect(apps.versions[0]).toMatchObject({ version: "v1", freshness: "Current" });
    expect(apps.versions[0].resources.find((one: { resource: string }) => one.resource === "deployments")).toEqual({
      resource: "deployments",
      responseKind: { group: "apps", version: "v1", kind: "Deployment" },
      scope: "Namespaced",
      singularResource: "deployment",
      verbs: ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"],
      shortNames: ["deploy"],
      categories: ["all"],
      subresources: [
        {
          subresource: "scale",
          responseKind: { group: "autoscaling", version: "v1", kind: "Scale" },
          verbs: ["get", "patch", "update"],
        },
        {
          subresource: "status",
          responseKind: { group: "apps", version: "v1", kind: "Deployment" },
          verbs: ["get", "patch", "update"],
        },
      ],
    });
    const core = (await get("/api", { accept: v2 })).body;
    expect(core.items.length).toBe(1);
    const beta = await get("/api", { accept: v2.replace("v2", "v2beta1") });
    expect(beta.body.apiVersion).toBe("apidiscovery.k8s.io/v2beta1");
  });

  test("answers 304 to a client that has the document", async () => {
    const first = await get("/apis", { accept: v2 });
    const etag = String(first.headers?.["etag"]);
    expect((await get("/apis", { accept: v2, "if-none-match": etag })).status).toBe(304);
    expect((await get("/apis", { accept: v2, "if-none-match": '"else"' })).status).toBe(200);
    expect(first.headers?.["vary"]).toBe("Accept");
  });

  test("encodes other forms with the encoder it was given", async () => {
    expect((await get("/api/v1", { accept: "application/yaml" })).body).toBe("other form");
  });

  test.each(["/apis/none", "/apis/apps/v9", "/api/v2", "/api/v1/pods", "/version", "/apis/apps/v1/deployments"])(
    "knows nothing of %s",
    (path) => {
      expect(handler.find(path)).toBeUndefined();
    },
  );
});

describe("storageVersionHash", () => {
  test.each([
    ["", "v1", "configmaps", "qFsyl6wFWjQ="],
    ["", "v1", "events", "r2yiGXH7wu8="],
    ["events.k8s.io", "v1", "events", "r2yiGXH7wu8="],
    ["apps", "v1", "deployments", "8aSe+NMegvE="],
    ["", "v1", "namespaces", "Q3oi5N2YM8M="],
  ])("of %s/%s %s is upstream's", (group, version, plural, hash) => {
    expect(storageVersionHash(resourceFor(group, version, plural)!.storedAs)).toBe(hash);
  });
});

describe("buildServerVersion", () => {
  test("has plain integers and a version of three parts", () => {
    const version = buildServerVersion("0.1.0", "linux/amd64");
    expect([version.major, version.minor]).toEqual(["1", "36"]);
    expect(version.gitVersion).toMatch(/^v1\.36\.\d+\+berth\.0\.1\.0$/);
  });
});
