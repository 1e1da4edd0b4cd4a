/**
 * What goes into a pod's resolv.conf, by dnsPolicy and dnsConfig. Pure.
 * Source: kubelet network/dns (v1.36).
 */
import type { Pod, PodDNSConfigOption } from "#pkg/api/core/v1.ts";

export interface ResolvConf {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface DnsSettings {
  /** Addresses of the cluster's DNS; empty when there is none. */
  readonly clusterDns: readonly string[];
  /** "cluster.local"; "" for none. */
  readonly clusterDomain: string;
  /** What the node itself uses; undefined: the node has none, and pods that want it resolve nothing. */
  readonly host: ResolvConf | undefined;
}

export interface ComputedDns {
  readonly config: ResolvConf;
  /** For events about the pod: something could not be had as asked for. */
  readonly warnings: readonly { readonly reason: string; readonly message: string }[];
}

const maxServers = 3;
const maxSearches = 32;
const maxSearchLength = 2048;
const maxSearchPathLength = 255;

const empty: ResolvConf = { servers: [], searches: [], options: [] };

export function computeDns(pod: Pod, settings: DnsSettings): ComputedDns {
  const warnings: { reason: string; message: string }[] = [];
  const warn = (reason: string, message: string): number => warnings.push({ reason, message });
  const base = baseConfig(pod, settings, warn);
  const { nameservers = [], searches = [], options = [] } = pod.spec.dnsConfig ?? {};
  const merged: ResolvConf = {
    servers: withoutRepeats([...base.servers, ...nameservers]),
    searches: withoutRepeats([...base.searches, ...searches]),
    options: mergeOptions(base.options, options),
  };
  return { config: fitToLimits(merged, warn), warnings };
}

function baseConfig(pod: Pod, settings: DnsSettings, warn: (reason: string, message: string) => unknown): ResolvConf {
  const host = settings.host ?? { servers: ["127.0.0.1"], searches: ["."], options: [] };
  switch (pod.spec.dnsPolicy ?? "ClusterFirst") {
    case "None":
      return empty;
    case "Default":
      return host;
    case "ClusterFirst":
      if (pod.spec.hostNetwork) return host;
      break;
    default:
      break;
  }
  if (settings.clusterDns.length === 0) {
    const what = "kubelet does not have ClusterDNS IP configured and cannot create Pod using";
    warn(
      "MissingClusterDNS",
      `${what} "${pod.spec.dnsPolicy ?? "ClusterFirst"}" policy. Falling back to "Default" policy.`,
    );
    return host;
  }
  const hostSearches = settings.host?.searches ?? [];
  return {
    servers: settings.clusterDns,
    searches: withoutRepeats([...clusterSearches(pod, settings.clusterDomain), ...hostSearches]),
    options: ["ndots:5"],
  };
}

function clusterSearches(pod: Pod, domain: string): readonly string[] {
  if (domain === "") return [];
  return [`${pod.metadata.namespace ?? ""}.svc.${domain}`, `svc.${domain}`, domain];
}

/** The pod's options win over those of the same name. */
function mergeOptions(base: readonly string[], own: readonly PodDNSConfigOption[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const option of base) merged.set(option.split(":")[0] ?? "", option);
  for (const { name = "", value } of own) merged.set(name, value ? `${name}:${value}` : name);
  return [...merged.values()];
}

function fitToLimits(config: ResolvConf, warn: (reason: string, message: string) => unknown): ResolvConf {
  const servers = config.servers.slice(0, maxServers);
  if (servers.length < config.servers.length) {
    const what = "Nameserver limits were exceeded, some nameservers have been omitted, the applied nameserver line is:";
    warn("DNSConfigForming", `${what} ${servers.join(" ")}`);
  }
  const searches: string[] = [];
  for (const search of config.searches) {
    if (search.length > maxSearchPathLength) continue;
    if (searches.length >= maxSearches || [...searches, search].join(" ").length > maxSearchLength) break;
    searches.push(search);
  }
  if (searches.length < config.searches.length) {
    const what = "Search Line limits were exceeded, some search paths have been omitted, the applied search line is:";
    warn("DNSConfigForming", `${what} ${searches.join(" ")}`);
  }
  return { servers, searches, options: config.options };
}

/** Reads a resolv.conf: the last search line counts, servers add up; what it does not know it leaves out. */
export function parseResolvConf(text: string): ResolvConf {
  const servers: string[] = [];
  let searches: readonly string[] = [];
  let options: readonly string[] = [];
  for (const line of text.split("\n")) {
    const [keyword, ...words] = line
      .replace(/[#;].*$/, "")
      .trim()
      .split(/\s+/);
    if (keyword === "nameserver" && words[0]) servers.push(words[0]);
    if (keyword === "search") searches = words.map((word) => (word === "." ? word : word.replace(/\.$/, "")));
    if (keyword === "options") options = words;
  }
  return { servers, searches, options };
}

function withoutRepeats(words: readonly string[]): readonly string[] {
  return [...new Set(words)];
}
