/**
 * berth-nodeagent: the program around the agent. Reads flags and files, connects to the API server and the runtime, and ends
 * on a signal, leaving all containers running.
 */
import { hostname } from "node:os";
import path from "node:path";
import { createCgroupManager, detectCgroupVersion } from "#pkg/cgroups/cgroup-manager.ts";
import { connectCri } from "#pkg/cri/grpc-runtime-service.ts";
import type { RuntimeService } from "#pkg/cri/runtime-service.ts";
import { createKubeClient, type KubeClient } from "#pkg/kube/client.ts";
import { createTransport } from "#pkg/kube/client-config.ts";
import { loadKubeconfig } from "#pkg/kube/kubeconfig.ts";
import { parseServerAddress } from "#pkg/kube/server-address.ts";
import { createIPTables } from "#pkg/network/iptables/iptables.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { hasCode, messageOf } from "#pkg/system/errors.ts";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemFiles } from "#pkg/system/files.ts";
import { systemKernelFiles } from "#pkg/system/kernel-files.ts";
import { createLogger, type Logger } from "#pkg/system/log.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { systemReadableFiles } from "#pkg/system/readable-files.ts";
import { systemScratchFiles } from "#pkg/system/scratch-files.ts";
import { parseKubeletConfiguration } from "./kubelet-configuration.ts";
import { makeParts } from "./make-parts.ts";
import { startNodeNetwork } from "./network/node-network.ts";
import { findRouteAddress } from "./node/node-address.ts";
import type { NodeNetwork } from "./node/ports.ts";
import { startNodeAgent } from "./node-agent.ts";
import { type AgentOptions, combineOptions, parseFlags } from "./options.ts";
import { serveNode } from "./serve-node.ts";
import { agentVersion } from "./version.ts";

async function main(): Promise<void> {
  const flags = parseFlags(process.argv.slice(2), (text) => {
    process.stdout.write(text);
    process.exit(0);
  });
  const file = flags.config ? parseKubeletConfiguration(await systemFiles.readText(flags.config), flags.config) : {};
  const options = combineOptions(flags, file);
  const log = createLogger("nodeagent", options.logLevel);
  await using stack = new AsyncDisposableStack();
  const stopped = signalled();
  await run(options, log, stack);
  await stopped;
  log.info("ending; containers go on");
}

async function run(options: AgentOptions, log: Logger, stack: AsyncDisposableStack): Promise<void> {
  const config = await loadKubeconfig(systemFiles, options.kubeconfigFile);
  const transport = stack.use(createTransport(config, { clock: systemClock, files: systemFiles }));
  const userAgent = `berth-nodeagent/${agentVersion}`;
  const client = createKubeClient(transport, { userAgent, clock: systemClock });
  const { runtimeEndpoint, imageEndpoint } = options;
  const cri = stack.use(connectCri({ runtimeEndpoint, imageEndpoint, now: systemClock.now }));
  const version = await detectCgroupVersion(options.cgroupMount, systemKernelFiles);
  const cgroups = createCgroupManager({
    root: options.cgroupMount,
    version,
    files: systemKernelFiles,
    kill: (pid) => killQuietly(pid),
  });
  const agent = await startNodeAgent(options, {
    client,
    cri,
    cgroups,
    network: await openNetwork(options, client, cri.runtime, log, stack),
    makeParts: (context) => makeParts(options, context),
    clock: systemClock,
    random: systemRandom,
    files: systemFiles,
    kernelFiles: systemKernelFiles,
    scratch: systemScratchFiles,
    log,
    findAddresses: async () => {
      const server = parseServerAddress(config.server);
      return server.scheme === "unix" ? ["127.0.0.1"] : [await findRouteAddress(server.host, server.port)];
    },
  });
  stack.use(agent);
  const ports = { client, runtime: cri.runtime, clock: systemClock, files: systemFiles };
  const server = stack.use(await serveNode(options, agent, { ...ports, readableFiles: systemReadableFiles, log }));
  log.info("the node agent is at work", {
    port: server.port,
    node: agent.nodeName,
    cgroups: version,
    version: agentVersion,
  });
}

/** Berth's own pod network where a cluster range was given; else the runtime is told the node's range, for its own plugin. */
async function openNetwork(
  options: AgentOptions,
  client: KubeClient,
  runtime: RuntimeService,
  log: Logger,
  stack: AsyncDisposableStack,
): Promise<NodeNetwork> {
  const { podNetwork } = options;
  if (!podNetwork) return { setPodCidrs: ([cidr = ""]) => runtime.updateRuntimeConfig(cidr) };
  const { runFolder, cniBinFolder, cniConfFolder, clusterCidr } = podNetwork;
  const here = import.meta.dirname;
  const isBundled = !import.meta.filename.endsWith(".ts");
  const cni = {
    binFolder: cniBinFolder,
    confFolder: cniConfFolder,
    socket: path.join(runFolder, "cni/cni.sock"),
    spoolFolder: path.join(runFolder, "cni-spool"),
    staticPlugin: path.join(isBundled ? here : path.join(here, "../../dist"), "berth-cni-static"),
    node: process.execPath,
    module: isBundled ? path.join(here, "berth-cni.js") : path.join(here, "../cni/main.ts"),
  };
  const nodeName = options.nodeName ?? hostname().toLowerCase();
  return stack.use(
    await startNodeNetwork(
      { cni, runFolder, clusterCidr, nodeName, mtu: 1500 },
      {
        client,
        runtime,
        random: systemRandom,
        runner: systemRunner,
        files: systemFiles,
        kernelFiles: systemKernelFiles,
        iptables: createIPTables({ family: "IPv4", runner: systemRunner }),
        clock: systemClock,
        log: log.with({ part: "network" }),
      },
    ),
  );
}

/** The process may have ended meanwhile. */
function killQuietly(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function signalled(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
  });
}

try {
  await main();
} catch (error) {
  process.stderr.write(`berth-nodeagent: ${messageOf(error)}\n`);
  process.exitCode = hasCode(error, "Invalid") ? 2 : 1;
}
