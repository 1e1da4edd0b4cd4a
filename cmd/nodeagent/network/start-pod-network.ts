/** The pod network of a node put together: CNI socket, wires, host ports, masquerading, routes to other nodes. */
import path from "node:path";
import type { Node } from "#pkg/api/core/v1.ts";
import type { CniRequest } from "#pkg/network/cni/cni-types.ts";
import type { IPTables } from "#pkg/network/iptables/iptables.ts";
import { createPodLinks } from "#pkg/network/link/pod-link.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Attachment } from "./cni-journal.ts";
import { serveCniSocket } from "./cni-socket.ts";
import { buildPodRules, podRuleHooks } from "./host-ports.ts";
import { type CniInstallation, installCni } from "./install-cni.ts";
import { computeRoutes, createNodeRoutes } from "./node-routes.ts";
import { PodNetwork } from "./pod-network.ts";

export interface PodNetworkSettings {
  readonly cni: CniInstallation;
  /** A folder that a reboot empties. */
  readonly runFolder: string;
  /** All pods of the cluster, e.g. 10.244.0.0/16. */
  readonly clusterCidr: string;
  readonly nodeName: string;
  readonly mtu: number;
}

export interface PodNetworkPorts {
  readonly runner: CommandRunner;
  readonly files: Files;
  readonly kernelFiles: KernelFiles;
  readonly iptables: IPTables;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface RunningPodNetwork extends AsyncDisposable {
  /** To be called when this node's podCIDR is known. The CNI configuration appears only then. */
  setPodCidr(podCidr: string): Promise<void>;
  /** To be called when nodes change. */
  syncNodes(nodes: readonly Node[]): Promise<void>;
  /** To be called now and then with the sandboxes the runtime knows. */
  collect(isAlive: (containerId: string) => boolean): Promise<readonly string[]>;
}

/** Wires, rules and routes outlive the agent: dispose only stops answering. */
export async function startPodNetwork(
  settings: PodNetworkSettings,
  ports: PodNetworkPorts,
): Promise<RunningPodNetwork> {
  const { runner, files, iptables, log } = ports;
  await prepareKernel(ports.kernelFiles, log);
  const rules = new PodRules(settings, iptables);
  const network = new PodNetwork({
    links: createPodLinks({ runner }),
    files,
    clock: ports.clock,
    log,
    journalFile: path.join(settings.runFolder, "network.json"),
    mtu: settings.mtu,
    onChange: (attachments) => rules.write(attachments, network.podCidr),
  });
  const socket = await serveCniSocket(settings.cni.socket, files, (request) => network.answer(request));
  const routes = createNodeRoutes(runner);
  return {
    async setPodCidr(podCidr) {
      const isFirst = network.podCidr !== podCidr;
      await network.setPodCidr(podCidr);
      if (!isFirst) return;
      await drainSpool(settings.cni.spoolFolder, network, files, log);
      await installCni(settings.cni, { files, runner });
    },
    syncNodes: (nodes) => routes.sync(computeRoutes(nodes, settings.nodeName)),
    collect: (isAlive) => network.collect(isAlive),
    [Symbol.asyncDispose]: () => socket[Symbol.asyncDispose](),
  };
}

/** Rules are written when they changed, and the hooks once: a flush by others is mended by the next change. */
class PodRules {
  readonly #settings: PodNetworkSettings;
  readonly #iptables: IPTables;
  #written = "";

  constructor(settings: PodNetworkSettings, iptables: IPTables) {
    this.#settings = settings;
    this.#iptables = iptables;
  }

  async write(attachments: readonly Attachment[], podCidr: string | undefined): Promise<void> {
    if (podCidr === undefined) return;
    const withPorts = attachments.filter(({ portMappings }) => portMappings.length > 0);
    const changes = buildPodRules({ attachments: withPorts, clusterCidrs: [this.#settings.clusterCidr], podCidr });
    const text = JSON.stringify(changes);
    if (text === this.#written) return;
    await this.#iptables.restore(changes);
    if (this.#written === "")
      for (const { table, chain, rule } of podRuleHooks) await this.#iptables.ensureRule(table, chain, rule);
    this.#written = text;
  }
}

/** What was deleted while no agent ran. */
async function drainSpool(folder: string, network: PodNetwork, files: Files, log: Logger): Promise<void> {
  const names = (await files.exists(folder)) ? await files.list(folder) : [];
  for (const name of names.filter((one) => one.endsWith(".json"))) {
    const file = path.join(folder, name);
    try {
      await network.answer(JSON.parse(await files.readText(file)) as CniRequest);
    } catch (error) {
      log.warn("a spooled CNI call cannot be read and is dropped", { file, reason: messageOf(error) });
    }
    await files.remove(file);
  }
}

/** Packets between pods are routed by this node; a strict reverse-path filter would drop what comes back another way. */
async function prepareKernel(files: KernelFiles, log: Logger): Promise<void> {
  const wanted = [
    ["/proc/sys/net/ipv4/ip_forward", "1"],
    ["/proc/sys/net/ipv4/conf/all/rp_filter", "2"],
    ["/proc/sys/net/ipv4/conf/default/rp_filter", "2"],
  ] as const;
  for (const [file, value] of wanted) {
    try {
      if ((await files.read(file)).trim() !== value) await files.write(file, value);
    } catch (error) {
      log.warn("a kernel setting that pods need could not be made", { file, value, reason: messageOf(error) });
    }
  }
}
