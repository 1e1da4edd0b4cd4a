/** A node agent in this process, on a containerd and an API of the test's own. Pods use the host's network. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { makeParts } from "#cmd/nodeagent/make-parts.ts";
import { type NodeAgent, type NodeAgentPorts, startNodeAgent } from "#cmd/nodeagent/node-agent.ts";
import { combineOptions, parseFlags } from "#cmd/nodeagent/options.ts";
import type { Container, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { createCgroupManager, detectCgroupVersion } from "#pkg/cgroups/cgroup-manager.ts";
import { connectCri } from "#pkg/cri/grpc-runtime-service.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { systemScratchFiles } from "#pkg/system/scratch-files.ts";
import { CleanupStack } from "./cleanup.ts";
import type { TestContainerd } from "./containerd.ts";

export const testNodeName = "test-node";

export interface TestAgent extends AsyncDisposable {
  readonly api: FakeApi;
  readonly client: KubeClient;
  readonly folder: string;
  readonly cgroupParent: string;
  readonly agent: () => NodeAgent;
  /** Ends the agent and starts it again, as after an upgrade. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  start(): Promise<void>;
  /** Makes a pod on this node, in the host's network. */
  createPod(name: string, containers: readonly Partial<Container>[], spec?: Partial<PodSpec>): Promise<Stored<Pod>>;
  pod(name: string): Stored<Pod> | undefined;
}

export async function startTestAgent(
  containerd: TestContainerd,
  ports: Partial<NodeAgentPorts> = {},
): Promise<TestAgent> {
  const cleanup = new CleanupStack();
  const folder = await mkdtemp(path.join(tmpdir(), "berth-agent-"));
  cleanup.defer(() => rm(folder, { recursive: true, force: true }));
  const version = await detectCgroupVersion("/sys/fs/cgroup", systemKernelFiles);
  const kill = (pid: number): void => {
    process.kill(pid, "SIGKILL");
  };
  const cgroups = createCgroupManager({ root: "/sys/fs/cgroup", version, files: systemKernelFiles, kill });
  const api = new FakeApi({ clock: systemClock, random: systemRandom });
  const client = api.client("test");
  const flags = [
    ...["--kubeconfig", "/dev/null", "--hostname-override", testNodeName, "--node-ip", "127.0.0.1"],
    ...["--root-dir", path.join(folder, "root"), "--pod-logs-dir", path.join(folder, "logs")],
    ...["--container-runtime-endpoint", containerd.socket, "--cgroup-parent", containerd.cgroupParent],
  ];
  let agent: NodeAgent | undefined;
  const start = async (): Promise<void> => {
    const cri = connectCri({ runtimeEndpoint: containerd.socket, now: () => Date.now() });
    const options = combineOptions(parseFlags(flags), {});
    const started = await startNodeAgent(options, {
      client,
      cri,
      cgroups,
      network: { setPodCidrs: async () => undefined },
      makeParts: (context) => makeParts(options, context),
      clock: systemClock,
      random: systemRandom,
      files: systemFiles,
      kernelFiles: systemKernelFiles,
      scratch: systemScratchFiles,
      log: silentLogger,
      findAddresses: async () => ["127.0.0.1"],
      ...ports,
    });
    agent = {
      ...started,
      [Symbol.asyncDispose]: async () => {
        await started[Symbol.asyncDispose]();
        await cri[Symbol.asyncDispose]();
      },
    };
  };
  const stop = async (): Promise<void> => {
    await agent?.[Symbol.asyncDispose]();
    agent = undefined;
  };
  await start();
  cleanup.defer(stop);
  cleanup.defer(() => removeAllPods(api, client));
  return {
    api,
    client,
    folder,
    cgroupParent: containerd.cgroupParent,
    agent: () => {
      if (!agent) throw new Error("the agent was stopped");
      return agent;
    },
    start,
    stop,
    restart: async () => {
      await stop();
      await start();
    },
    createPod: (name, containers, spec = {}) =>
      client.pods.create({
        metadata: { name, namespace: "default" },
        spec: {
          nodeName: testNodeName,
          hostNetwork: true,
          restartPolicy: "Always",
          terminationGracePeriodSeconds: 2,
          ...spec,
          containers: containers.map((container, index) => ({
            name: `c${index}`,
            image: containerd.busyboxImage,
            ...container,
          })),
        },
      }),
    pod: (name) => api.peek(resources.pods, "default", name),
    [Symbol.asyncDispose]: () => cleanup[Symbol.asyncDispose](),
  };
}

async function removeAllPods(api: FakeApi, client: KubeClient): Promise<void> {
  for (const { metadata } of api.peekAll(resources.pods))
    await client.pods.in(metadata.namespace).delete(metadata.name, { gracePeriodSeconds: 1 });
  for (let attempt = 0; attempt < 200 && api.peekAll(resources.pods).length > 0; attempt++)
    await new Promise((resolve) => setTimeout(resolve, 50));
}
