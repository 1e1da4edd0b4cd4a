import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiServer } from "./api-server.ts";
import { makeTestCertificate } from "./http/testing/test-certificate.ts";
import { startDevServer } from "./testing/dev-server.ts";
import { TestClient } from "./testing/test-client.ts";

let server: ApiServer;
let client: TestClient;
const ask: TestClient["ask"] = (...request) => client.ask(...request);

beforeAll(async () => {
  const tls = await makeTestCertificate();
  server = await startDevServer({ tls });
  await server.ready;
  client = new TestClient(server.listener?.port ?? 0, tls.certificate);
  await ask("POST", "/api/v1/namespaces", { metadata: { name: "default" } });
});
afterAll(async () => {
  client[Symbol.dispose]();
  await server[Symbol.asyncDispose]();
});

describe("startApiServer, subresources and second forms", () => {
  test("scales a workload", async () => {
    const template = { metadata: { labels: { a: "b" } }, spec: { containers: [{ name: "c", image: "i" }] } };
    const spec = { replicas: 1, selector: { matchLabels: { a: "b" } }, template };
    const deployments = "/apis/apps/v1/namespaces/default/deployments";
    expect((await ask("POST", deployments, { metadata: { name: "web" }, spec })).status).toBe(201);
    const path = `${deployments}/web/scale`;
    const scale = await ask("GET", path);
    expect(scale.json).toMatchObject({
      kind: "Scale",
      spec: { replicas: 1 },
      status: { replicas: 0, selector: "a=b" },
    });
    const merge = { "content-type": "application/merge-patch+json" };
    expect((await ask("PATCH", path, { spec: { replicas: 3 } }, merge)).json.spec).toEqual({ replicas: 3 });
    const updated = await ask("PUT", path, { metadata: { name: "web" }, spec: { replicas: 5 } });
    expect([updated.status, updated.json.spec]).toEqual([200, { replicas: 5 }]);
    expect((await ask("GET", `${deployments}/web`)).json.spec.replicas).toBe(5);
    const stale = await ask("PUT", path, { metadata: { name: "web", resourceVersion: "1" }, spec: { replicas: 6 } });
    expect(stale.status).toBe(409);
    const negative = await ask("PATCH", path, { spec: { replicas: -1 } }, merge);
    expect([negative.status, negative.json.details.causes[0].field]).toEqual([422, "spec.replicas"]);
  });

  const pods = "/api/v1/namespaces/default/pods";
  const pod = (name: string) => ({
    metadata: { name, labels: { app: name } },
    spec: { containers: [{ name: "c", image: "i" }], terminationGracePeriodSeconds: 0 },
  });

  test("binds a pod to a node, once", async () => {
    expect((await ask("POST", pods, pod("bound"))).status).toBe(201);
    const binding = { target: { kind: "Node", name: "node-1" } };
    const bound = await ask("POST", `${pods}/bound/binding`, binding);
    expect([bound.status, bound.json.status]).toEqual([201, "Success"]);
    const { spec, status } = (await ask("GET", `${pods}/bound`)).json;
    expect(spec.nodeName).toBe("node-1");
    expect(status.conditions).toMatchObject([{ type: "PodScheduled", status: "True" }]);
    const again = await ask("POST", `${pods}/bound/binding`, binding);
    expect([again.status, again.json.message]).toEqual([
      409,
      expect.stringContaining('already assigned to node "node-1"'),
    ]);
    const other = await ask("POST", "/api/v1/namespaces/default/bindings", { metadata: { name: "gone" }, ...binding });
    expect(other.status).toBe(404);
    expect((await ask("POST", `${pods}/bound/binding`, { target: {} })).status).toBe(422);
  });

  test("evicts a pod as far as its disruption budget lets it", async () => {
    const eviction = (name: string) => ({ apiVersion: "policy/v1", kind: "Eviction", metadata: { name } });
    const evict = (name: string) => ask("POST", `${pods}/${name}/eviction`, eviction(name));
    const budgets = "/apis/policy/v1/namespaces/default/poddisruptionbudgets";
    await ask("POST", budgets, {
      metadata: { name: "b" },
      spec: { minAvailable: 1, selector: { matchLabels: { app: "kept" } } },
    });
    for (const name of ["kept", "free"]) {
      await ask("POST", pods, pod(name));
      await ask("POST", `${pods}/${name}/binding`, { target: { kind: "Node", name: "node-1" } });
      const current = (await ask("GET", `${pods}/${name}`)).json;
      current.status = { ...current.status, phase: "Running", conditions: [{ type: "Ready", status: "True" }] };
      expect((await ask("PUT", `${pods}/${name}/status`, current)).status).toBe(200);
    }
    expect((await evict("free")).status).toBe(201);
    expect((await ask("GET", `${pods}/free`)).status).toBe(404);
    const unknown = await evict("kept");
    expect([unknown.status, unknown.headers["retry-after"]]).toEqual([429, "10"]);

    const setStatus = async (disruptionsAllowed: number) => {
      const budget = (await ask("GET", `${budgets}/b`)).json;
      const { generation } = budget.metadata;
      budget.status = {
        observedGeneration: generation,
        disruptionsAllowed,
        currentHealthy: 1,
        desiredHealthy: 1,
        expectedPods: 1,
      };
      expect((await ask("PUT", `${budgets}/b/status`, budget)).status).toBe(200);
    };
    await setStatus(0);
    const refused = await evict("kept");
    expect(refused.json).toMatchObject({
      code: 429,
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: { causes: [{ reason: "DisruptionBudget" }] },
    });
    await setStatus(1);
    expect((await evict("kept")).status).toBe(201);
    expect((await ask("GET", `${budgets}/b`)).json.status).toMatchObject({
      disruptionsAllowed: 0,
      disruptedPods: { kept: expect.any(String) },
    });
    expect((await evict("kept")).status).toBe(404);
  });

  test("serves one kind in two versions", async () => {
    const scaleTargetRef = { kind: "Deployment", name: "w", apiVersion: "apps/v1" };
    const spec = { scaleTargetRef, maxReplicas: 3, targetCPUUtilizationPercentage: 50 };
    const path = "/apis/autoscaling/v1/namespaces/default/horizontalpodautoscalers";
    const created = await ask("POST", path, { metadata: { name: "h" }, spec });
    expect(created.json).toMatchObject({ apiVersion: "autoscaling/v1", spec });
    const second = await ask("GET", `${path.replace("v1", "v2")}/h`);
    expect(second.json).toMatchObject({
      apiVersion: "autoscaling/v2",
      spec: { metrics: [{ resource: { name: "cpu" } }] },
    });
    const merge = { "content-type": "application/merge-patch+json" };
    await ask("PATCH", `${path}/h`, { spec: { targetCPUUtilizationPercentage: 70 } }, merge);
    const metrics = (await ask("GET", `${path.replace("v1", "v2")}/h`)).json.spec.metrics;
    expect(metrics[0].resource.target.averageUtilization).toBe(70);
    expect((await ask("GET", path)).json.items[0].spec.targetCPUUtilizationPercentage).toBe(70);
  });

  test("shows events under their other names", async () => {
    const involvedObject = { kind: "Pod", name: "p", namespace: "default" };
    const event = { metadata: { name: "e" }, involvedObject, message: "it runs", type: "Normal", reason: "Started" };
    expect((await ask("POST", "/api/v1/namespaces/default/events", event)).status).toBe(201);
    const path = "/apis/events.k8s.io/v1/namespaces/default/events";
    expect((await ask("GET", `${path}/e`)).json).toMatchObject({ apiVersion: "events.k8s.io/v1", note: "it runs" });
  });
});
