/** Pods on a real runtime, in real cgroups: start, crash, end. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ContainerStatus, Pod } from "#pkg/api/core/v1.ts";
import { resources } from "#pkg/kube/resources.ts";
import { startTestContainerd, type TestContainerd } from "#test/harness/containerd.ts";
import { startTestAgent, type TestAgent, testNodeName } from "#test/harness/node-agent.ts";

const forever = ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"];
const patience = { timeout: 20_000, interval: 20 };

describe("a node agent on containerd", () => {
  let containerd: TestContainerd;
  let subject: TestAgent;
  beforeAll(async () => {
    containerd = await startTestContainerd();
    subject = await startTestAgent(containerd);
  });
  afterAll(async () => {
    await subject?.[Symbol.asyncDispose]();
    await containerd?.[Symbol.asyncDispose]();
  });

  const phase = (name: string) => subject.pod(name)?.status?.phase;
  const statusOf = (name: string, container = "c0"): ContainerStatus | undefined =>
    subject.pod(name)?.status?.containerStatuses?.find((status) => status.name === container);
  const isTrue = (pod: Pod | undefined, type: string) =>
    pod?.status?.conditions?.find((condition) => condition.type === type)?.status === "True";
  const cgroupOf = (uid: string): string[] =>
    ["memory", "cpu"].flatMap((controller) =>
      ["", "burstable", "besteffort"]
        .map((tier) => path.join("/sys/fs/cgroup", controller, subject.cgroupParent, "kubepods", tier, `pod${uid}`))
        .filter((folder) => existsSync(folder)),
    );
  async function remove(name: string, gracePeriodSeconds = 1): Promise<void> {
    await subject.client.pods.in("default").delete(name, { gracePeriodSeconds });
    await expect.poll(() => subject.pod(name), patience).toBeUndefined();
  }

  test("the node registers with capacity, addresses and a lease", async () => {
    await expect
      .poll(() => subject.api.peek(resources.nodes, "", testNodeName)?.status?.addresses, patience)
      .toBeDefined();
    const node = subject.api.peek(resources.nodes, "", testNodeName);
    expect(node?.status?.addresses).toContainEqual({ type: "InternalIP", address: "127.0.0.1" });
    expect(Number(node?.status?.capacity?.["cpu"])).toBeGreaterThan(0);
    expect(node?.status?.nodeInfo?.containerRuntimeVersion).toMatch(/^containerd:\/\/\d/);
    await expect
      .poll(() => subject.api.peek(resources.leases, "kube-node-lease", testNodeName)?.spec?.holderIdentity, patience)
      .toBe(testNodeName);
  });

  test("a pod runs, is ready, has its cgroup, and leaves nothing behind when it is deleted", async () => {
    const { metadata } = await subject.createPod("plain", [{ command: forever }]);
    await expect.poll(() => phase("plain"), patience).toBe("Running");
    const pod = subject.pod("plain");
    expect(isTrue(pod, "Ready") && isTrue(pod, "PodReadyToStartContainers")).toBe(true);
    expect(pod?.status).toMatchObject({ podIP: "127.0.0.1", hostIP: "127.0.0.1", qosClass: "BestEffort" });
    expect(statusOf("plain")).toMatchObject({ ready: true, started: true, restartCount: 0 });
    expect(cgroupOf(metadata.uid).length).toBeGreaterThan(0);
    await remove("plain");
    expect(cgroupOf(metadata.uid)).toEqual([]);
    expect(existsSync(path.join(subject.folder, "root/pods", metadata.uid))).toBe(false);
    const left = await containerd.cri.runtime.listPodSandbox({
      labelSelector: { "io.kubernetes.pod.uid": metadata.uid },
    });
    expect(left).toEqual([]);
  });

  test("a container that keeps crashing restarts at once, then waits", async () => {
    await subject.createPod("crash", [{ command: ["/bin/sh", "-c", "echo bye > /dev/termination-log; exit 3"] }]);
    await expect.poll(() => statusOf("crash")?.state?.waiting?.reason, patience).toBe("CrashLoopBackOff");
    const status = statusOf("crash");
    expect(status?.restartCount).toBe(1);
    expect(status?.lastState?.terminated).toMatchObject({ exitCode: 3, reason: "Error", message: "bye\n" });
    expect(status?.state?.waiting?.message).toMatch(/^back-off 10s restarting failed container=c0 pod=crash_default\(/);
    await remove("crash");
  });

  test("a container past its memory limit is killed and said to be", async () => {
    await subject.createPod(
      "greedy",
      [
        {
          command: ["/bin/sh", "-c", "dd if=/dev/zero of=/dev/null bs=200M count=10"],
          resources: { limits: { memory: "20Mi" }, requests: { memory: "20Mi" } },
        },
      ],
      { restartPolicy: "Never" },
    );
    await expect.poll(() => phase("greedy"), patience).toBe("Failed");
    expect(statusOf("greedy")?.state?.terminated).toMatchObject({ reason: "OOMKilled", exitCode: 137 });
    await remove("greedy");
  });

  test("init containers run in order, a sidecar stays beside, and a finished pod keeps its logs", async () => {
    await subject.createPod("steps", [{ command: ["/bin/sh", "-c", "echo main"] }], {
      restartPolicy: "Never",
      initContainers: [
        { name: "first", image: containerd.busyboxImage, command: ["/bin/true"] },
        { name: "side", image: containerd.busyboxImage, command: forever, restartPolicy: "Always" },
        { name: "second", image: containerd.busyboxImage, command: ["/bin/true"] },
      ],
    });
    await expect.poll(() => phase("steps"), patience).toBe("Succeeded");
    const pod = subject.pod("steps");
    const init = pod?.status?.initContainerStatuses ?? [];
    expect(init.map(({ name, restartCount }) => [name, restartCount])).toEqual([
      ["first", 0],
      ["side", 0],
      ["second", 0],
    ]);
    const begun = (index: number) => Date.parse(init[index]?.state?.terminated?.startedAt ?? "");
    expect(begun(0)).toBeLessThanOrEqual(begun(2));
    const folder = path.join(subject.folder, "logs", `default_steps_${pod?.metadata.uid}`);
    expect(readFileSync(path.join(folder, "c0/0.log"), "utf8")).toMatch(/ stdout F main\n$/);
    await remove("steps");
    // A pod that is over goes from the API at once; what it left here follows.
    await expect
      .poll(() => readdirSync(path.join(subject.folder, "logs")), patience)
      .not.toContain(path.basename(folder));
  });

  test("a deletion gives the container its grace period, and no more", async () => {
    const stubborn = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];
    await subject.createPod("stubborn", [{ command: stubborn }], { terminationGracePeriodSeconds: 30 });
    await expect.poll(() => phase("stubborn"), patience).toBe("Running");
    const startedAt = Date.now();
    await remove("stubborn", 3);
    expect(Date.now() - startedAt).toBeGreaterThan(2900);
    expect(Date.now() - startedAt).toBeLessThan(8000);
  });

  test("an agent that starts anew takes over what runs", async () => {
    await subject.createPod("adopted", [{ command: forever }]);
    await expect.poll(() => isTrue(subject.pod("adopted"), "Ready"), patience).toBe(true);
    const before = statusOf("adopted");
    const writes = () => subject.api.requests.filter(({ verb, name }) => verb === "patch" && name === "adopted").length;
    const written = writes();
    await subject.restart();
    await subject.createPod("after", [{ command: forever }]);
    await expect.poll(() => phase("after"), patience).toBe("Running");
    expect(statusOf("adopted")).toEqual(before);
    expect(writes()).toBe(written);
    await Promise.all([remove("adopted"), remove("after")]);
  });

  test("what was deleted while the agent was away is ended when it is back", async () => {
    const { metadata } = await subject.createPod("orphan", [{ command: forever }]);
    await expect.poll(() => phase("orphan"), patience).toBe("Running");
    await subject.stop();
    await subject.client.pods.in("default").delete("orphan", { gracePeriodSeconds: 0 });
    await subject.start();
    await expect.poll(() => cgroupOf(metadata.uid), patience).toEqual([]);
    const sandboxes = () =>
      containerd.cri.runtime.listPodSandbox({ labelSelector: { "io.kubernetes.pod.uid": metadata.uid } });
    await expect.poll(sandboxes, patience).toEqual([]);
  });
});
