import { beforeEach, describe, expect, test } from "vitest";
import type { ResourceQuota } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { MemoryObjects } from "../../testing/memory-objects.ts";
import { admit, makeAttributes, type TestRequest, whyRefused } from "../testing/request.ts";
import { resourceQuota } from "./resource-quota.ts";

let objects: MemoryObjects;
let updates: number;

beforeEach(() => {
  objects = new MemoryObjects();
  updates = 0;
  const update = objects.update.bind(objects);
  objects.update = async (...parameters) => {
    updates++;
    await new Promise((resolve) => setImmediate(resolve));
    return update(...parameters);
  };
});

function quota(name: string, hard: Record<string, string>, used: Record<string, string>, spec: object = {}): void {
  objects.put("", "resourcequotas", {
    metadata: { namespace: "shop", name },
    spec: { hard, ...spec },
    status: { hard, used },
  });
}

const used = (name = "q") => (objects.get("", "resourcequotas", "shop", name) as ResourceQuota).status?.used;
const plugin = () => resourceQuota(objects, objects);
const container = (requests: Record<string, string> = {}, limits: Record<string, string> = {}, name = "c") => ({
  name,
  resources: { requests, limits },
});
const podOf = (...containers: object[]): object => ({ spec: { containers } });
const createPod = (object: object, more: Partial<TestRequest> = {}) =>
  whyRefused(plugin(), { what: "CREATE pods shop/web", object, ...more });

describe("ResourceQuota", () => {
  test("charges what fits", async () => {
    quota(
      "q",
      { pods: "2", "requests.cpu": "2", "limits.memory": "4Gi" },
      { pods: "0", "requests.cpu": "0", "limits.memory": "0" },
    );
    expect(await createPod(podOf(container({ cpu: "500m" }, { memory: "1Gi" })))).toBe("");
    expect(used()).toEqual({ pods: "1", "requests.cpu": "500m", "limits.memory": "1Gi" });
  });

  test("refuses what does not, in upstream's words", async () => {
    quota("q", { pods: "5", "requests.cpu": "2" }, { pods: "5", "requests.cpu": "1900m" });
    await expect(
      admit(plugin(), { what: "CREATE pods shop/web", object: podOf(container({ cpu: "200m" })) }),
    ).rejects.toMatchObject({
      code: 403,
      message:
        'pods "web" is forbidden: exceeded quota: q, requested: pods=1,requests.cpu=200m, used: pods=5,requests.cpu=1900m, limited: pods=5,requests.cpu=2',
    });
    expect(updates).toBe(0);
  });

  test("shows only what is exceeded", async () => {
    quota("q", { pods: "5", "count/pods": "9" }, { pods: "5", "count/pods": "5" });
    expect(await createPod(podOf())).toBe("exceeded quota: q, requested: pods=1, used: pods=5, limited: pods=5");
  });

  test("insists that containers say what they take where cpu and memory are limited", async () => {
    quota(
      "q",
      { "limits.cpu": "4", "requests.memory": "4Gi", "requests.storage": "1Gi" },
      { "limits.cpu": "0", "requests.memory": "0" },
    );
    expect(await createPod(podOf(container({ memory: "1Gi" }, {}, "b"), container({}, { cpu: "1" }, "a")))).toBe(
      "failed quota: q: must specify limits.cpu for: b; requests.memory for: a",
    );
    expect(await createPod({ spec: { containers: [container()], resources: { requests: { cpu: "1" } } } })).toBe("");
  });

  test("refuses until the quota was counted", async () => {
    quota("q", { pods: "5", "limits.cpu": "1" }, { pods: "0" });
    expect(await createPod(podOf(container({}, { cpu: "1" })))).toBe(
      "status unknown for quota: q, resources: limits.cpu,pods",
    );
  });

  test("leaves other namespaces and uncounted kinds alone", async () => {
    quota("q", { pods: "0", "count/events": "0" }, { pods: "0", "count/events": "0" });
    expect(await whyRefused(plugin(), { what: "CREATE pods depot/web", object: podOf() })).toBe("");
    expect(await whyRefused(plugin(), { what: "CREATE events shop/e", object: {} })).toBe("");
    expect(
      await whyRefused(plugin(), { what: "CREATE localsubjectaccessreviews.authorization.k8s.io shop/r", object: {} }),
    ).toBe("");
    expect(await whyRefused(plugin(), { what: "CREATE pods/binding shop/web", object: {} })).toBe("");
  });

  test.each<[string, object, Record<string, string>]>([
    ["configmaps", {}, { configmaps: "1", "count/configmaps": "1" }],
    ["secrets", {}, { secrets: "1", "count/secrets": "1" }],
    ["deployments.apps", {}, { "count/deployments.apps": "1" }],
    ["services", { spec: { type: "ClusterIP", ports: [{}] } }, { services: "1", "services.nodeports": "0" }],
    [
      "services",
      { spec: { type: "NodePort", ports: [{}, {}] } },
      { services: "1", "services.nodeports": "2", "services.loadbalancers": "0" },
    ],
    [
      "services",
      { spec: { type: "LoadBalancer", ports: [{}] } },
      { "services.nodeports": "1", "services.loadbalancers": "1" },
    ],
    [
      "services",
      { spec: { type: "LoadBalancer", allocateLoadBalancerNodePorts: false, ports: [{ nodePort: 30000 }, {}] } },
      { "services.nodeports": "1" },
    ],
    [
      "persistentvolumeclaims",
      { spec: { storageClassName: "gold", resources: { requests: { storage: "10Gi" } } } },
      {
        persistentvolumeclaims: "1",
        "requests.storage": "10Gi",
        "gold.storageclass.storage.k8s.io/requests.storage": "10Gi",
        "gold.storageclass.storage.k8s.io/persistentvolumeclaims": "1",
        "silver.storageclass.storage.k8s.io/requests.storage": "0",
      },
    ],
    [
      "pods",
      podOf(container({ "example.com/gpu": "2", "hugepages-2Mi": "4Mi", "ephemeral-storage": "1Gi" })),
      {
        pods: "1",
        "count/pods": "1",
        "requests.example.com/gpu": "2",
        "hugepages-2Mi": "4Mi",
        "requests.hugepages-2Mi": "4Mi",
        "ephemeral-storage": "1Gi",
      },
    ],
  ])("counts %s: %j", async (resource, object, expected) => {
    const names = Object.keys(expected);
    quota(
      "q",
      Object.fromEntries(names.map((name) => [name, "100Gi"])),
      Object.fromEntries(names.map((name) => [name, "0"])),
    );
    expect(await whyRefused(plugin(), { what: `CREATE ${resource} shop/x`, object })).toBe("");
    expect(used()).toEqual(expected);
  });

  test("charges an update with what it adds", async () => {
    quota(
      "q",
      { "services.nodeports": "3", "requests.storage": "10Gi" },
      { "services.nodeports": "2", "requests.storage": "5Gi" },
    );
    const service = (...ports: object[]) => ({ metadata: { resourceVersion: "1" }, spec: { type: "NodePort", ports } });
    const what = "UPDATE services shop/s";
    expect(await whyRefused(plugin(), { what, oldObject: service({}, {}), object: service({}, {}, {}) })).toBe("");
    expect(used()).toMatchObject({ "services.nodeports": "3" });
    expect(await whyRefused(plugin(), { what, oldObject: service({}, {}, {}), object: service({}) })).toBe("");
    expect(used()).toMatchObject({ "services.nodeports": "3" });
    const claim = (storage: string) => ({ spec: { resources: { requests: { storage } } } });
    expect(
      await whyRefused(plugin(), {
        what: "UPDATE persistentvolumeclaims shop/c",
        oldObject: claim("5Gi"),
        object: claim("11Gi"),
      }),
    ).toBe(
      "exceeded quota: q, requested: requests.storage=6Gi, used: requests.storage=5Gi, limited: requests.storage=10Gi",
    );
  });

  test("charges nothing for a dry run, and judges it all the same", async () => {
    quota("q", { pods: "1" }, { pods: "0" });
    expect(await createPod(podOf(), { dryRun: true })).toBe("");
    expect(used()).toEqual({ pods: "0" });
    quota("q", { pods: "1" }, { pods: "1" });
    expect(await createPod(podOf(), { dryRun: true })).toMatch(/^exceeded quota/);
  });

  test("does not count compute of pods that have ended", async () => {
    quota("q", { pods: "0", "count/pods": "1" }, { pods: "0", "count/pods": "0" });
    expect(await createPod({ ...podOf(), status: { phase: "Succeeded" } })).toBe("");
    expect(used()).toEqual({ pods: "0", "count/pods": "1" });
  });

  test("refuses until the cache is there", async () => {
    objects.hasSynced = () => false;
    expect(await createPod(podOf())).toBe("not yet ready to handle request");
  });
});

describe("ResourceQuota scopes", () => {
  const burstable = podOf(container({ cpu: "1" }));
  const affinity = (term: object) => ({ podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [term] } });
  const matching = (operator: string, values?: string[]) => ({
    scopeSelector: { matchExpressions: [{ scopeName: "PriorityClass", operator, ...(values ? { values } : {}) }] },
  });

  test.each<[string, object, object, boolean]>([
    ["Terminating", { scopes: ["Terminating"] }, { spec: { containers: [], activeDeadlineSeconds: 5 } }, true],
    ["Terminating", { scopes: ["Terminating"] }, podOf(), false],
    ["NotTerminating", { scopes: ["NotTerminating"] }, podOf(), true],
    ["BestEffort", { scopes: ["BestEffort"] }, podOf(container()), true],
    ["BestEffort", { scopes: ["BestEffort"] }, burstable, false],
    ["NotBestEffort", { scopes: ["NotBestEffort"] }, burstable, true],
    ["both", { scopes: ["NotBestEffort", "Terminating"] }, burstable, false],
    ["PriorityClass", { scopes: ["PriorityClass"] }, { spec: { containers: [], priorityClassName: "high" } }, true],
    ["PriorityClass", { scopes: ["PriorityClass"] }, podOf(), false],
    ["PriorityClass In", matching("In", ["high"]), { spec: { containers: [], priorityClassName: "high" } }, true],
    ["PriorityClass In", matching("In", ["high"]), { spec: { containers: [], priorityClassName: "low" } }, false],
    ["PriorityClass NotIn", matching("NotIn", ["high"]), podOf(), true],
    ["PriorityClass DoesNotExist", matching("DoesNotExist"), podOf(), true],
    [
      "CrossNamespacePodAffinity",
      { scopes: ["CrossNamespacePodAffinity"] },
      { spec: { containers: [], affinity: affinity({ namespaces: ["x"] }) } },
      true,
    ],
    [
      "CrossNamespacePodAffinity",
      { scopes: ["CrossNamespacePodAffinity"] },
      { spec: { containers: [], affinity: affinity({ topologyKey: "z" }) } },
      false,
    ],
  ])("%s: %j on %j: %s", async (_name, spec, pod, applies) => {
    quota("q", { pods: "0" }, { pods: "0" }, spec);
    expect((await createPod(pod)) !== "").toBe(applies);
  });

  test("VolumeAttributesClass", async () => {
    quota("q", { persistentvolumeclaims: "0" }, { persistentvolumeclaims: "0" }, { scopes: ["VolumeAttributesClass"] });
    const create = (spec: object) =>
      whyRefused(plugin(), { what: "CREATE persistentvolumeclaims shop/c", object: { spec } });
    expect(await create({})).toBe("");
    expect(await create({ volumeAttributesClassName: "fast" })).toMatch(/^exceeded quota/);
  });

  test("count a pod when an update brings it into the scope", async () => {
    quota("q", { pods: "1" }, { pods: "0" }, { scopes: ["Terminating"] });
    const what = "UPDATE pods shop/web";
    const object = { spec: { containers: [], activeDeadlineSeconds: 5 } };
    expect(await whyRefused(plugin(), { what, oldObject: podOf(), object })).toBe("");
    expect(used()).toEqual({ pods: "1" });
  });
});

describe("ResourceQuota with many writers", () => {
  const create = (accountant: ReturnType<typeof plugin>, name: string): Promise<boolean> =>
    (
      accountant.validate?.(makeAttributes({ what: `CREATE pods shop/${name}`, object: podOf() })) ?? Promise.resolve()
    ).then(
      () => true,
      () => false,
    );

  test("lets exactly as many through as there is room for, in few updates", async () => {
    quota("q", { pods: "10" }, { pods: "0" });
    const one = plugin();
    const outcomes = await Promise.all(Array.from({ length: 50 }, (_, index) => create(one, `p${index}`)));
    expect(outcomes.filter(Boolean)).toHaveLength(10);
    expect(used()).toEqual({ pods: "10" });
    expect(updates).toBeLessThanOrEqual(2);
  });

  test("loses no charge when two servers race", async () => {
    quota("q", { pods: "12" }, { pods: "0" });
    const servers = [plugin(), plugin()];
    let admitted = 0;
    for (let round = 0; round < 10; round++) {
      const outcomes = await Promise.all(servers.map((server, index) => create(server, `r${round}-${index}`)));
      admitted += outcomes.filter(Boolean).length;
    }
    expect(admitted).toBe(12);
    expect(used()).toEqual({ pods: "12" });
  });

  test("goes by what it wrote itself while the cache still shows the past", async () => {
    quota("q", { pods: "2" }, { pods: "0" });
    const stale = objects.list("", "resourcequotas", "shop");
    objects.list = () => stale as readonly KubeObject[];
    const one = plugin();
    expect([await create(one, "a"), await create(one, "b"), await create(one, "c")]).toEqual([true, true, false]);
    expect(updates).toBe(2);
  });

  test("passes when the quota is deleted meanwhile, and refuses when it cannot be written", async () => {
    quota("q", { pods: "1" }, { pods: "0" });
    const one = plugin();
    const stale = objects.list("", "resourcequotas", "shop");
    objects.list = () => stale as readonly KubeObject[];
    objects.remove("", "resourcequotas", "shop", "q");
    expect(await create(one, "a")).toBe(true);
    objects.update = () => Promise.reject(new Error("disk full"));
    expect(await create(one, "b")).toBe(false);
  });

  test("charges each of several quotas", async () => {
    quota("a", { pods: "5" }, { pods: "0" });
    quota("b", { "count/pods": "1" }, { "count/pods": "0" });
    const one = plugin();
    expect(await create(one, "x")).toBe(true);
    expect([used("a"), used("b")]).toEqual([{ pods: "1" }, { "count/pods": "1" }]);
    expect(await create(one, "y")).toBe(false);
    expect(used("a")).toEqual({ pods: "1" });
  });
});
