/**
 * Pods on a real containerd, wired by the agent's network through the static plugin and through its Node.js twin. All of it
 * runs in a network namespace of its own, which stands for the node.
 */
import { mkdir } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type RunningPodNetwork, startPodNetwork } from "#cmd/nodeagent/network/start-pod-network.ts";
import { createIPTables } from "#pkg/network/iptables/iptables.ts";
import { systemClock } from "#pkg/system/clock.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { CleanupStack } from "#test/harness/cleanup.ts";
import { startTestContainerd, type TestContainerd } from "#test/harness/containerd.ts";

const node = `berth-test-node-${process.pid}`;
const enter = ["nsenter", `--net=/run/netns/${node}`] as const;
const cleanup = new CleanupStack();
let containerd: TestContainerd;
let plugin: string;

/** Runs the node's commands inside its namespace; pods are entered by their own. */
const nodeRunner: CommandRunner = {
  ...systemRunner,
  run: (command, signal) =>
    systemRunner.run(
      command.argv[0] === "nsenter" || command.argv[0] === "install"
        ? command
        : { ...command, argv: [...enter, ...command.argv] },
      signal,
    ),
};

beforeAll(async () => {
  await systemRunner.run({ argv: ["ip", "netns", "add", node] });
  cleanup.defer(() => systemRunner.run({ argv: ["ip", "netns", "del", node] }));
  await systemRunner.run({
    argv: [
      ...enter,
      "sh",
      "-c",
      "ip link set lo up; ip addr add 10.9.9.9/32 dev lo; echo 1 > /proc/sys/net/ipv4/ip_forward",
    ],
  });
  containerd = cleanup.use(await startTestContainerd());
  plugin = path.join(containerd.folder, "berth-cni");
  await systemRunner.run({
    argv: ["gcc", "-O2", "-static", "-Wall", "-Wextra", "-Werror", "-o", plugin, "cmd/cni/berth-cni.c"],
  });
});
afterAll(async () => {
  await cleanup[Symbol.asyncDispose]();
});

async function startNetwork(staticPlugin: string | undefined): Promise<RunningPodNetwork> {
  const runFolder = path.join(containerd.folder, `run-${staticPlugin ? "c" : "node"}`);
  await mkdir(runFolder, { recursive: true });
  const network = await startPodNetwork(
    {
      cni: {
        binFolder: path.join(containerd.folder, "cni"),
        confFolder: path.join(containerd.folder, "cni"),
        socket: path.join(runFolder, "sock/cni.sock"),
        spoolFolder: path.join(runFolder, "spool"),
        staticPlugin,
        node: process.execPath,
        module: path.resolve("cmd/cni/main.ts"),
      },
      runFolder,
      clusterCidr: "10.244.0.0/16",
      nodeName: "node",
      mtu: 1500,
    },
    {
      runner: nodeRunner,
      files: systemFiles,
      kernelFiles: systemKernelFiles,
      iptables: createIPTables({ family: "IPv4", runner: systemRunner, prefix: enter }),
      clock: systemClock,
      log: silentLogger,
    },
  );
  await network.setPodCidr("10.244.3.0/24");
  return network;
}

let made = 0;
async function runPod(
  portMappings: { containerPort: number; hostPort: number }[] = [],
): Promise<{ sandbox: string; container: string; address: string }> {
  const { runtime } = containerd.cri;
  const name = `pod-${made++}`;
  const config = {
    metadata: { name, namespace: "default", uid: name, attempt: 0 },
    logDirectory: path.join(containerd.folder, "logs"),
    portMappings: portMappings.map((mapping) => ({ ...mapping, protocol: "TCP" as const, hostIp: "" })),
    linux: {
      cgroupParent: containerd.cgroupParent,
      securityContext: {
        namespaceOptions: { network: "POD" as const, pid: "CONTAINER" as const, ipc: "POD" as const },
      },
    },
  };
  await expect
    .poll(
      async () => (await runtime.status(false)).status?.conditions.find(({ type }) => type === "NetworkReady")?.status,
      { timeout: 10_000 },
    )
    .toBe(true);
  const sandbox = await runtime.runPodSandbox(config, "");
  const script =
    "mkdir -p /tmp/www; echo hello from $HOSTNAME > /tmp/www/index.html; exec /bin/httpd -f -p 80 -h /tmp/www";
  const container = await runtime.createContainer(
    sandbox,
    {
      metadata: { name: "c", attempt: 0 },
      image: { image: containerd.busyboxImage },
      command: ["/bin/sh", "-c", script.replace("mkdir", "/bin/busybox mkdir")],
      logPath: "c.log",
    },
    config,
  );
  await runtime.startContainer(container);
  return { sandbox, container, address: (await runtime.podSandboxStatus(sandbox)).network?.ip ?? "" };
}

async function fetchFrom(container: string, url: string): Promise<string> {
  const { stdout, exitCode } = await containerd.cri.runtime.execSync(
    container,
    ["/bin/wget", "-q", "-O", "-", url],
    10,
  );
  return exitCode === 0 ? Buffer.from(stdout).toString() : `failed with ${exitCode}`;
}

const nodeLinks = async (): Promise<string> =>
  (await systemRunner.run({ argv: [...enter, "ip", "-br", "link"] })).stdout;

describe.each(["static plugin", "Node.js plugin"])("pods wired through the %s", (kind) => {
  test("reach each other, the node reaches them, host ports lead to them, and they leave nothing behind", async () => {
    const network = await startNetwork(kind === "static plugin" ? plugin : undefined);
    const pods = [await runPod([{ containerPort: 80, hostPort: 8080 }]), await runPod()];
    const [first, second] = pods;
    expect(pods.every(({ address }) => address.startsWith("10.244.3."))).toBe(true);
    await expect
      .poll(() => fetchFrom(second?.container ?? "", `http://${first?.address}/`), { timeout: 10_000 })
      .toContain("hello from");
    expect(await fetchFrom(first?.container ?? "", `http://${first?.address}/`)).toContain("hello from");
    expect(await fetchFrom(first?.container ?? "", "http://127.0.0.1/")).toContain("hello from");
    const { stdout } = await systemRunner.run({
      argv: [
        ...enter,
        "python3",
        "-c",
        `import urllib.request as u;print(u.urlopen("http://${first?.address}/",timeout=3).read().decode())`,
      ],
    });
    expect(stdout).toContain("hello from");
    expect(await fetchFrom(second?.container ?? "", "http://10.9.9.9:8080/")).toContain("hello from");
    expect(await fetchFrom(first?.container ?? "", "http://10.9.9.9:8080/")).toContain("hello from");
    for (const { sandbox } of pods) await containerd.cri.runtime.removePodSandbox(sandbox);
    expect(await nodeLinks()).not.toContain("berth");
    await network[Symbol.asyncDispose]();
  });

  test("can go while no agent runs; the next agent takes their addresses back", async () => {
    const network = await startNetwork(kind === "static plugin" ? plugin : undefined);
    const pod = await runPod();
    await network[Symbol.asyncDispose]();
    await containerd.cri.runtime.removePodSandbox(pod.sandbox);
    const next = await startNetwork(kind === "static plugin" ? plugin : undefined);
    expect(await next.collect(() => false)).toEqual([]);
    expect(await nodeLinks()).not.toContain("berth");
    await next[Symbol.asyncDispose]();
  });
});
