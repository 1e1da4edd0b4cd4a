/**
 * The pod's /etc/hosts. Pure.
 * Source: kubelet ensureHostsFile, managedHostsFileContent (v1.36).
 */
import type { HostAlias } from "#pkg/api/core/v1.ts";
import type { PodNames } from "./hostname.ts";

const localNames = [
  "127.0.0.1\tlocalhost",
  "::1\tlocalhost ip6-localhost ip6-loopback",
  "fe00::0\tip6-localnet",
  "fe00::0\tip6-mcastprefix",
  "fe00::1\tip6-allnodes",
  "fe00::2\tip6-allrouters",
];

export function buildHostsFile(
  podIps: readonly string[],
  { hostname, domain }: PodNames,
  aliases: readonly HostAlias[],
): string {
  const own = podIps.map((ip) => (domain ? `${ip}\t${hostname}.${domain}\t${hostname}` : `${ip}\t${hostname}`));
  return `${["# Kubernetes-managed hosts file.", ...localNames, ...own].join("\n")}\n${aliasLines(aliases)}`;
}

/** For pods in the host's network: the host's own file, and the aliases. */
export function buildHostNetworkHostsFile(hostFile: string, aliases: readonly HostAlias[]): string {
  return `# Kubernetes-managed hosts file (host network).\n${hostFile}${aliasLines(aliases)}`;
}

function aliasLines(aliases: readonly HostAlias[]): string {
  if (aliases.length === 0) return "";
  const lines = aliases.map(({ ip, hostnames = [] }) => `${ip}\t${hostnames.join("\t")}\n`);
  return `\n# Entries added by HostAliases.\n${lines.join("")}`;
}
