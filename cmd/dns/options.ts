/** Options of berth-dns. Pure: command line in, frozen values out; nothing below reads flags or the environment. */
import { isIP } from "node:net";
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { BerthError } from "#pkg/system/errors.ts";
import type { LogLevel } from "#pkg/system/log.ts";

export interface DnsOptions {
  readonly kubeconfigFile: string;
  readonly addresses: readonly string[];
  readonly port: number;
  /** Health and metrics, on loopback. 0: any free port. */
  readonly healthPort: number;
  readonly domain: string;
  readonly ttlSeconds: number;
  /** Names the servers for everything else. */
  readonly resolvConf: string;
  readonly logLevel: LogLevel;
}

interface Flags {
  readonly kubeconfig: string;
  readonly listenAddress: readonly string[];
  readonly port: number;
  readonly healthPort: number;
  readonly clusterDomain: string;
  readonly ttl: number;
  readonly resolvConf: string;
  readonly logLevel: LogLevel;
}

/** `argv` without the program. Throws "Invalid" naming the flag; `onHelp` gets the text of --help. */
export function parseDnsOptions(argv: readonly string[], onHelp: (text: string) => void): Readonly<DnsOptions> {
  const command = defineFlags(onHelp);
  try {
    command.parse([...argv], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) throw new BerthError("Invalid", error.message, { cause: error });
    throw error;
  }
  const flags = command.opts<Flags>();
  return Object.freeze({
    kubeconfigFile: flags.kubeconfig,
    addresses: flags.listenAddress,
    port: flags.port,
    healthPort: flags.healthPort,
    domain: flags.clusterDomain,
    ttlSeconds: flags.ttl,
    resolvConf: flags.resolvConf,
    logLevel: flags.logLevel,
  });
}

/** The servers in a resolv.conf, but not ourselves: that would be a loop. Pure. */
export function parseNameServers(
  resolvConf: string,
  own: { readonly addresses: readonly string[]; readonly port: number },
): readonly { readonly address: string; readonly port: number }[] {
  const named = resolvConf.split("\n").flatMap((line) => /^\s*nameserver\s+([^\s%#;]+)/.exec(line)?.[1] ?? []);
  return named
    .filter((address) => isIP(address) !== 0 && !(own.port === 53 && own.addresses.includes(address)))
    .map((address) => ({ address, port: 53 }));
}

function defineFlags(onHelp: (text: string) => void): Command {
  return new Command("berth-dns")
    .description("DNS for the names of a cluster; other names are asked of the node's own servers.")
    .exitOverride()
    .configureOutput({ writeOut: onHelp, writeErr: () => undefined })
    .requiredOption("--kubeconfig <file>", "how to reach the API server, and as whom")
    .option("--listen-address <ip,...>", "addresses to answer on", parseIps, ["127.0.0.1"])
    .option("--port <port>", "port to answer on, UDP and TCP", parsePort, 53)
    .option("--health-port <port>", "/health, /ready and /metrics on loopback", parsePort, 8181)
    .option("--cluster-domain <name>", "domain of the cluster", "cluster.local")
    .option("--ttl <seconds>", "how long answers may be kept", parseSeconds, 5)
    .option("--resolv-conf <file>", "names the servers for all other names", "/etc/resolv.conf")
    .addOption(new Option("--log-level <level>").choices(["debug", "info", "warn", "error"]).default("info"));
}

function parseIps(text: string): readonly string[] {
  const addresses = text.split(",").filter((part) => part !== "");
  const wrong = addresses.find((address) => isIP(address) === 0);
  if (wrong !== undefined) throw new InvalidArgumentError(`"${wrong}" is not an IP address.`);
  return addresses;
}

function parsePort(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port > 65_535) throw new InvalidArgumentError("It must be a port, 0 to 65535.");
  return port;
}

function parseSeconds(text: string): number {
  if (!/^\d{1,6}$/.test(text)) throw new InvalidArgumentError("It must be a number of seconds.");
  return Number(text);
}
