/**
 * Where a cluster keeps what: everything that lasts below its data folder, everything a reboot may empty below its run folder.
 * Pure; nothing else in the tool puts paths together.
 */
import path from "node:path";

export interface ClusterSettings {
  /** Tells clusters apart; part of folder and cgroup names. */
  readonly name: string;
  readonly dataDir: string;
  /** The API server's. */
  readonly port: number;
  /** The port on which the node agent serves logs and exec. */
  readonly agentPort: number;
  /** Cluster DNS listens here on the node's address; pods reach it through a Service on port 53. */
  readonly dnsPort: number;
  readonly hasDemo: boolean;
}

export const defaultSettings = { name: "default", port: 6443, agentPort: 10_250, dnsPort: 10_053 } as const;

/** Addresses of pods and services, and the DNS Service's own. */
export const networkDefaults = {
  podCidr: "10.244.0.0/16",
  serviceCidr: "10.96.0.0/16",
  dnsAddress: "10.96.0.10",
  domain: "cluster.local",
} as const;

export interface ClusterLayout {
  readonly dataDir: string;
  readonly runDir: string;
  readonly settingsFile: string;
  /** In the run folder: names the data folder, so that `down` finds it by the cluster's name alone. */
  readonly dataDirFile: string;
  readonly kubeconfig: string;
  readonly agentKubeconfig: string;
  readonly proxyKubeconfig: string;
  readonly dnsKubeconfig: string;
  readonly agentConfig: string;
  readonly serverDir: string;
  readonly agentDir: string;
  readonly podLogsDir: string;
  readonly containerdRoot: string;
  readonly containerdState: string;
  readonly containerdConfig: string;
  readonly cniBinDir: string;
  readonly cniConfDir: string;
  readonly agentRunDir: string;
  readonly recordsDir: string;
  readonly importedImages: string;
  readonly logsDir: string;
  /** Above all cgroups of this cluster. */
  readonly cgroupParent: `/${string}`;
}

export const runRoot = "/run/berth";
export const dataRoot = "/var/lib/berth";

export function defaultDataDir(name: string): string {
  return path.join(dataRoot, name);
}

export function runDirOf(name: string): string {
  return path.join(runRoot, name);
}

export function buildLayout({ name, dataDir }: Pick<ClusterSettings, "name" | "dataDir">): ClusterLayout {
  const data = (...parts: string[]): string => path.join(dataDir, ...parts);
  const run = (...parts: string[]): string => path.join(runDirOf(name), ...parts);
  return {
    dataDir,
    runDir: run(),
    settingsFile: data("cluster.json"),
    dataDirFile: run("data-dir"),
    kubeconfig: data("kubeconfig"),
    agentKubeconfig: data("agent", "kubeconfig"),
    proxyKubeconfig: data("proxy", "kubeconfig"),
    dnsKubeconfig: data("dns", "kubeconfig"),
    agentConfig: data("agent", "config.yaml"),
    serverDir: data("server"),
    agentDir: data("agent", "root"),
    podLogsDir: data("pod-logs"),
    containerdRoot: data("containerd", "root"),
    // Sockets are in here, and their paths may have 107 bytes at most.
    containerdState: run("containerd"),
    containerdConfig: data("containerd", "config.toml"),
    cniBinDir: data("cni", "bin"),
    cniConfDir: data("cni", "conf"),
    agentRunDir: run("agent"),
    recordsDir: run("processes"),
    importedImages: data("images.json"),
    logsDir: data("logs"),
    cgroupParent: `/berth-${name}`,
  };
}

export function logFileOf(layout: ClusterLayout, process: string): string {
  return path.join(layout.logsDir, `${process}.log`);
}
