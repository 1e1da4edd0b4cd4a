/** The whole agent on a runtime, an API and a clock in memory. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Container, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import { createCgroupManager } from "#pkg/cgroups/cgroup-manager.ts";
import { FakeRuntime } from "#pkg/cri/testing/fake-runtime.ts";
import { createKubeClient } from "#pkg/kube/client.ts";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import type { Transport } from "#pkg/kube/transport.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { MemoryFiles } from "#pkg/system/testing/memory-files.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { type NodeAgent, startNodeAgent } from "./node-agent.ts";
import { combineOptions, parseFlags } from "./options.ts";
import { MemoryKernelFiles } from "./pods/testing/memory-kernel-files.ts";
import { plainParts } from "./pods/testing/null-ports.ts";

const forever = ["/bin/sh", "-c", "while :; do sleep 1; done"];
const stubborn = ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"];

describe("startNodeAgent", () => {
  let clock: FakeClock;
  let fake: FakeRuntime;
  let api: FakeApi;
  let kernel: KernelFiles;
  let agent: NodeAgent;
  let isAway: boolean;
  const transport: Transport = {
    request: async (request) => {
      if (isAway) throw new BerthError("Unavailable", "the server is away");
      return await api.request(request);
    },
    [Symbol.asyncDispose]: async () => undefined,
  };
  beforeEach(async () => {
    isAway = false;
    clock = new FakeClock();
    fake = new FakeRuntime(clock);
    fake.images.add("app:1");
    api = new FakeApi({ clock });
    kernel = new MemoryKernelFiles();
    agent = await start();
    await settle();
  });
  afterEach(() => agent[Symbol.asyncDispose]());

  const start = (): Promise<NodeAgent> =>
    startNodeAgent(
      combineOptions(parseFlags(["--kubeconfig", "k", "--hostname-override", "n1", "--root-dir", "/"]), {}),
      {
        client: createKubeClient(transport, { userAgent: "test", clock }),
        cri: { runtime: fake.runtime, images: fake.imageService, [Symbol.asyncDispose]: async () => undefined },
        cgroups: createCgroupManager({ root: "/cg", version: "v2", files: kernel, kill: () => undefined }),
        network: { setPodCidrs: async () => undefined },
        makeParts: () => ({ ...plainParts }),
        clock,
        random: new SeededRandom(1),
        files: new MemoryFiles(),
        kernelFiles: kernel,
        scratch: { makeEmpty: async () => undefined, readHead: async () => undefined, readTail: async () => undefined },
        log: silentLogger,
        findAddresses: async () => ["192.0.2.1"],
      },
    );
  const settle = (ms = 100): Promise<void> => clock.advance(ms);
  const create = (spec: Partial<PodSpec> & { containers?: Container[] } = {}) =>
    api.client().pods.create({
      metadata: { name: "p", namespace: "ns" },
      spec: {
        nodeName: "n1",
        restartPolicy: "Always",
        containers: [{ name: "a", image: "app:1", command: forever }],
        ...spec,
      },
    });
  const pod = (): Pod | undefined => api.peek(resources.pods, "ns", "p");
  const remove = (gracePeriodSeconds: number) => api.client().pods.in("ns").delete("p", { gracePeriodSeconds });
  const events = () => api.peekAll(resources.events).map(({ reason }) => reason);

  test("a pod runs, with the address of its sandbox, and its events tell how it came to be", async () => {
    await create();
    await settle();
    expect(pod()?.status).toMatchObject({ phase: "Running", podIP: expect.stringMatching(/^10\./) });
    expect(events()).toEqual(expect.arrayContaining(["Pulled", "Created", "Started"]));
  });

  test("an image that does not come is tried again with growing delays", async () => {
    await create({ containers: [{ name: "a", image: "gone:1", command: forever }] });
    await settle();
    const reason = () => pod()?.status?.containerStatuses?.[0]?.state?.waiting?.reason;
    expect(reason()).toMatch(/^ErrImagePull$|^ImagePullBackOff$/);
    expect(fake.calls.filter((call) => call.startsWith("pullImage"))).toHaveLength(1);
    await settle(5_000);
    fake.registry.add("gone:1");
    await settle(10_000);
    expect(pod()?.status?.containerStatuses?.[0]?.state?.waiting).toBeUndefined();
  });

  test("a sandbox that fails is tried again, and said why", async () => {
    fake.failNext("runPodSandbox", new BerthError("Internal", "no network"));
    await create();
    await settle();
    expect(events()).toContain("FailedCreatePodSandBox");
    await settle(2_000);
    expect(pod()?.status?.phase).toBe("Running");
  });

  test("a crash is seen by its event, not by the next look", async () => {
    await create();
    await settle();
    fake.crash(fake.running("a")[0]?.id ?? "", 1);
    await settle(200);
    expect(pod()?.status?.containerStatuses?.[0]).toMatchObject({ restartCount: 1, state: { running: {} } });
  });

  test("a deletion lasts as long as the grace period; a shorter one ends it sooner", async () => {
    await create({ terminationGracePeriodSeconds: 60, containers: [{ name: "a", image: "app:1", command: stubborn }] });
    await settle();
    await remove(60);
    await settle(30_000);
    expect(pod()).toBeDefined();
    await remove(5);
    await settle(6_000);
    expect(pod()).toBeUndefined();
    expect([fake.sandboxes.size, fake.containers.size]).toEqual([0, 0]);
  });

  test("preStop runs first and its time counts", async () => {
    const lifecycle = { preStop: { sleep: { seconds: 4 } } };
    await create({
      terminationGracePeriodSeconds: 10,
      containers: [{ name: "a", image: "app:1", command: forever, lifecycle }],
    });
    await settle();
    await remove(10);
    await settle(3_000);
    expect(fake.running("a")).toHaveLength(1);
    await settle(2_000);
    expect(fake.calls).toContain("stopContainer a 6");
    expect(pod()).toBeUndefined();
  });

  test("a failed postStart hook ends the container", async () => {
    const lifecycle = { postStart: { exec: { command: ["/bin/sh", "-c", "exit 1"] } } };
    await create({ containers: [{ name: "a", image: "app:1", command: forever, lifecycle }] });
    await settle(20);
    expect(events()).toContain("FailedPostStartHook");
    expect(fake.calls).toContain("stopContainer a 30");
  });

  test("sidecars end after the containers they serve, the last first", async () => {
    const side = (name: string): Container => ({ name, image: "app:1", command: forever, restartPolicy: "Always" });
    await create({
      initContainers: [side("s1"), side("s2")],
      containers: [
        { name: "a", image: "app:1", command: ["/bin/sh", "-c", "trap '' TERM; while :; do sleep 1; done"] },
      ],
      terminationGracePeriodSeconds: 10,
    });
    await settle();
    await remove(3);
    await settle(8_000);
    const stops = fake.calls.filter((call) => call.startsWith("stopContainer")).map((call) => call.split(" ")[1]);
    expect(stops).toEqual(["a", "s2", "s1"]);
    expect(pod()).toBeUndefined();
  });

  test("activeDeadlineSeconds ends the pod as failed", async () => {
    await create({ activeDeadlineSeconds: 20 });
    await settle();
    await settle(21_000);
    expect(pod()?.status).toMatchObject({ phase: "Failed", reason: "DeadlineExceeded" });
    expect(fake.running()).toEqual([]);
  });

  test("while the API is away containers are kept and restarted, and the status follows later", async () => {
    await create();
    await settle();
    isAway = true;
    api.breakWatches();
    fake.crash(fake.running("a")[0]?.id ?? "", 1);
    await settle(2_000);
    expect(fake.running("a")).toHaveLength(1);
    expect(pod()?.status?.containerStatuses?.[0]?.restartCount).toBe(0);
    isAway = false;
    await settle(120_000);
    expect(pod()?.status?.containerStatuses?.[0]?.restartCount).toBe(1);
  });

  test("an agent that starts anew takes over, and ends what was deleted meanwhile", async () => {
    await create();
    await settle();
    const { calls } = fake;
    await agent[Symbol.asyncDispose]();
    calls.length = 0;
    agent = await start();
    await settle(1_000);
    expect(calls).toEqual([]);
    await agent[Symbol.asyncDispose]();
    await remove(0);
    agent = await start();
    await settle(20_000);
    expect([fake.sandboxes.size, fake.containers.size]).toEqual([0, 0]);
  });

  test("the server's view of the pods finds their containers, runs and sandboxes", async () => {
    await create();
    await settle();
    fake.crash(fake.running("a")[0]?.id ?? "", 1);
    await settle(500);
    const { directory } = agent;
    expect(directory.list().map(({ status }) => status?.phase)).toEqual(["Running"]);
    const about = { namespace: "ns", name: "p", container: "" };
    expect(await directory.findContainer(about)).toMatchObject({ isRunning: true, containerId: fake.running()[0]?.id });
    expect((await directory.findContainer({ ...about, previous: true })).isRunning).toBe(false);
    await expect(directory.findContainer({ ...about, container: "x" })).rejects.toMatchObject({ code: "NotFound" });
    await expect(directory.findSandbox("ns", "other")).rejects.toMatchObject({ code: "NotFound" });
    expect(fake.sandboxes.has(await directory.findSandbox("ns", "p"))).toBe(true);
  });
});
