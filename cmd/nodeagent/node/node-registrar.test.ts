import { beforeEach, describe, expect, test } from "vitest";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import type { NodeFacts } from "./build-node-status.ts";
import { hasCapability } from "./capabilities.ts";
import { hugepageResource, parseMemoryTotal, parseOsName } from "./machine-info.ts";
import { NodeLease } from "./node-lease.ts";
import { NodeRegistrar } from "./node-registrar.ts";

const facts: NodeFacts = {
  name: "n1",
  addresses: ["192.0.2.1"],
  machine: {
    cpus: 4,
    memoryBytes: 8 * 2 ** 30,
    diskBytes: 100 * 2 ** 30,
    hugepages: { "hugepages-2Mi": 2 ** 30 },
    maxPids: 32_768,
    machineId: "m",
    systemUuid: "u",
    bootId: "b",
    kernelVersion: "6.1",
    osImage: "Debian",
    architecture: "amd64",
    lowestOomScoreAdj: undefined,
  },
  runtime: { name: "containerd", version: "1.6", runtimeProblem: undefined, networkProblem: undefined, handlers: [] },
  agentProblem: undefined,
  images: [],
  reserved: { milliCpu: 500, memoryBytes: 2 ** 30, diskBytes: 0, pids: 0 },
  evictionReserve: { memoryBytes: 100 * 2 ** 20, diskBytes: 10 * 2 ** 30 },
  maxPods: 110,
  port: 10_250,
  version: "v1.36.0",
  labels: { zone: "a" },
  taints: [],
};

describe("NodeRegistrar", () => {
  let clock: FakeClock;
  let api: FakeApi;
  let current: NodeFacts;
  let cidrs: (readonly string[])[];
  let registrar: NodeRegistrar;
  const { signal } = new AbortController();
  beforeEach(() => {
    clock = new FakeClock();
    api = new FakeApi({ clock });
    current = facts;
    cidrs = [];
    registrar = new NodeRegistrar({
      nodes: api.client().nodes,
      clock,
      facts: async () => current,
      network: { setPodCidrs: async (given) => void cidrs.push(given) },
      registers: true,
      reportIntervalMs: 300_000,
    });
  });
  const node = () => api.peek(resources.nodes, "", "n1");
  const ready = () => node()?.status?.conditions?.find(({ type }) => type === "Ready");
  const writes = () => api.requests.filter(({ verb }) => verb !== "get").length;

  test("registers with labels, capacity and what pods may have of it", async () => {
    await registrar.sync(signal);
    expect(node()?.metadata.labels).toMatchObject({
      zone: "a",
      "kubernetes.io/hostname": "n1",
      "kubernetes.io/arch": "amd64",
    });
    expect(node()?.status).toMatchObject({
      capacity: { cpu: "4", memory: `${8 * 2 ** 20}Ki`, pods: "110", "hugepages-2Mi": String(2 ** 30) },
      allocatable: { cpu: "3500m", memory: `${8 * 2 ** 20 - 2 ** 20 - 100 * 1024 - 2 ** 20}Ki` },
      daemonEndpoints: { kubeletEndpoint: { Port: 10_250 } },
    });
    expect(ready()).toMatchObject({ status: "True", reason: "KubeletReady" });
  });

  test("writes only what changed, and every five minutes", async () => {
    await registrar.sync(signal);
    const before = writes();
    await clock.advance(10_000);
    await registrar.sync(signal);
    expect(writes()).toBe(before);
    await clock.advance(300_000);
    await registrar.sync(signal);
    expect(writes()).toBe(before + 1);
    current = { ...facts, runtime: { ...facts.runtime, networkProblem: "no CNI" } };
    await registrar.sync(signal);
    expect(ready()).toMatchObject({ status: "False", reason: "KubeletNotReady", message: "no CNI" });
  });

  test("takes over the Node of a former run, mends its labels and keeps people's own", async () => {
    api.seed({
      apiVersion: "v1",
      kind: "Node",
      metadata: { name: "n1", labels: { mine: "x", "kubernetes.io/arch": "arm64" } },
      spec: { podCIDR: "10.244.1.0/24" },
      status: { conditions: [{ type: "NetworkUnavailable", status: "False" }] },
    });
    await registrar.sync(signal);
    expect(node()?.metadata.labels).toMatchObject({ mine: "x", "kubernetes.io/arch": "amd64" });
    expect(node()?.status?.conditions?.map(({ type }) => type)).toContain("NetworkUnavailable");
    expect(cidrs).toEqual([["10.244.1.0/24"]]);
  });

  test("hands on a pod CIDR once, when it comes", async () => {
    await registrar.sync(signal);
    const withCidr = await api
      .client()
      .nodes.patch("n1", { type: "merge", body: { spec: { podCIDR: "10.244.2.0/24" } } });
    await registrar.noteApiState(withCidr);
    await registrar.noteApiState(withCidr);
    expect(cidrs).toEqual([["10.244.2.0/24"]]);
  });

  test("a Node that was deleted is made anew", async () => {
    await registrar.sync(signal);
    await api.client().nodes.delete("n1");
    await registrar.noteApiState(undefined);
    await registrar.sync(signal);
    expect(ready()?.status).toBe("True");
  });
});

describe("NodeLease", () => {
  const { signal } = new AbortController();
  const open = () => {
    const clock = new FakeClock();
    const api = new FakeApi({ clock });
    const leases = api.client().leases;
    const lease = new NodeLease({ leases, clock, nodeName: "n1", durationSeconds: 40, nodeUid: () => "u" });
    const stored = () => api.peek(resources.leases, "kube-node-lease", "n1");
    return { clock, api, lease, stored };
  };

  test("is made, then renewed with one request each", async () => {
    const { clock, api, lease, stored } = open();
    await lease.renew(signal);
    expect(stored()?.spec).toMatchObject({ holderIdentity: "n1", leaseDurationSeconds: 40 });
    const first = stored()?.spec?.renewTime;
    await clock.advance(10_000);
    await lease.renew(signal);
    expect(stored()?.spec?.renewTime).not.toBe(first);
    expect(api.requests.map(({ verb }) => verb)).toEqual(["create", "update"]);
  });

  test("is renewed also when it was there, was changed, or was deleted", async () => {
    const { api, lease, stored } = open();
    const metadata = { name: "n1", namespace: "kube-node-lease" };
    api.seed({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: { holderIdentity: "old" } });
    await lease.renew(signal);
    expect(stored()?.spec?.holderIdentity).toBe("n1");
    const leases = api.client().leases.in("kube-node-lease");
    await leases.patch("n1", { type: "merge", body: { metadata: { labels: { a: "b" } } } });
    await lease.renew(signal);
    await leases.delete("n1");
    await lease.renew(signal);
    expect(stored()?.spec?.holderIdentity).toBe("n1");
  });
});

describe("machine facts", () => {
  test("are read from the kernel's texts", () => {
    expect(parseMemoryTotal("MemTotal:       16316412 kB\nMemFree: 1 kB\n")).toBe(16_316_412 * 1024);
    expect(parseOsName('NAME="x"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n')).toBe(
      "Debian GNU/Linux 12 (bookworm)",
    );
    expect([4, 2048, 1_048_576].map(hugepageResource)).toEqual(["hugepages-4Ki", "hugepages-2Mi", "hugepages-1Gi"]);
  });

  test("capabilities are bits of a mask", () => {
    expect(hasCapability("Name: x\nCapEff:\t000001ffffffffff\n", "CAP_SYS_RESOURCE")).toBe(true);
    expect(hasCapability("CapEff:\t000001fffeffffff\n", "CAP_SYS_RESOURCE")).toBe(false);
    expect(hasCapability("", "CAP_SYS_ADMIN")).toBe(false);
  });
});
