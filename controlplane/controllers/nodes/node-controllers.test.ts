/** Taints, lost nodes, eviction, addresses of nodes and left-over pods on a fake API. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Node, Pod, Toleration } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { podCondition } from "#pkg/api/pod-status.ts";
import { resources } from "#pkg/kube/resources.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { ControllerHarness } from "../testing/controller-harness.ts";
import { startNodeHealthMonitor } from "./node-health-monitor.ts";
import { startNodeIpamController } from "./node-ipam-controller.ts";
import { startNodeTaintController } from "./node-taint-controller.ts";
import { startPodGarbageCollector } from "./pod-garbage-collector.ts";
import { startTaintEvictionController } from "./taint-eviction-controller.ts";

let harness: ControllerHarness;

beforeEach(() => {
  harness = new ControllerHarness();
});
afterEach(() => harness[Symbol.asyncDispose]());

async function makeNode(name: string, ready: "True" | "False" = "True", zone = "z"): Promise<void> {
  const labels = { "topology.kubernetes.io/zone": zone };
  await harness.client.nodes.create({ apiVersion: "v1", kind: "Node", metadata: { name, labels }, spec: {} });
  await report(name, ready);
}

async function report(name: string, ready: "True" | "False"): Promise<void> {
  const now = formatTime(harness.clock.now());
  const condition = { type: "Ready", status: ready, lastHeartbeatTime: now, lastTransitionTime: now };
  const body = { status: { conditions: [condition] } };
  await harness.client.nodes.patch(name, { type: "merge", body }, { subresource: "status" });
}

async function makePod(name: string, node: string | undefined, tolerations: Toleration[] = []): Promise<void> {
  const pod: Pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "a" },
    spec: { containers: [], tolerations, ...(node === undefined ? {} : { nodeName: node }) },
  };
  await harness.client.pods.in("a").create(pod);
  const body = { status: { phase: "Running", conditions: [{ type: "Ready", status: "True" }] } };
  await harness.client.pods.in("a").patch(name, { type: "merge", body }, { subresource: "status" });
}

const node = (name: string) => harness.api.peek(resources.nodes, "", name) as Stored<Node>;
const pod = (name: string) => harness.api.peek(resources.pods, "a", name);
const taintsOf = (name: string) =>
  (node(name).spec?.taints ?? []).map(({ key, effect }) => `${key.split("/")[1]}:${effect}`).sort();
const readyOf = (name: string) => node(name).status?.conditions?.find(({ type }) => type === "Ready");

describe("startNodeTaintController", () => {
  test("taints follow the conditions, and those of other people stay", async () => {
    await makeNode("n1", "False");
    await harness.client.nodes.patch("n1", {
      type: "merge",
      body: { spec: { unschedulable: true, taints: [{ key: "own", effect: "NoSchedule" }] } },
    });
    await harness.run(startNodeTaintController);
    await harness.settle();
    expect(node("n1").spec?.taints?.map(({ key }) => key)).toEqual([
      "own",
      "node.kubernetes.io/not-ready",
      "node.kubernetes.io/unschedulable",
    ]);
    await harness.client.nodes.patch("n1", { type: "merge", body: { spec: { unschedulable: false } } });
    await report("n1", "True");
    await harness.settle();
    expect(node("n1").spec?.taints?.map(({ key }) => key)).toEqual(["own"]);
  });
});

describe("startNodeHealthMonitor", () => {
  const graceMs = 50_000;
  const start = () => harness.run((context) => startNodeHealthMonitor(context, { graceMs }));

  test("a silent node becomes Unknown after the grace period, and its pods not ready", async () => {
    await makeNode("n1");
    await makePod("p", "n1");
    await start();
    await harness.settle(graceMs - 5_000);
    expect(readyOf("n1")?.status).toBe("True");
    await harness.settle(15_000);
    expect(readyOf("n1")).toMatchObject({
      status: "Unknown",
      reason: "NodeStatusUnknown",
      message: "Kubelet stopped posting node status.",
    });
    const shown = pod("p");
    expect(shown && podCondition(shown, "Ready")?.status).toBe("False");
    expect(harness.events).toContain("Node/n1 NodeNotReady: Node n1 status is now: NodeNotReady");
  });

  test("a lease that is renewed is a sign of life", async () => {
    await makeNode("n1");
    const leases = harness.client.leases.in("kube-node-lease");
    const metadata = { name: "n1", namespace: "kube-node-lease" };
    await leases.create({ apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: {} });
    await start();
    for (let i = 0; i < 12; i++) {
      await harness.settle(10_000);
      const renewTime = `2026-01-01T00:00:${10 + i}.000000Z`;
      await leases.patch("n1", { type: "merge", body: { spec: { renewTime } } });
    }
    expect(readyOf("n1")?.status).toBe("True");
  });

  test("a node that never reported is given a minute", async () => {
    await harness.client.nodes.create({ apiVersion: "v1", kind: "Node", metadata: { name: "n1" }, spec: {} });
    await start();
    await harness.settle(55_000);
    expect(readyOf("n1")).toBeUndefined();
    await harness.settle(15_000);
    expect(readyOf("n1")?.reason).toBe("NodeStatusNeverUpdated");
  });

  test("a lost node is tainted NoExecute, and no more when it is back", async () => {
    for (const name of ["n1", "n2", "n3"]) await makeNode(name);
    await start();
    await report("n1", "False");
    await harness.settle(1_000);
    expect([taintsOf("n1"), taintsOf("n2")]).toEqual([["not-ready:NoExecute"], []]);
    await report("n1", "True");
    await harness.settle(1_000);
    expect(taintsOf("n1")).toEqual([]);
  });

  test("nodes of a zone are emptied one in ten seconds", async () => {
    for (const name of ["n1", "n2", "n3", "n4", "n5"]) await makeNode(name);
    await start();
    await report("n1", "False");
    await report("n2", "False");
    await harness.settle(1_000);
    const tainted = () => ["n1", "n2"].filter((name) => taintsOf(name).length > 0).length;
    expect(tainted()).toBe(1);
    await harness.settle(15_000);
    expect(tainted()).toBe(2);
  });

  test("when most of a small zone is down nothing is emptied; when all is down taints go", async () => {
    for (const name of ["n1", "n2", "n3", "n4"]) await makeNode(name);
    await start();
    for (const name of ["n1", "n2", "n3"]) await report(name, "False");
    await harness.settle(30_000);
    expect(["n1", "n2", "n3"].flatMap(taintsOf).length).toBeLessThanOrEqual(1);
    await report("n4", "False");
    await harness.settle(6_000);
    expect(["n1", "n2", "n3", "n4"].flatMap(taintsOf)).toEqual([]);
  });
});

describe("startTaintEvictionController", () => {
  const noExecute = { type: "merge", body: { spec: { taints: [{ key: "x", effect: "NoExecute" }] } } } as const;
  const tolerating = (tolerationSeconds?: number): Toleration[] => [
    {
      key: "x",
      operator: "Exists",
      effect: "NoExecute",
      ...(tolerationSeconds === undefined ? {} : { tolerationSeconds }),
    },
  ];
  const isLeaving = (name: string) => pod(name)?.metadata.deletionTimestamp !== undefined;

  beforeEach(async () => {
    await makeNode("n1");
    await harness.run(startTaintEvictionController);
  });

  test("pods leave at once, when their time is up, or never, as they tolerate", async () => {
    await makePod("none", "n1");
    await makePod("some", "n1", tolerating(60));
    await makePod("all", "n1", tolerating());
    await harness.client.nodes.patch("n1", noExecute);
    await harness.settle();
    expect(["none", "some", "all"].map(isLeaving)).toEqual([true, false, false]);
    const evicted = pod("none");
    expect(evicted && podCondition(evicted, "DisruptionTarget")).toMatchObject({ reason: "DeletionByTaintManager" });
    await harness.settle(61_000);
    expect(["some", "all"].map(isLeaving)).toEqual([true, false]);
  });

  test("a taint that goes in time saves the pod, and the next one starts from the beginning", async () => {
    await makePod("some", "n1", tolerating(60));
    await harness.client.nodes.patch("n1", noExecute);
    await harness.settle(50_000);
    await harness.client.nodes.patch("n1", { type: "merge", body: { spec: { taints: null } } });
    await harness.settle(50_000);
    await harness.client.nodes.patch("n1", noExecute);
    await harness.settle(50_000);
    expect(isLeaving("some")).toBe(false);
    expect(harness.events).toContain("Pod/some TaintManagerEviction: Cancelling deletion of Pod a/some");
  });

  test("a pod that is bound to a tainted node leaves too", async () => {
    await harness.client.nodes.patch("n1", noExecute);
    await makePod("late", "n1");
    await harness.settle();
    expect(isLeaving("late")).toBe(true);
  });
});

describe("startNodeIpamController", () => {
  test("every node has a part of its own; one that is freed is given again", async () => {
    await harness.run((context) => startNodeIpamController(context, "10.244.0.0/23"));
    for (const name of ["n1", "n2", "n3"]) await makeNode(name);
    await harness.settle();
    expect(["n1", "n2", "n3"].map((name) => node(name).spec?.podCIDRs)).toEqual([
      ["10.244.0.0/24"],
      ["10.244.1.0/24"],
      undefined,
    ]);
    expect(harness.events).toContain("Node/n3 CIDRNotAvailable: Node n3 status is now: CIDRNotAvailable");
    await harness.client.nodes.delete("n1");
    await harness.settle();
    expect(node("n3").spec?.podCIDR).toBe("10.244.0.0/24");
  });

  test("two nodes at once get different parts while the cache lags", async () => {
    await harness.run((context) => startNodeIpamController(context, "10.244.0.0/16"));
    await Promise.all(["n1", "n2"].map((name) => makeNode(name)));
    await harness.settle();
    expect(new Set(["n1", "n2"].map((name) => node(name).spec?.podCIDR)).size).toBe(2);
  });
});

describe("startPodGarbageCollector", () => {
  test("pods of a node that is gone fail and go, after a quarantine", async () => {
    await makeNode("n1");
    await makePod("kept", "n1");
    await makePod("orphan", "gone");
    await harness.run((context) => startPodGarbageCollector(context));
    await harness.settle(30_000);
    expect(harness.names(resources.pods)).toEqual(["kept", "orphan"]);
    await harness.settle(40_000);
    expect(harness.names(resources.pods)).toEqual(["kept"]);
    const patch = harness.api.requests.find(({ name, subresource, body }) => {
      return name === "orphan" && subresource === "status" && JSON.stringify(body).includes("DeletionByPodGC");
    });
    expect(patch?.body).toMatchObject({ status: { phase: "Failed" } });
  });

  test("of too many finished pods the oldest go", async () => {
    await makeNode("n1");
    for (const name of ["p1", "p2", "p3"]) {
      await makePod(name, "n1");
      const body = { status: { phase: "Succeeded" } };
      await harness.client.pods.in("a").patch(name, { type: "merge", body }, { subresource: "status" });
      await harness.settle(2_000);
    }
    await harness.run((context) => startPodGarbageCollector(context, 1));
    await harness.settle(21_000);
    expect(harness.names(resources.pods)).toEqual(["p3"]);
  });

  test("pods that are stuck on a node out of service go", async () => {
    await makeNode("n1", "False");
    await makePod("p", "n1");
    await harness.client.pods.in("a").delete("p");
    await harness.run((context) => startPodGarbageCollector(context));
    await harness.settle(21_000);
    expect(harness.names(resources.pods)).toEqual(["p"]);
    const taints = [{ key: "node.kubernetes.io/out-of-service", effect: "NoExecute" }];
    await harness.client.nodes.patch("n1", { type: "merge", body: { spec: { taints } } });
    await harness.settle(21_000);
    expect(harness.names(resources.pods)).toEqual([]);
  });
});
