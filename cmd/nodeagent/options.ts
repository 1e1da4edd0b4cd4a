/**
 * Options of berth-nodeagent: flags with kubelet's names, over a KubeletConfiguration where one is given, over defaults. Pure:
 * command line and file text in, values out; nothing below reads flags or the environment.
 */
import { isIP } from "node:net";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import type { Taint } from "#pkg/api/core/v1.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { LogLevel } from "#pkg/system/log.ts";
import type { KubeletConfiguration } from "./kubelet-configuration.ts";
import type { EvictionReserve, Reserved } from "./node/build-node-status.ts";
import { parseDurationMs } from "./parse-duration.ts";

export interface AgentFlags {
  readonly kubeconfig: string;
  readonly config: string | undefined;
  readonly hostnameOverride: string | undefined;
  readonly nodeIp: readonly string[] | undefined;
  readonly nodeLabels: Readonly<Record<string, string>>;
  readonly containerRuntimeEndpoint: string | undefined;
  readonly imageServiceEndpoint: string | undefined;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly certDir: string | undefined;
  readonly cgroupRoot: string | undefined;
  readonly cgroupParent: string;
  readonly podManifestPath: string | undefined;
  readonly address: string | undefined;
  readonly port: number | undefined;
  readonly clusterDns: readonly string[] | undefined;
  readonly clusterDomain: string | undefined;
  readonly maxPods: number | undefined;
  readonly registerWithTaints: readonly Taint[] | undefined;
  readonly resolvConf: string | undefined;
  readonly clusterCidr: string | undefined;
  readonly cniBinDir: string;
  readonly cniConfDir: string;
  readonly runDir: string;
  readonly logLevel: LogLevel;
}

export interface AgentOptions {
  readonly kubeconfigFile: string;
  /** undefined: the machine's own name, in lower case. */
  readonly nodeName: string | undefined;
  /** Empty: the address that routes to the API server. */
  readonly nodeIps: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly registersNode: boolean;
  readonly runtimeEndpoint: string;
  readonly imageEndpoint: string | undefined;
  readonly rootDir: string;
  readonly podLogsDir: string;
  readonly certDir: string;
  /** Where the cgroup hierarchies are mounted. */
  readonly cgroupMount: string;
  /** Subtree for all pods of this agent; "" is the root. */
  readonly cgroupParent: string;
  readonly enforcesAllocatable: boolean;
  readonly staticPodPath: string | undefined;
  readonly address: string;
  readonly port: number;
  readonly tls: { readonly certFile: string; readonly keyFile: string } | undefined;
  readonly clientCaFile: string | undefined;
  readonly anonymousAuth: boolean;
  readonly authorizationMode: "Webhook" | "AlwaysAllow";
  readonly clusterDns: readonly string[];
  readonly clusterDomain: string;
  readonly resolvConf: string;
  readonly maxPods: number;
  readonly podPidsLimit: number | undefined;
  readonly enforceCpuQuota: boolean;
  readonly cpuPeriodUs: number;
  readonly maxParallelPulls: number;
  readonly maxCrashBackoffMs: number;
  readonly reserved: Reserved;
  /** Hard eviction thresholds as written: "100Mi" or "10%". */
  readonly evictionHard: Readonly<Record<string, string>>;
  readonly leaseDurationSeconds: number;
  readonly statusUpdateMs: number;
  readonly statusReportMs: number;
  /** Undefined: another CNI plugin wires the pods. */
  readonly podNetwork: PodNetworkOptions | undefined;
  readonly logLevel: LogLevel;
}

const logLevels = ["trace", "debug", "info", "warn", "error", "silent"] as const;

const defaultEvictionHard: Readonly<Record<string, string>> = {
  "memory.available": "100Mi",
  "nodefs.available": "10%",
  "nodefs.inodesFree": "5%",
  "imagefs.available": "15%",
  "imagefs.inodesFree": "5%",
};

export interface PodNetworkOptions {
  /** All pods of the cluster. */
  readonly clusterCidr: string;
  readonly cniBinFolder: string;
  readonly cniConfFolder: string;
  /** A folder that a reboot empties. */
  readonly runFolder: string;
}

/** Throws "Invalid" with a message for people; `onHelp` gets the text of --help. */
export function parseFlags(argv: readonly string[], onHelp: (text: string) => void = () => undefined): AgentFlags {
  const command = buildCommand(onHelp);
  try {
    command.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw new BerthError("Invalid", error.message, { cause: error });
    throw error;
  }
  return command.opts<AgentFlags>();
}

function buildCommand(onHelp: (text: string) => void): Command {
  return new Command("berth-nodeagent")
    .description("Runs the pods of one Kubernetes node.")
    .exitOverride()
    .configureOutput({ writeOut: onHelp, writeErr: () => undefined })
    .requiredOption("--kubeconfig <file>", "how to reach the API server, and as whom")
    .option("--config <file>", "KubeletConfiguration (kubelet.config.k8s.io/v1beta1); flags win over it")
    .option("--hostname-override <name>", "name of the node instead of the machine's own")
    .option("--node-ip <address>", "address of the node, or two; default: the one that routes to the server", parseIps)
    .addOption(
      new Option("--node-labels <key=value,...>", "labels to register with").argParser(parseLabels).default({}),
    )
    .option("--container-runtime-endpoint <socket>", "CRI socket; default: unix:///run/containerd/containerd.sock")
    .option("--image-service-endpoint <socket>", "CRI socket for images; default: the runtime's")
    .option("--root-dir <folder>", "the agent's files", "/var/lib/kubelet")
    .option("--pod-logs-dir <folder>", "logs of containers", "/var/log/pods")
    .option("--cert-dir <folder>", "serving certificate; default: <root-dir>/pki")
    .option("--cgroup-root <folder>", "where cgroups are mounted; default: /sys/fs/cgroup")
    .option("--cgroup-parent <path>", "subtree of the cgroup hierarchy for all pods", "")
    .option("--pod-manifest-path <folder>", "static pods")
    .option("--address <ip>", "address to serve on; default: 0.0.0.0", parseIp)
    .option("--port <number>", "port to serve on; default: 10250", parseNumber(0, 65_535))
    .option("--cluster-dns <ip,...>", "name servers of the cluster", parseIps)
    .option("--cluster-domain <name>", "domain of the cluster; default: cluster.local")
    .option("--max-pods <number>", "most pods on this node; default: 110", parseNumber(1, 100_000))
    .option("--register-with-taints <key=value:effect,...>", "taints of a new node", parseTaints)
    .option("--resolv-conf <file>", "name servers of the host; default: /etc/resolv.conf")
    .option(
      "--cluster-cidr <cidr>",
      "addresses of all pods; given, the agent wires pods itself, else another CNI plugin must",
    )
    .option("--cni-bin-dir <folder>", "where the runtime looks for CNI plugins", "/opt/cni/bin")
    .option("--cni-conf-dir <folder>", "where the runtime looks for CNI configurations", "/etc/cni/net.d")
    .option("--run-dir <folder>", "sockets and what a reboot may forget", "/run/berth")
    .addOption(new Option("--log-level <level>", "how much to log").choices(logLevels).default("info"));
}

/** Flags over file over defaults. */
export function combineOptions(flags: AgentFlags, file: KubeletConfiguration): AgentOptions {
  const taints = flags.registerWithTaints ?? file.registerWithTaints ?? [];
  const evictionHard = file.evictionHard ?? defaultEvictionHard;
  const isSerial = file.serializeImagePulls ?? file.maxParallelImagePulls === undefined;
  return {
    kubeconfigFile: flags.kubeconfig,
    nodeName: flags.hostnameOverride?.toLowerCase(),
    nodeIps: flags.nodeIp ?? [],
    labels: flags.nodeLabels,
    taints,
    registersNode: file.registerNode ?? true,
    runtimeEndpoint:
      flags.containerRuntimeEndpoint ?? file.containerRuntimeEndpoint ?? "unix:///run/containerd/containerd.sock",
    imageEndpoint: flags.imageServiceEndpoint ?? file.imageServiceEndpoint,
    rootDir: flags.rootDir,
    podLogsDir: flags.podLogsDir,
    certDir: flags.certDir ?? `${flags.rootDir}/pki`,
    cgroupMount: flags.cgroupRoot ?? "/sys/fs/cgroup",
    cgroupParent: flags.cgroupParent || (file.cgroupRoot ?? ""),
    enforcesAllocatable: (file.enforceNodeAllocatable ?? ["pods"]).includes("pods"),
    staticPodPath: flags.podManifestPath ?? file.staticPodPath,
    ...servingOptions(flags, file),
    clusterDns: flags.clusterDns ?? file.clusterDNS ?? [],
    clusterDomain: flags.clusterDomain ?? file.clusterDomain ?? "cluster.local",
    resolvConf: flags.resolvConf ?? file.resolvConf ?? "/etc/resolv.conf",
    maxPods: flags.maxPods ?? file.maxPods ?? 110,
    podPidsLimit: file.podPidsLimit,
    enforceCpuQuota: file.cpuCFSQuota ?? true,
    cpuPeriodUs: Math.round(duration(file.cpuCFSQuotaPeriod, 100) * 1000),
    // Without a word about it images are pulled side by side: one slow registry must not hold up all pods.
    maxParallelPulls: file.maxParallelImagePulls ?? (isSerial && file.serializeImagePulls ? 1 : 5),
    maxCrashBackoffMs: duration(file.crashLoopBackOff?.maxContainerRestartPeriod, 300_000),
    reserved: reservedOf(file),
    evictionHard,
    leaseDurationSeconds: file.nodeLeaseDurationSeconds ?? 40,
    statusUpdateMs: duration(file.nodeStatusUpdateFrequency, 10_000),
    statusReportMs: duration(file.nodeStatusReportFrequency, 300_000),
    podNetwork:
      flags.clusterCidr === undefined
        ? undefined
        : {
            clusterCidr: flags.clusterCidr,
            cniBinFolder: flags.cniBinDir,
            cniConfFolder: flags.cniConfDir,
            runFolder: flags.runDir,
          },
    logLevel: flags.logLevel,
  };
}

function servingOptions(flags: AgentFlags, file: KubeletConfiguration) {
  const { tlsCertFile, tlsPrivateKeyFile, authentication, authorization } = file;
  return {
    address: flags.address ?? file.address ?? "0.0.0.0",
    port: flags.port ?? file.port ?? 10_250,
    tls: tlsCertFile && tlsPrivateKeyFile ? { certFile: tlsCertFile, keyFile: tlsPrivateKeyFile } : undefined,
    clientCaFile: authentication?.x509?.clientCAFile,
    anonymousAuth: authentication?.anonymous?.enabled ?? false,
    authorizationMode: authorization?.mode === "AlwaysAllow" ? ("AlwaysAllow" as const) : ("Webhook" as const),
  };
}

/** What hard eviction keeps free, of memory and of the agent's disk. Pure. */
export function evictionReserve(
  thresholds: Readonly<Record<string, string>>,
  capacity: { readonly memoryBytes: number; readonly diskBytes: number },
): EvictionReserve {
  const bytes = (text: string | undefined, total: number): number => {
    if (text === undefined) return 0;
    return text.endsWith("%") ? (total * Number(text.slice(0, -1))) / 100 : parseQuantity(text).toBytes();
  };
  return {
    memoryBytes: bytes(thresholds["memory.available"], capacity.memoryBytes),
    diskBytes: bytes(thresholds["nodefs.available"], capacity.diskBytes),
  };
}

function reservedOf({ kubeReserved = {}, systemReserved = {} }: KubeletConfiguration): Reserved {
  const sum = (name: string, read: (text: string) => number): number =>
    [kubeReserved[name], systemReserved[name]].reduce(
      (total, text) => total + (text === undefined ? 0 : read(text)),
      0,
    );
  const bytes = (text: string): number => parseQuantity(text).toBytes();
  return {
    milliCpu: sum("cpu", (text) => parseQuantity(text).toMilli()),
    memoryBytes: sum("memory", bytes),
    diskBytes: sum("ephemeral-storage", bytes),
    pids: sum("pid", bytes),
  };
}

function duration(text: string | undefined, otherwiseMs: number): number {
  return (text === undefined ? undefined : parseDurationMs(text)) ?? otherwiseMs;
}

function parseIp(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError(`"${text}" is not an IP address`);
  return text;
}

function parseIps(text: string): readonly string[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .map(parseIp);
}

function parseNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}`);
    return value;
  };
}

function parseLabels(text: string): Record<string, string> {
  const pairs = text.split(",").filter((part) => part !== "");
  return Object.fromEntries(
    pairs.map((pair) => {
      const [key = "", value, ...more] = pair.split("=");
      if (key === "" || value === undefined || more.length > 0)
        throw new InvalidArgumentError(`"${pair}" is not key=value`);
      return [key, value];
    }),
  );
}

const effects = ["NoSchedule", "PreferNoSchedule", "NoExecute"] as const;

function parseTaints(text: string): readonly Taint[] {
  return text
    .split(",")
    .filter((part) => part !== "")
    .map((part) => {
      const [, key, value, effect] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(part) ?? [];
      const known = effects.find((one) => one === effect);
      if (!key || !known) throw new InvalidArgumentError(`"${part}" is not key=value:effect`);
      return { key, ...(value ? { value } : {}), effect: known };
    });
}
