/**
 * Options of berth-server: flags with kube-apiserver's names where there is one. Pure: command line in, frozen values out;
 * nothing below reads flags or the environment.
 */
import { isIP } from "node:net";
import path from "node:path";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { parseDurationMs } from "#pkg/api/duration.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { LogLevel } from "#pkg/system/log.ts";

export interface ServerOptions {
  /** Holds the store, keys and certificates. */
  readonly dataDir: string;
  readonly bindAddress: string;
  /** 0: any free port. */
  readonly securePort: number;
  /** Where others reach this server; undefined: the bind address, or this machine's own when that is every address. */
  readonly advertiseAddress: string | undefined;
  /** More names and addresses in the serving certificate. */
  readonly tlsSans: readonly string[];
  /** The administrator's kubeconfig is written here. */
  readonly kubeconfigFile: string;
  readonly store: EmbeddedStoreChoice | EtcdStoreChoice;
  /** Where the embedded store is also served as etcd v3; undefined: nowhere. */
  readonly etcdListen: { readonly host: string; readonly port: number } | undefined;
  readonly serviceCidrs: readonly string[];
  readonly nodePorts: { readonly first: number; readonly last: number };
  readonly clusterDomain: string;
  readonly clusterCidr: string;
  readonly serviceAccountIssuer: string;
  readonly apiAudiences: readonly string[];
  readonly tokenAuthFile: string | undefined;
  readonly anonymousAuth: boolean;
  readonly disabledAdmissionPlugins: readonly string[];
  readonly maxReads: number;
  readonly maxWrites: number;
  readonly requestTimeoutMs: number;
  /** False: the API alone, for use with a scheduler and controllers elsewhere. */
  readonly runsControllers: boolean;
  /** How long a node may be silent before it counts as lost. */
  readonly nodeMonitorGracePeriodMs: number;
  readonly logLevel: LogLevel;
}

export interface EmbeddedStoreChoice {
  readonly kind: "embedded";
}

export interface EtcdStoreChoice {
  readonly kind: "etcd";
  readonly servers: readonly string[];
  readonly caFile: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
}

interface Flags {
  readonly dataDir: string;
  readonly bindAddress: string;
  readonly securePort: number;
  readonly advertiseAddress?: string;
  readonly tlsSan: string[];
  readonly kubeconfig?: string;
  readonly etcdServers?: string[];
  readonly etcdCafile?: string;
  readonly etcdCertfile?: string;
  readonly etcdKeyfile?: string;
  readonly etcdListen?: { host: string; port: number };
  readonly serviceClusterIpRange: string[];
  readonly serviceNodePortRange: { first: number; last: number };
  readonly clusterDomain: string;
  readonly clusterCidr: string;
  readonly serviceAccountIssuer: string;
  readonly apiAudiences?: string[];
  readonly tokenAuthFile?: string;
  readonly anonymousAuth: boolean;
  readonly disableAdmissionPlugins: string[];
  readonly maxRequestsInflight: number;
  readonly maxMutatingRequestsInflight: number;
  readonly requestTimeout: number;
  readonly controllers: boolean;
  readonly nodeMonitorGracePeriod: number;
  readonly logLevel: LogLevel;
}

/** `argv` without the program. Throws "Invalid" naming the flag, or CommanderError after it printed help or the version. */
export function parseServerOptions(argv: readonly string[], version: string): Readonly<ServerOptions> {
  const command = defineFlags(version);
  try {
    command.parse(argv, { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode !== 0)
      throw new BerthError("Invalid", error.message, { cause: error });
    throw error;
  }
  return Object.freeze(toOptions(command.opts<Flags>()));
}

function defineFlags(version: string): Command {
  const list = (text: string): string[] => text.split(",").flatMap((part) => part.trim() || []);
  return new Command("berth-server")
    .description("Berth's control plane: API server, store, scheduler and controllers in one process")
    .version(version)
    .exitOverride()
    .configureOutput({ writeErr: () => undefined })
    .option("--data-dir <folder>", "store, keys and certificates", "/var/lib/berth/server")
    .option("--bind-address <ip>", "address to listen on", parseAddress, "0.0.0.0")
    .option("--secure-port <port>", "port to listen on; 0 takes any free one", parsePort, 6443)
    .option("--advertise-address <ip>", "address that others reach this server by", parseAddress)
    .option("--tls-san <names>", "more names and addresses for the certificate, comma-separated", list, [])
    .option("--kubeconfig <file>", "where to write the administrator's kubeconfig (default: <data-dir>/kubeconfig)")
    .option("--etcd-servers <urls>", "use this etcd cluster instead of the embedded store, comma-separated", list)
    .option("--etcd-cafile <file>", "authority of the etcd servers")
    .option("--etcd-certfile <file>", "client certificate for etcd")
    .option("--etcd-keyfile <file>", "key of the client certificate for etcd")
    .option("--etcd-listen <address>", "also serve the embedded store as etcd v3 on this host:port", parseHostPort)
    .option("--service-cluster-ip-range <cidrs>", "addresses of Services", parseCidrs, ["10.96.0.0/16"])
    .option("--service-node-port-range <range>", "ports of NodePort Services", parsePortRange, {
      first: 30_000,
      last: 32_767,
    })
    .option("--cluster-domain <domain>", "DNS domain of the cluster", "cluster.local")
    .option("--cluster-cidr <cidr>", "addresses of pods; each node gets a part", parseCidr, "10.244.0.0/16")
    .option(
      "--service-account-issuer <url>",
      "issuer of service account tokens",
      "https://kubernetes.default.svc.cluster.local",
    )
    .option("--api-audiences <names>", "audiences of tokens for this API (default: the issuer)", list)
    .option("--token-auth-file <file>", 'static tokens: token,user,uid,"group,group" per line')
    .option("--no-anonymous-auth", "refuse requests without credentials, health checks too")
    .option("--disable-admission-plugins <names>", "admission plugins to leave out", list, [])
    .option("--max-requests-inflight <n>", "reads at once", parseCount, 400)
    .option("--max-mutating-requests-inflight <n>", "writes at once", parseCount, 200)
    .option("--request-timeout <duration>", "longest time for a request that is no watch", parseDuration, 60_000)
    .option("--no-controllers", "run the API alone, without scheduler and controllers")
    .option("--node-monitor-grace-period <duration>", "silence after which a node is lost", parseDuration, 50_000)
    .addOption(new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"));
}

function toOptions(flags: Flags): ServerOptions {
  const withEtcd = flags.etcdServers !== undefined;
  if (withEtcd && flags.etcdListen) {
    throw new BerthError("Invalid", "--etcd-listen serves the embedded store; it cannot go with --etcd-servers");
  }
  if ((flags.etcdCertfile === undefined) !== (flags.etcdKeyfile === undefined)) {
    throw new BerthError("Invalid", "--etcd-certfile and --etcd-keyfile go together; give both or neither");
  }
  return {
    dataDir: path.resolve(flags.dataDir),
    bindAddress: flags.bindAddress,
    securePort: flags.securePort,
    advertiseAddress: flags.advertiseAddress,
    tlsSans: flags.tlsSan,
    kubeconfigFile: path.resolve(flags.kubeconfig ?? path.join(flags.dataDir, "kubeconfig")),
    store: withEtcd
      ? {
          kind: "etcd",
          servers: flags.etcdServers ?? [],
          caFile: flags.etcdCafile,
          certFile: flags.etcdCertfile,
          keyFile: flags.etcdKeyfile,
        }
      : { kind: "embedded" },
    etcdListen: flags.etcdListen,
    serviceCidrs: flags.serviceClusterIpRange,
    nodePorts: flags.serviceNodePortRange,
    clusterDomain: flags.clusterDomain,
    clusterCidr: flags.clusterCidr,
    serviceAccountIssuer: flags.serviceAccountIssuer,
    apiAudiences: flags.apiAudiences ?? [flags.serviceAccountIssuer],
    tokenAuthFile: flags.tokenAuthFile,
    anonymousAuth: flags.anonymousAuth,
    disabledAdmissionPlugins: flags.disableAdmissionPlugins,
    maxReads: flags.maxRequestsInflight,
    maxWrites: flags.maxMutatingRequestsInflight,
    requestTimeoutMs: flags.requestTimeout,
    runsControllers: flags.controllers,
    nodeMonitorGracePeriodMs: flags.nodeMonitorGracePeriod,
    logLevel: flags.logLevel,
  };
}

function parseAddress(text: string): string {
  if (isIP(text) === 0) throw new InvalidArgumentError("It must be an IP address.");
  return text;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return port;
}

function parseCount(text: string): number {
  if (!/^[1-9]\d*$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

function parseHostPort(text: string): { host: string; port: number } {
  const match = /^(?:\[(.+)\]|([^:]+)):(\d+)$/.exec(text);
  if (!match) throw new InvalidArgumentError("It must be host:port, e.g. 127.0.0.1:2379.");
  return { host: match[1] ?? match[2] ?? "", port: parsePort(match[3] ?? "") };
}

function parsePortRange(text: string): { first: number; last: number } {
  const [first, last] = text.split("-").map((part) => parsePort(part));
  if (first === undefined || last === undefined || first > last || first === 0) {
    throw new InvalidArgumentError("It must be a range of ports, e.g. 30000-32767.");
  }
  return { first, last };
}

function parseCidr(text: string): string {
  const [address = "", bits = ""] = text.split("/");
  const family = isIP(address);
  if (family === 0 || !/^\d+$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128)) {
    throw new InvalidArgumentError("It must be a CIDR, e.g. 10.96.0.0/16.");
  }
  return text;
}

function parseCidrs(text: string): string[] {
  const cidrs = text.split(",").map((part) => parseCidr(part.trim()));
  if (cidrs.length > 2) throw new InvalidArgumentError("It may hold two CIDRs, one for each IP family.");
  return cidrs;
}

/** Go's durations, never negative and always with a unit: "50s", "1m30s", "100ms". */
export function parseDuration(text: string): number {
  const ms = /^(\d+(\.\d+)?(ms|s|m|h))+$/.test(text) ? parseDurationMs(text) : undefined;
  if (ms === undefined) throw new InvalidArgumentError("It must be a duration, e.g. 60s or 1m30s.");
  return ms;
}
