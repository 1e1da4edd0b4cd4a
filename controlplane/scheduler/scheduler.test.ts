import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Node, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { Informers } from "#pkg/kube/informers.ts";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { startScheduler } from "./scheduler.ts";

let clock: FakeClock;
let api: FakeApi;
let informers: Informers;
let scheduler: AsyncDisposable;
let events: string[];

beforeEach(async () => {
  clock = new FakeClock();
  api = new FakeApi({ clock });
  events = [];
  const client = api.client();
  const random = new SeededRandom();
  informers = new Informers({ client, clock, random, log: silentLogger });
  scheduler = await startScheduler({
    client,
    informers,
    clock,
    random,
    log: silentLogger,
    events: { event: (about, _type, reason, message) => events.push(`${about.metadata.name} ${reason}: ${message}`) },
  });
  await clock.advance(1);
});
afterEach(async () => {
  await scheduler[Symbol.asyncDispose]();
  await informers[Symbol.asyncDispose]();
});

function addNode(name: string, cpu = "1"): void {
  const node: Node = {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name } },
    spec: {},
    status: { allocatable: { cpu, memory: "1Gi", pods: "10" } },
  };
  api.seed(node);
}

function addPod(name: string, cpu = "500m", spec: Partial<PodSpec> = {}): void {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace: "default", name },
    spec: {
      schedulerName: "default-scheduler",
      containers: [{ name: "c", resources: { requests: { cpu } } }],
      ...spec,
    },
  };
  api.seed(pod);
}

const bindings = (): readonly string[] =>
  api.requests
    .filter(({ subresource }) => subresource === "binding")
    .map(({ name, body }) => `${name} ${(body as { target: { name: string } }).target.name}`);
const statusOf = (name: string): Pod["status"] => api.peek(resources.pods, "default", name)?.status;

describe("startScheduler", () => {
  test("binds pods to nodes that have room, the important ones first", async () => {
    addPod("low", "600m");
    addPod("high", "600m", { priority: 10, preemptionPolicy: "Never" });
    addNode("a");
    await clock.advance(5000);
    expect(bindings()).toEqual(["high a"]);
    expect(events).toContain("high Scheduled: Successfully assigned default/high to a");
    expect(
      events.some((event) => event.startsWith("low FailedScheduling: 0/1 nodes are available: 1 Insufficient cpu.")),
    ).toBe(true);
  });

  test("says in the pod's status why it waits, once, and binds it when a node comes", async () => {
    addPod("p");
    await clock.advance(10);
    expect(statusOf("p")?.conditions).toEqual([
      expect.objectContaining({
        type: "PodScheduled",
        status: "False",
        reason: "Unschedulable",
        message: expect.stringContaining("no nodes available") as string,
      }),
    ]);
    const writes = api.requests.filter(({ verb }) => verb === "patch").length;
    await clock.advance(700_000);
    expect(api.requests.filter(({ verb }) => verb === "patch").length).toBe(writes);
    addNode("a");
    await clock.advance(11_000);
    expect(bindings()).toEqual(["p a"]);
  });

  test("leaves gated pods and those of other schedulers alone", async () => {
    addNode("a");
    addPod("gated", "1m", { schedulingGates: [{ name: "wait" }] });
    addPod("foreign", "1m", { schedulerName: "other" });
    addPod("mine", "1m");
    await clock.advance(10);
    expect(bindings()).toEqual(["mine a"]);
  });

  test("a binding that fails is tried again, and its room is free meanwhile", async () => {
    addNode("a");
    api.failNext({ subresource: "binding", error: StatusError.internal("no") });
    addPod("p");
    await clock.advance(5);
    expect(bindings()).toHaveLength(1);
    await clock.advance(3000);
    expect(bindings()).toEqual(["p a", "p a"]);
  });

  test("evicts a less important pod for one that fits nowhere else, and says so on both", async () => {
    addNode("a");
    addPod("victim", "800m", { nodeName: "a", priority: 1 });
    await clock.advance(5);
    addPod("boss", "800m", { priority: 100 });
    await clock.advance(50);
    expect(statusOf("boss")?.nominatedNodeName).toBe("a");
    expect(api.requests.some(({ verb, name }) => verb === "delete" && name === "victim")).toBe(true);
    expect(events.some((event) => event.startsWith("victim Preempted: Preempted by pod"))).toBe(true);
    await api.client().pods.in("default").delete("victim", { gracePeriodSeconds: 0 });
    await clock.advance(11_000);
    expect(bindings()).toEqual(["boss a"]);
  });

  test("room on a node counts again when its pod is gone", async () => {
    addNode("a");
    addPod("first", "800m", { nodeName: "a" });
    await clock.advance(5);
    addPod("second", "800m");
    await clock.advance(5);
    expect(bindings()).toEqual([]);
    await api.client().pods.in("default").delete("first", { gracePeriodSeconds: 0 });
    await clock.advance(2000);
    expect(bindings()).toEqual(["second a"]);
  });
});
