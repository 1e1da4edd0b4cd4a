/**
 * What every runtime behind the CRI ports must do; run on the fake and on real runtimes. Sandboxes use the host's network,
 * so that no CNI plugin is needed.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImageService } from "../image-service.ts";
import type { ContainerEvent, RuntimeService } from "../runtime-service.ts";

export interface RuntimeUnderTest extends AsyncDisposable {
  readonly runtime: RuntimeService;
  readonly images: ImageService;
  /** An image that is present and has /bin/sh. */
  readonly image: string;
  /** Existing folder for container logs. */
  readonly logFolder: string;
  /** Parent cgroup for the sandboxes, or "". */
  readonly cgroupParent: string;
}

export function runtimeSuite(name: string, open: () => Promise<RuntimeUnderTest>): void {
  describe(`${name} satisfies RuntimeService`, () => {
    let subject: RuntimeUnderTest;
    beforeAll(async () => {
      subject = await open();
    });
    afterAll(async () => {
      await subject[Symbol.asyncDispose]();
    });

    const sandboxConfig = (pod: string) => ({
      metadata: { name: pod, namespace: "default", uid: `uid-${pod}`, attempt: 0 },
      logDirectory: subject.logFolder,
      labels: { "io.kubernetes.pod.uid": `uid-${pod}` },
      linux: {
        cgroupParent: subject.cgroupParent,
        securityContext: {
          namespaceOptions: { network: "NODE" as const, pid: "CONTAINER" as const, ipc: "POD" as const },
        },
      },
    });
    const containerConfig = (container: string, script: string) => ({
      metadata: { name: container, attempt: 0 },
      image: { image: subject.image },
      command: ["/bin/sh", "-c", script],
      logPath: `${container}.log`,
      labels: { "io.kubernetes.container.name": container },
      linux: { resources: { cpuShares: 10 } },
    });

    async function runSandbox(pod: string): Promise<string> {
      return subject.runtime.runPodSandbox(sandboxConfig(pod), "");
    }
    async function startContainer(sandbox: string, pod: string, container: string, script: string): Promise<string> {
      const id = await subject.runtime.createContainer(sandbox, containerConfig(container, script), sandboxConfig(pod));
      await subject.runtime.startContainer(id);
      return id;
    }
    async function waitForState(id: string, state: string): Promise<void> {
      await expect.poll(async () => (await subject.runtime.containerStatus(id)).state, { timeout: 10_000 }).toBe(state);
    }

    test("a sandbox runs, is listed by its labels, stops and goes away; stopping again is harmless", async () => {
      const { runtime } = subject;
      const id = await runSandbox("plain");
      expect((await runtime.podSandboxStatus(id)).state).toBe("SANDBOX_READY");
      const labelSelector = { "io.kubernetes.pod.uid": "uid-plain" };
      expect((await runtime.listPodSandbox({ labelSelector })).map((sandbox) => sandbox.id)).toEqual([id]);
      await runtime.stopPodSandbox(id);
      await runtime.stopPodSandbox(id);
      expect((await runtime.podSandboxStatus(id)).state).toBe("SANDBOX_NOTREADY");
      await runtime.removePodSandbox(id);
      await runtime.removePodSandbox(id);
      await expect(runtime.podSandboxStatus(id)).rejects.toMatchObject({ code: "NotFound" });
    });

    test("a container is created, runs, and keeps its exit code; exec runs beside it", async () => {
      const { runtime } = subject;
      const sandbox = await runSandbox("worker");
      const id = await runtime.createContainer(
        sandbox,
        containerConfig("c", "trap 'exit 7' TERM; while :; do sleep 0.05; done"),
        sandboxConfig("worker"),
      );
      expect((await runtime.containerStatus(id)).state).toBe("CONTAINER_CREATED");
      await runtime.startContainer(id);
      await waitForState(id, "CONTAINER_RUNNING");
      const done = await runtime.execSync(id, ["/bin/sh", "-c", "echo out; echo err >&2; exit 3"], 10);
      expect([done.exitCode, Buffer.from(done.stdout).toString(), Buffer.from(done.stderr).toString()]).toEqual([
        3,
        "out\n",
        "err\n",
      ]);
      await runtime.stopContainer(id, 10);
      const status = await runtime.containerStatus(id);
      expect([status.state, status.exitCode]).toEqual(["CONTAINER_EXITED", 7]);
      expect(status.finishedAt).toBeGreaterThan(0);
      await runtime.removePodSandbox(sandbox);
      await expect(runtime.containerStatus(id)).rejects.toMatchObject({ code: "NotFound" });
    });

    test("a container that ends by itself is exited with its code", async () => {
      const sandbox = await runSandbox("short");
      const id = await startContainer(sandbox, "short", "c", "exit 5");
      await waitForState(id, "CONTAINER_EXITED");
      expect(await subject.runtime.containerStatus(id)).toMatchObject({ exitCode: 5, reason: "Error" });
      await subject.runtime.removePodSandbox(sandbox);
    });

    test("an exec that takes too long is a Timeout", async () => {
      const sandbox = await runSandbox("slow");
      const id = await startContainer(sandbox, "slow", "c", "while :; do sleep 0.05; done");
      await expect(subject.runtime.execSync(id, ["/bin/sh", "-c", "sleep 60"], 1)).rejects.toMatchObject({
        code: "Timeout",
      });
      await subject.runtime.removePodSandbox(sandbox);
    });

    test("stopping does not wait for a process that ignores the signal longer than the grace period", async () => {
      const sandbox = await runSandbox("stubborn");
      const id = await startContainer(sandbox, "stubborn", "c", "trap '' TERM; while :; do sleep 0.05; done");
      await waitForState(id, "CONTAINER_RUNNING");
      await subject.runtime.stopContainer(id, 1);
      expect(await subject.runtime.containerStatus(id)).toMatchObject({ state: "CONTAINER_EXITED", exitCode: 137 });
      await subject.runtime.removePodSandbox(sandbox);
    });

    test("an image that is not there is told apart from one that is", async () => {
      const { images, runtime } = subject;
      expect(await images.imageStatus({ image: "berth.local/absent:1" })).toBeUndefined();
      expect((await images.imageStatus({ image: subject.image }))?.id).toBeTruthy();
      const sandbox = await runSandbox("imageless");
      const config = { ...containerConfig("c", "true"), image: { image: "berth.local/absent:1" } };
      await expect(runtime.createContainer(sandbox, config, sandboxConfig("imageless"))).rejects.toMatchObject({
        code: "NotFound",
      });
      await runtime.removePodSandbox(sandbox);
    });

    test("events tell of starts and stops as they happen", async () => {
      const abort = new AbortController();
      const seen: ContainerEvent[] = [];
      const watching = (async () => {
        for await (const event of subject.runtime.containerEvents(abort.signal)) seen.push(event);
      })();
      // The stream is up once it tells of something: sandboxes are made until it does.
      const sandboxes: string[] = [];
      await expect
        .poll(
          async () => {
            sandboxes.push(await runSandbox(`events-${sandboxes.length}`));
            return seen.length;
          },
          { timeout: 10_000 },
        )
        .toBeGreaterThan(0);
      const last = sandboxes.length - 1;
      const id = await startContainer(sandboxes[last] ?? "", `events-${last}`, "c", "exit 0");
      const kinds = () => seen.filter((event) => event.containerId === id).map((event) => event.kind);
      await expect.poll(kinds, { timeout: 10_000 }).toEqual(expect.arrayContaining(["started", "stopped"]));
      abort.abort();
      await watching;
      for (const sandbox of sandboxes) await subject.runtime.removePodSandbox(sandbox);
    });

    test("the runtime says who it is and that it is ready", async () => {
      expect((await subject.runtime.version()).runtimeApiVersion).toBe("v1");
      const { status } = await subject.runtime.status(false);
      expect(status?.conditions).toContainEqual(expect.objectContaining({ type: "RuntimeReady", status: true }));
    });
  });
}
