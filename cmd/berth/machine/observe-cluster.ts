/** Looks at what a cluster has on this machine: processes, mounts, cgroups, links, rules. Changes nothing. */
import type { CgroupManager } from "#pkg/cgroups/cgroup-manager.ts";
import type { CommandRunner } from "#pkg/system/exec.ts";
import type { Files } from "#pkg/system/files.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import { createMounts } from "#pkg/system/mounts.ts";
import type { ObservedCluster } from "../cluster/compute-down.ts";
import type { ClusterLayout } from "../cluster/layout.ts";
import type { ProcessTable } from "../cluster/process-table.ts";
import { computeRuleRemoval } from "./rule-removal.ts";

export interface ObservePorts {
  readonly runner: CommandRunner;
  readonly files: Files;
  readonly kernelFiles: KernelFiles;
  readonly cgroups: CgroupManager;
  readonly processes: ProcessTable;
}

/** Routes of Berth carry this protocol number. */
export const routeProtocol = "196";

/**
 * `ownsNetwork`: whether links, routes and rules of this network namespace are this cluster's. They carry no cluster's name, so
 * another cluster that is up here, or a kube-proxy that is none of ours, must not lose its own.
 */
export async function observeCluster(
  layout: ClusterLayout,
  ownsNetwork: boolean,
  ports: ObservePorts,
): Promise<ObservedCluster> {
  const { runner, files, kernelFiles, cgroups, processes } = ports;
  const mounts = createMounts(runner, kernelFiles);
  // The run folder says whose data folder it was, so it goes last.
  const folders = [layout.dataDir, layout.runDir];
  const none = { links: [], hasRoutes: false, ruleRemovals: { ipv4: "", ipv6: "" }, ipsets: [] };
  const network = ownsNetwork ? await observeNetwork(runner) : none;
  const mounted = await Promise.all(folders.map((folder) => mounts.below(folder)));
  const there = await Promise.all(folders.map((folder) => files.exists(folder)));
  return {
    processes: await processes.list(),
    hasContainerd: (await files.exists(layout.containerdConfig)) && (await files.exists(layout.containerdState)),
    shims: await findShims(layout.containerdState, kernelFiles),
    namespaces: await findNamespaces(layout.containerdState, kernelFiles),
    mounts: mounted.flat().map(({ target }) => target),
    hasCgroup: await cgroups.exists(layout.cgroupParent),
    ...network,
    folders: folders.filter((_, index) => there[index]),
  };
}

async function observeNetwork(runner: CommandRunner) {
  const [links, routes, ipv4, ipv6, sets] = await Promise.all([
    lines(runner, ["ip", "-o", "link", "show"]),
    lines(runner, ["ip", "route", "show", "table", "all", "proto", routeProtocol]),
    lines(runner, ["iptables-save"]),
    lines(runner, ["ip6tables-save"]),
    lines(runner, ["ipset", "list", "-n"]),
  ]);
  return {
    links: links.flatMap((line) => /^\d+: (berth[^:@]*)/.exec(line)?.[1] ?? []),
    hasRoutes: routes.length > 0,
    ruleRemovals: {
      ipv4: computeRuleRemoval(ipv4.join("\n")),
      ipv6: computeRuleRemoval(ipv6.join("\n")),
    },
    ipsets: sets.filter((name) => /^(BERTH|KUBE)-/.test(name)),
  };
}

/** Shims keep containers going without containerd, and name its socket on their command line. */
async function findShims(containerdState: string, files: KernelFiles): Promise<readonly number[]> {
  const found: number[] = [];
  for (const name of await files.listFolders("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    const argv = (await files.read(`/proc/${name}/cmdline`).catch(() => "")).split("\0");
    const isShim = /containerd-shim/.test(argv[0] ?? "");
    if (isShim && argv.some((word) => word.startsWith(`${containerdState}/`))) found.push(Number(name));
  }
  return found;
}

/** Those of pods that containerd has not taken down: its bundles name them. */
async function findNamespaces(containerdState: string, files: KernelFiles): Promise<readonly string[]> {
  const bundles = `${containerdState}/io.containerd.runtime.v2.task/k8s.io`;
  const found = new Set<string>();
  for (const id of await files.listFolders(bundles)) {
    const config = await files.read(`${bundles}/${id}/config.json`).catch(() => "");
    for (const [, name = ""] of config.matchAll(/\/run\/netns\/(cni-[0-9a-f-]+)"/g)) found.add(name);
  }
  return [...found].sort();
}

/** Empty where there is no such program, or nothing to see. */
async function lines(runner: CommandRunner, argv: readonly [string, ...string[]]): Promise<readonly string[]> {
  try {
    return (await runner.run({ argv })).stdout.split("\n").filter((line) => line !== "");
  } catch {
    return [];
  }
}
