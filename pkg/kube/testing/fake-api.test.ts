import { describe, expect, test } from "vitest";
import type { Deployment } from "#pkg/api/apps/v1.ts";
import type { Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import type { KubeClient } from "../client.ts";
import { resourceRef, resources } from "../resources.ts";
import { FakeApi } from "./fake-api.ts";

const pod = (name: string, spec: Partial<Pod["spec"]> = {}): Pod => ({
  apiVersion: "v1",
  kind: "Pod",
  metadata: { name, namespace: "ns" },
  spec: { containers: [{ name: "c", image: "i" }], ...spec },
});

function open(): { clock: FakeClock; api: FakeApi; client: KubeClient; pods: KubeClient["pods"] } {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const api = new FakeApi({ clock });
  const client = api.client();
  return { clock, api, client, pods: client.pods.in("ns") };
}

describe("FakeApi and pods", () => {
  test("a created pod is Pending whatever status came with it", async () => {
    const { pods } = open();
    const created = await pods.create({ ...pod("p"), status: { phase: "Running" } });
    expect(created).toMatchObject({ status: { phase: "Pending" }, metadata: { generation: 1 } });
  });

  test("a pod on a node is deleted gracefully, and the grace period can only shrink", async () => {
    const { api, pods } = open();
    api.seed(pod("p", { nodeName: "n1", terminationGracePeriodSeconds: 20 }));
    await pods.delete("p");
    const terminating = await pods.get("p");
    expect(terminating.metadata).toMatchObject({
      deletionTimestamp: "2026-01-01T00:00:20Z",
      deletionGracePeriodSeconds: 20,
    });
    await pods.delete("p", { gracePeriodSeconds: 60 });
    expect((await pods.get("p")).metadata.resourceVersion).toBe(terminating.metadata.resourceVersion);
    await pods.delete("p", { gracePeriodSeconds: 5 });
    expect((await pods.get("p")).metadata.deletionGracePeriodSeconds).toBe(5);
    await pods.updateStatus({ ...(await pods.get("p")), status: { phase: "Failed" } });
    expect((await pods.get("p")).status?.phase).toBe("Failed");
    await pods.delete("p", { gracePeriodSeconds: 0 });
    await expect(pods.get("p")).rejects.toMatchObject({ code: 404 });
  });

  test("a pod without a node goes at once", async () => {
    const { pods } = open();
    await pods.create(pod("p"));
    await pods.delete("p");
    await expect(pods.get("p")).rejects.toMatchObject({ code: 404 });
  });

  test("binding gives a pod its node once", async () => {
    const { pods } = open();
    await pods.create(pod("p"));
    const binding = { target: { kind: "Node", name: "n1" }, metadata: { name: "p" } };
    await pods.postSubresource("p", "binding", binding);
    expect((await pods.get("p")).spec.nodeName).toBe("n1");
    await expect(pods.postSubresource("p", "binding", binding)).rejects.toMatchObject({ code: 409 });
  });

  test("an eviction deletes", async () => {
    const { pods } = open();
    await pods.create(pod("p"));
    await pods.postSubresource("p", "eviction", { metadata: { name: "p" }, deleteOptions: { gracePeriodSeconds: 0 } });
    await expect(pods.get("p")).rejects.toMatchObject({ code: 404 });
  });
});

describe("FakeApi and other kinds", () => {
  test("a namespace is held by its finalizer, refuses new content, and goes with finalize", async () => {
    const { client, pods } = open();
    await client.namespaces.create({ metadata: { name: "ns" }, spec: {} });
    await client.namespaces.delete("ns");
    const terminating = await client.namespaces.get("ns");
    expect(terminating).toMatchObject({ status: { phase: "Terminating" }, spec: { finalizers: ["kubernetes"] } });
    await expect(pods.create(pod("p"))).rejects.toMatchObject({
      code: 403,
      status: { details: { causes: [{ reason: "NamespaceTerminating" }] } },
    });
    await client.namespaces.putSubresource("ns", "finalize", { ...terminating, spec: { finalizers: [] } });
    await expect(client.namespaces.get("ns")).rejects.toMatchObject({ code: 404 });
  });

  test("scale reads and writes spec.replicas", async () => {
    const { api, client } = open();
    const selector = { matchLabels: { a: "b" } };
    const template = { metadata: {}, spec: { containers: [] } };
    const deployment: Deployment = {
      apiVersion: "apps/v1",
      kind: "Deployment",
      metadata: { name: "d", namespace: "ns" },
      spec: { replicas: 2, selector, template },
    };
    api.seed(deployment);
    const deployments = client.deployments.in("ns");
    expect(await deployments.getSubresource("d", "scale")).toMatchObject({ kind: "Scale", spec: { replicas: 2 } });
    await deployments.patch("d", { type: "merge", body: { spec: { replicas: 5 } } }, { subresource: "scale" });
    expect(await deployments.get("d")).toMatchObject({ spec: { replicas: 5 }, metadata: { generation: 2 } });
  });

  test("propagation policies leave their finalizers for the collector", async () => {
    const { client } = open();
    const maps = client.configMaps.in("ns");
    for (const [name, policy] of [
      ["f", "Foreground"],
      ["o", "Orphan"],
    ] as const) {
      await maps.create({ metadata: { name, namespace: "ns" } });
      await maps.delete(name, { propagationPolicy: policy });
    }
    expect((await maps.get("f")).metadata.finalizers).toEqual(["foregroundDeletion"]);
    expect((await maps.get("o")).metadata.finalizers).toEqual(["orphan"]);
  });

  test("a strategic patch merges lists by their keys", async () => {
    const { pods } = open();
    await pods.create(pod("p"));
    const ready = { type: "Ready", status: "True" };
    const status = (condition: object) =>
      ({ type: "strategic", body: { status: { conditions: [condition] } } }) as const;
    await pods.patch("p", status(ready), { subresource: "status" });
    await pods.patch("p", status({ type: "Initialized", status: "True" }), { subresource: "status" });
    const patched = await pods.patch("p", status({ ...ready, status: "False" }), { subresource: "status" });
    expect(patched.status?.conditions?.map(({ type, status: value }) => `${type}=${value}`)).toEqual([
      "Ready=False",
      "Initialized=True",
    ]);
    const removed = { type: "Ready", $patch: "delete" };
    const rest = await pods.patch("p", status(removed), { subresource: "status" });
    expect(rest.status?.conditions?.map(({ type }) => type)).toEqual(["Initialized"]);
  });

  test("reviews are answered and not stored, with no unless the test says otherwise", async () => {
    const review = { metadata: {}, spec: { token: "t" } };
    const { api, client } = open();
    expect((await client.tokenReviews.create(review)).status).toMatchObject({ authenticated: false });
    expect(api.peekAll(resources.tokenReviews)).toEqual([]);
    const kind = new FakeApi({ review: () => ({ authenticated: true, user: { username: "ann" } }) }).client();
    expect((await kind.tokenReviews.create(review)).status?.user?.username).toBe("ann");
  });

  test("custom resources are taken as they come", async () => {
    const { client } = open();
    const widgets = client.resource(resourceRef("example.com", "v1", "widgets", "Widget", "Namespaced")).in("ns");
    await widgets.create({ metadata: { name: "w", namespace: "ns" }, spec: { size: 3 } });
    expect((await widgets.list()).items).toMatchObject([{ kind: "Widget", spec: { size: 3 } }]);
  });
});

describe("FakeApi as a test's tool", () => {
  test("seed() places objects as they are, and peek() looks without a request", async () => {
    const { api } = open();
    const seeded = api.seed({ ...pod("p"), status: { phase: "Running" } });
    expect(seeded.metadata).toMatchObject({ uid: expect.any(String), resourceVersion: "1001" });
    expect(api.peek(resources.pods, "ns", "p")?.status?.phase).toBe("Running");
    expect(api.peekAll(resources.pods)).toHaveLength(1);
    expect(api.requests).toEqual([]);
    expect(() => api.seed({ apiVersion: "v1", kind: "Unknown", metadata: { name: "x" } })).toThrow(
      /no built-in resource/,
    );
  });

  test("failNext() fails what fits, as often as told, in the order given", async () => {
    const { api, client, pods } = open();
    api.failNext({ verb: "get", resource: "pods", name: "p", times: 2, error: StatusError.internal("first") });
    api.failNext({ verb: "get", error: "disconnect" });
    await expect(pods.get("p")).rejects.toMatchObject({ code: 500 });
    await expect(pods.get("other")).rejects.toMatchObject({ code: "Unavailable" });
    await expect(client.nodes.get("p")).rejects.toMatchObject({ code: 404 });
    await expect(pods.get("p")).rejects.toMatchObject({ code: 500 });
    await expect(pods.get("p")).rejects.toMatchObject({ code: 404 });
  });

  test("holdEvents() keeps watches behind until it is disposed", async () => {
    const { clock, api, pods } = open();
    const seen: (string | undefined)[] = [];
    const stream = await pods.watch({ resourceVersion: "0" });
    const reading = (async () => {
      for await (const { object } of stream) seen.push(object.metadata.name);
    })();
    const held = api.holdEvents();
    api.seed(pod("a"));
    await clock.advance(0);
    expect(seen).toEqual([]);
    held[Symbol.dispose]();
    await clock.advance(0);
    expect(seen).toEqual(["a"]);
    await stream[Symbol.asyncDispose]();
    await reading;
    expect(api.openWatches).toBe(0);
  });

  test("versions that are not reached yet are 504, forgotten ones 410", async () => {
    const { api, pods } = open();
    await expect(pods.list({ resourceVersion: "99999" })).rejects.toMatchObject({
      code: 504,
      status: { details: { causes: [{ reason: "ResourceVersionTooLarge" }], retryAfterSeconds: 1 } },
    });
    api.seed(pod("a"));
    api.seed(pod("b"));
    const { metadata } = await pods.list({ limit: 1 });
    api.forgetHistory();
    await expect(pods.list({ limit: 1, continue: metadata.continue })).rejects.toMatchObject({
      code: 410,
      reason: "Expired",
    });
  });
});
