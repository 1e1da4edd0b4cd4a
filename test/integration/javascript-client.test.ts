/** The official JavaScript client against a real berth-server: informer, patches, watch. */
import {
  AppsV1Api,
  CoreV1Api,
  KubeConfig,
  makeInformer,
  PatchStrategy,
  setHeaderOptions,
  type V1ConfigMap,
  Watch,
} from "@kubernetes/client-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startTestServer, type TestServer } from "#test/harness/berth-server.ts";

let server: TestServer;
let config: KubeConfig;
let core: CoreV1Api;
beforeAll(async () => {
  server = await startTestServer({ flags: ["--no-controllers"] });
  config = new KubeConfig();
  config.loadFromFile(server.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
});

const configMap = (name: string, value: string): V1ConfigMap => ({
  metadata: { name, labels: { made: "here" } },
  data: { value },
});
const namespace = "default";

describe("@kubernetes/client-node", () => {
  test("creates, reads, replaces, lists by label and deletes", async () => {
    const created = await core.createNamespacedConfigMap({ namespace, body: configMap("a", "1") });
    expect(created.metadata?.uid).toMatch(/^[0-9a-f-]{36}$/);
    await core.replaceNamespacedConfigMap({ namespace, name: "a", body: { ...created, data: { value: "2" } } });
    const { items } = await core.listNamespacedConfigMap({ namespace, labelSelector: "made=here" });
    expect(items.map(({ data }) => data?.["value"])).toEqual(["2"]);
    await core.deleteNamespacedConfigMap({ namespace, name: "a" });
    await expect(core.readNamespacedConfigMap({ namespace, name: "a" })).rejects.toMatchObject({ code: 404 });
  });

  test.each([
    ["a JSON patch", PatchStrategy.JsonPatch, [{ op: "replace", path: "/data/value", value: "patched" }]],
    ["a merge patch", PatchStrategy.MergePatch, { data: { value: "patched" } }],
    ["a strategic merge patch", PatchStrategy.StrategicMergePatch, { data: { value: "patched" } }],
  ])("sends %s", async (_name, strategy, body) => {
    await core.createNamespacedConfigMap({ namespace, body: configMap("p", "1") });
    const patched = await core.patchNamespacedConfigMap(
      { namespace, name: "p", body },
      setHeaderOptions("Content-Type", strategy),
    );
    expect(patched.data).toEqual({ value: "patched" });
    await core.deleteNamespacedConfigMap({ namespace, name: "p" });
  });

  test("applies on the server", async () => {
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "applied" }, data: { value: "1" } };
    const applied = await core.patchNamespacedConfigMap(
      { namespace, name: "applied", body, fieldManager: "js", force: true },
      setHeaderOptions("Content-Type", PatchStrategy.ServerSideApply),
    );
    expect(applied.metadata?.managedFields?.[0]).toMatchObject({ manager: "js", operation: "Apply" });
  });

  test("an informer sees what is there, what comes, changes and goes", async () => {
    await core.createNamespacedConfigMap({ namespace, body: configMap("before", "1") });
    const seen: string[] = [];
    const informer = makeInformer(
      config,
      `/api/v1/namespaces/${namespace}/configmaps`,
      () => core.listNamespacedConfigMap({ namespace, labelSelector: "made=here" }),
      "made=here",
    );
    for (const event of ["add", "update", "delete"] as const)
      informer.on(event, (object) => void seen.push(`${event} ${object.metadata?.name}`));
    await informer.start();
    await core.createNamespacedConfigMap({ namespace, body: configMap("after", "1") });
    await core.patchNamespacedConfigMap(
      { namespace, name: "after", body: { data: { value: "2" } } },
      setHeaderOptions("Content-Type", PatchStrategy.MergePatch),
    );
    await core.deleteNamespacedConfigMap({ namespace, name: "after" });
    await expect
      .poll(() => seen, { timeout: 5000 })
      .toEqual(["add before", "add after", "update after", "delete after"]);
    await informer.stop();
  });

  test("a watch from a resource version goes on where a list ended", async () => {
    const { metadata } = await core.listNamespacedConfigMap({ namespace });
    const types: string[] = [];
    const ended = Promise.withResolvers<void>();
    const abort = await new Watch(config).watch(
      `/api/v1/namespaces/${namespace}/configmaps`,
      { resourceVersion: metadata?.resourceVersion ?? "" },
      (type) => {
        types.push(type);
        if (type === "DELETED") ended.resolve();
      },
      () => ended.resolve(),
    );
    await core.createNamespacedConfigMap({ namespace, body: configMap("watched", "1") });
    await core.deleteNamespacedConfigMap({ namespace, name: "watched" });
    await ended.promise;
    abort.abort();
    expect(types).toEqual(["ADDED", "DELETED"]);
  });

  test("validation errors name the field", async () => {
    const body = {
      metadata: { name: "bad" },
      spec: {
        replicas: -1,
        selector: { matchLabels: { a: "b" } },
        template: { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "x" }] } },
      },
    };
    await expect(config.makeApiClient(AppsV1Api).createNamespacedDeployment({ namespace, body })).rejects.toMatchObject(
      {
        code: 422,
        body: expect.stringContaining("spec.replicas") as string,
      },
    );
  });
});
