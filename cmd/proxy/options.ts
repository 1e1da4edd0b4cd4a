/**
 * Options of berth-proxy: flags with kube-proxy's names, over a KubeProxyConfiguration where one is given, over defaults. Pure:
 * command line and file text in, values out.
 */
import { isIP } from "node:net";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseBlock } from "#pkg/api/ip-address.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { LogLevel } from "#pkg/system/log.ts";
import type { KubeProxyConfiguration } from "./kube-proxy-configuration.ts";
import { parseDurationMs } from "./parse-duration.ts";

export interface ProxyFlags {
  readonly kubeconfig: string | undefined;
  readonly config: string | undefined;
  readonly hostnameOverride: string | undefined;
  readonly clusterCidr: readonly string[] | undefined;
  readonly serviceClusterIpRange: readonly string[];
  readonly masqueradeAll: boolean | undefined;
  readonly nodeportAddresses: readonly string[] | undefined;
  readonly healthzBindAddress: HostPort | undefined;
  readonly metricsBindAddress: HostPort | undefined;
  readonly cleanup: boolean;
  readonly logLevel: LogLevel;
}

export interface HostPort {
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
}

export interface ProxyOptions {
  readonly kubeconfigFile: string;
  /** Undefined: this machine's name. */
  readonly nodeName: string | undefined;
  readonly clusterCidrs: readonly string[];
  readonly serviceCidrs: readonly string[];
  readonly masqueradesAll: boolean;
  readonly masqueradeMark: number;
  readonly nodePortAddresses: readonly string[];
  readonly servesLocalhost: boolean;
  readonly minSyncMs: number;
  readonly syncMs: number;
  readonly conntrack: ConntrackLimits;
  readonly healthAddress: HostPort;
  /** Undefined: no metrics are served. */
  readonly metricsAddress: HostPort | undefined;
}

/** Settings of the kernel's connection table; 0 leaves the kernel's own. */
export interface ConntrackLimits {
  readonly maxPerCore: number;
  readonly min: number;
  readonly tcpBeLiberal: boolean;
  readonly tcpEstablishedSeconds: number;
  readonly tcpCloseWaitSeconds: number;
}

/** `argv` without the program. Throws "Invalid" naming the flag, or CommanderError after it printed help or the version. */
export function parseProxyFlags(argv: readonly string[], version: string): ProxyFlags {
  const command = defineFlags(version);
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode !== 0)
      throw new BerthError("Invalid", error.message, { cause: error });
    throw error;
  }
  return command.opts<ProxyFlags>();
}

function defineFlags(version: string): Command {
  return new Command("berth-proxy")
    .description("Berth's service proxy: keeps this node's packet rules equal to the cluster's services")
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .option("--kubeconfig <file>", "how to reach the API server")
    .option("--config <file>", "KubeProxyConfiguration; flags go before it")
    .option("--hostname-override <name>", "name of this node (default: this machine's)")
    .option("--cluster-cidr <cidrs>", "addresses of pods, comma-separated; others are masqueraded", parseCidrs)
    .option("--service-cluster-ip-range <cidrs>", "addresses of services, comma-separated", parseCidrs, [
      "10.96.0.0/16",
    ])
    .option("--masquerade-all", "masquerade everything sent to cluster IPs")
    .option("--nodeport-addresses <cidrs>", "node addresses that serve node ports (default: all)", parseCidrs)
    .option("--healthz-bind-address <address>", "host:port of the health checks", parseHostPort)
    .option("--metrics-bind-address <address>", "host:port of the metrics", parseHostPort)
    .option("--cleanup", "remove all rules of services, and end", false)
    .addOption(new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"));
}

/** Flags before file before defaults. Throws "Invalid" naming the setting. */
export function combineProxyOptions(flags: ProxyFlags, file: KubeProxyConfiguration): ProxyOptions {
  const kubeconfigFile = flags.kubeconfig ?? file.clientConnection?.kubeconfig;
  if (!kubeconfigFile) throw new BerthError("Invalid", "--kubeconfig is missing: it says how to reach the API server");
  const { iptables = {}, conntrack = {} } = file;
  const nodeName = flags.hostnameOverride ?? file.hostnameOverride;
  return {
    kubeconfigFile,
    nodeName: nodeName ? nodeName.trim().toLowerCase() : undefined,
    clusterCidrs: flags.clusterCidr ?? (file.clusterCIDR ? file.clusterCIDR.split(",") : []),
    serviceCidrs: flags.serviceClusterIpRange,
    masqueradesAll: flags.masqueradeAll ?? iptables.masqueradeAll ?? false,
    masqueradeMark: 2 ** (iptables.masqueradeBit ?? 14),
    nodePortAddresses: flags.nodeportAddresses ?? file.nodePortAddresses ?? [],
    servesLocalhost: iptables.localhostNodePorts ?? true,
    // Upstream waits a second between writes; a write of differences is quick enough for ten.
    minSyncMs: duration(iptables.minSyncPeriod, 100),
    syncMs: duration(iptables.syncPeriod, 30_000) || 30_000,
    conntrack: {
      maxPerCore: conntrack.maxPerCore ?? 32_768,
      min: conntrack.min ?? 131_072,
      tcpBeLiberal: conntrack.tcpBeLiberal ?? false,
      tcpEstablishedSeconds: duration(conntrack.tcpEstablishedTimeout, 86_400_000) / 1000,
      tcpCloseWaitSeconds: duration(conntrack.tcpCloseWaitTimeout, 3_600_000) / 1000,
    },
    healthAddress: bindAddress(flags.healthzBindAddress, file.healthzBindAddress, {
      host: file.bindAddress ?? "0.0.0.0",
      port: 10_256,
    }),
    metricsAddress:
      file.metricsBindAddress === "" && !flags.metricsBindAddress
        ? undefined
        : bindAddress(flags.metricsBindAddress, file.metricsBindAddress, { host: "127.0.0.1", port: 10_249 }),
  };
}

function bindAddress(flag: HostPort | undefined, file: string | undefined, otherwise: HostPort): HostPort {
  if (flag || !file) return flag ?? otherwise;
  try {
    return parseHostPort(file, otherwise.port);
  } catch (error) {
    throw new BerthError("Invalid", messageOf(error), { cause: error });
  }
}

function duration(text: string | undefined, otherwiseMs: number): number {
  return (text === undefined ? undefined : parseDurationMs(text)) ?? otherwiseMs;
}

function parseCidrs(text: string): readonly string[] {
  const cidrs = text.split(",").filter((part) => part !== "");
  for (const cidr of cidrs)
    if (!parseBlock(cidr)) throw new InvalidArgumentError(`"${cidr}" is not an address block like 10.96.0.0/16`);
  return cidrs;
}

/** "0.0.0.0:10256", "[::]:10256"; an address alone takes the usual port. */
function parseHostPort(text: string, usualPort: unknown): HostPort {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(text) ?? [];
  const host = bracketed ?? plain ?? "";
  const number = port === undefined && typeof usualPort === "number" ? usualPort : Number(port);
  if (isIP(host) === 0 || !Number.isInteger(number) || number > 65_535)
    throw new InvalidArgumentError(`"${text}" is not an address and a port like 0.0.0.0:10256`);
  return { host, port: number };
}
