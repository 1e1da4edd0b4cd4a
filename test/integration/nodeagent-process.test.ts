/** The agent as a program of its own, with the real API server and a real runtime. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { createKubeClient, type KubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { type ChildProcess, systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { startTestServer } from "#test/harness/berth-server.ts";
import { CleanupStack } from "#test/harness/cleanup.ts";
import { startTestContainerd, type TestContainerd } from "#test/harness/containerd.ts";
import { findFreePort } from "#test/harness/etcd.ts";

const patience = { timeout: 30_000, interval: 50 };
const nodeName = "process-node";

describe("berth-nodeagent with berth-server", () => {
  const cleanup = new CleanupStack();
  let containerd: TestContainerd;
  let client: KubeClient;
  let agent: ChildProcess;
  let folder: string;
  let kubeconfig: string;
  let port: number;

  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-process-"));
    cleanup.defer(() => rm(folder, { recursive: true, force: true }));
    containerd = cleanup.use(await startTestContainerd());
    const server = cleanup.use(await startTestServer({ flags: ["--advertise-address", "127.0.0.1"] }));
    kubeconfig = server.kubeconfig;
    port = await findFreePort();
    const authentication = { x509: { clientCAFile: path.join(server.dataDir, "pki/ca.crt") } };
    const settings = { apiVersion: "kubelet.config.k8s.io/v1beta1", kind: "KubeletConfiguration", authentication };
    await writeFile(path.join(folder, "agent.yaml"), JSON.stringify(settings));
    const config = await loadKubeconfig(systemFiles, kubeconfig);
    const transport = createTransport(config, { clock: systemClock, files: systemFiles });
    cleanup.defer(() => transport[Symbol.asyncDispose]());
    client = createKubeClient(transport, { userAgent: "test", clock: systemClock });
    agent = await startAgent();
  });
  afterAll(async () => {
    if (client) await removeAll();
    await agent?.[Symbol.asyncDispose]();
    await cleanup[Symbol.asyncDispose]();
  });

  const startAgent = (): Promise<ChildProcess> =>
    systemRunner.spawn({
      argv: [
        ...([process.execPath, "cmd/nodeagent/main.ts", "--kubeconfig", kubeconfig] as const),
        ...["--hostname-override", nodeName, "--root-dir", path.join(folder, "agent")],
        ...["--pod-logs-dir", path.join(folder, "logs"), "--container-runtime-endpoint", containerd.socket],
        ...["--cgroup-parent", containerd.cgroupParent, "--port", String(port), "--address", "127.0.0.1"],
        ...["--config", path.join(folder, "agent.yaml")],
      ],
      output: { file: path.join(folder, "agent.log") },
    });
  const pods = () => client.pods.in("default");
  const read = (name: string): Promise<Pod | undefined> =>
    pods()
      .get(name)
      .catch(() => undefined);
  const isReady = async (name: string): Promise<boolean> =>
    (await read(name))?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") ?? false;
  const create = (name: string, spec: Partial<Pod["spec"]> = {}) =>
    pods().create({
      metadata: { name },
      spec: {
        nodeName,
        hostNetwork: true,
        terminationGracePeriodSeconds: 2,
        containers: [
          {
            name: "c",
            image: containerd.busyboxImage,
            command: ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.05; done"],
          },
        ],
        ...spec,
      },
    });
  async function removeAll(): Promise<void> {
    await pods().deleteCollection({}, { gracePeriodSeconds: 1 });
    for (let attempt = 0; attempt < 200 && (await pods().list()).items.length > 0; attempt++)
      await new Promise((resolve) => setTimeout(resolve, 50));
  }

  test("the node registers, and a pod with a service account token becomes ready", async () => {
    await expect
      .poll(
        () =>
          client.nodes.get(nodeName).then(
            () => true,
            () => false,
          ),
        patience,
      )
      .toBe(true);
    const accounts = client.serviceAccounts.in("default");
    await expect.poll(async () => (await accounts.list()).items.length, patience).toBeGreaterThan(0);
    await create("web");
    await expect.poll(() => isReady("web"), patience).toBe(true);
    const pod = await read("web");
    expect(pod?.status).toMatchObject({ phase: "Running", observedGeneration: 1, podIP: "127.0.0.1" });
    expect(pod?.spec.volumes?.some(({ projected }) => projected)).toBe(true);
    const events = await client.events.in("default").list();
    expect(events.items.map(({ reason }) => reason)).toEqual(expect.arrayContaining(["Pulled", "Created", "Started"]));
  });

  test("its log is read through the API server", async () => {
    const containers = [{ name: "c", image: containerd.busyboxImage, command: ["/bin/sh", "-c", "echo hello"] }];
    await create("talker", { containers, restartPolicy: "Never" });
    await expect.poll(async () => (await read("talker"))?.status?.phase, patience).toBe("Succeeded");
    expect(await client.rawText("/api/v1/namespaces/default/pods/talker/log")).toBe("hello\n");
  });

  test("an agent that was killed and started again leaves the pod alone", async () => {
    const before = await read("web");
    agent.kill("SIGKILL");
    await agent.exited;
    agent = await startAgent();
    await create("after");
    await expect.poll(() => isReady("after"), patience).toBe(true);
    expect((await read("web"))?.status).toEqual(before?.status);
  });

  test("a deleted pod goes from the API and from the runtime", async () => {
    const { metadata } = await create("short");
    await expect.poll(() => isReady("short"), patience).toBe(true);
    await pods().delete("short");
    await expect.poll(() => read("short"), patience).toBeUndefined();
    const labelSelector = { "io.kubernetes.pod.uid": metadata.uid };
    await expect.poll(() => containerd.cri.runtime.listPodSandbox({ labelSelector }), patience).toEqual([]);
  });
});
