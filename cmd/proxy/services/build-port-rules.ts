/**
 * The rules of one service port. Pure, and a function of that port alone, so that a change of one service costs one call.
 * Semantics: kube-proxy's traffic policies, affinity, source ranges and fallbacks. The shape is Berth's own: endpoints are
 * chosen and translated in the service's chain itself; chains per endpoint exist for session affinity only.
 */
import { blockContains, parseAddress, parseBlock } from "#pkg/api/ip-address.ts";
import type { Chain, IpFamily, Rule } from "#pkg/network/iptables/ruleset.ts";
import type { CategorizedEndpoints } from "./categorize-endpoints.ts";
import { addressBucket, type Bucket, endpointChain, portChain } from "./chain-names.ts";
import { type EndpointInfo, endpointName } from "./endpoint-map.ts";
import {
  isExternallyAccessible,
  type ServicePortInfo,
  usesClusterEndpoints,
  usesLocalEndpoints,
} from "./service-map.ts";

export interface ProxiedPort {
  readonly port: ServicePortInfo;
  readonly endpoints: CategorizedEndpoints;
}

export interface RuleOptions {
  readonly family: IpFamily;
  /** Addresses of pods; undefined: unknown, so that nothing counts as coming from a pod. */
  readonly clusterCidr: string | undefined;
  /** Addresses of services: their traffic is masqueraded in one place when it comes from outside the cluster. */
  readonly serviceCidrs: readonly string[];
  readonly masqueradesAll: boolean;
  /** Bit of the packet mark for "to be masqueraded". */
  readonly masqueradeMark: number;
  /** CIDRs of node addresses on which node ports are served; empty: all. */
  readonly nodePortAddresses: readonly string[];
  /** Whether node ports are served on 127.0.0.1 too; IPv4 only. */
  readonly servesLocalhost: boolean;
  /** False where the kernel accepts what is out of window: then INVALID is no reason to drop. */
  readonly dropsInvalid: boolean;
}

/** Rules about one address, and the group of addresses that it is looked at with. */
export interface AddressRules {
  readonly bucket: Bucket;
  readonly rules: readonly Rule[];
}

/** What one service port adds to the rule set. */
export interface PortRules {
  /** In nat: the port's own chains. */
  readonly chains: readonly Chain[];
  /** In nat, where packets to these addresses are led to the chains. */
  readonly clusterIp: AddressRules | undefined;
  readonly external: readonly AddressRules[];
  readonly nodePort: { readonly port: ServicePortInfo; readonly rules: readonly Rule[] } | undefined;
  /** In filter: packets that found no endpoint. */
  readonly refusedClusterIp: readonly Rule[];
  readonly refusedExternal: readonly Rule[];
  readonly refusedNodePort: readonly Rule[];
  /** In filter: packets to a load balancer's address that its source ranges did not let through. */
  readonly firewalled: readonly Rule[];
  /** In filter: the port that load balancers ask for the service's health. */
  readonly healthCheckNodePort: number;
}

interface Target {
  readonly verdict: "REJECT" | "DROP";
  readonly reason: string;
}

export function buildPortRules({ port, endpoints }: ProxiedPort, options: RuleOptions): PortRules {
  const isExternal = isExternallyAccessible(port);
  const internal = refusal(endpoints, port.isInternalLocal);
  const external = isExternal ? refusal(endpoints, port.isExternalLocal) : undefined;
  const internalChain = portChain(port.isInternalLocal ? "SVL" : "SVC", port.name, port.protocol);
  const leads = isExternal && endpoints.hasAny;
  return {
    chains: buildChains({ port, endpoints }, options),
    clusterIp: internal
      ? undefined
      : { bucket: addressBucket(port.clusterIp), rules: clusterIpRules(port, internalChain, options) },
    external: leads ? externalRules(port) : [],
    nodePort: leads && port.nodePort !== 0 ? { port, rules: [nodePortRule(port)] } : undefined,
    refusedClusterIp: internal ? [refuse(port, internal, to(port.clusterIp), port.port, options)] : [],
    refusedExternal: external
      ? [...port.externalIps, ...port.loadBalancerIps].map((ip) => refuse(port, external, to(ip), port.port, options))
      : [],
    refusedNodePort: external && port.nodePort !== 0 ? [refuse(port, external, [], port.nodePort, options)] : [],
    firewalled: leads && port.sourceRanges.length > 0 ? port.loadBalancerIps.map((ip) => firewallRule(port, ip)) : [],
    healthCheckNodePort: port.healthCheckNodePort,
  };
}

/** Why packets to the port are not served; undefined: they are. */
function refusal({ hasAny, local }: CategorizedEndpoints, staysLocal: boolean): Target | undefined {
  if (!hasAny) return { verdict: "REJECT", reason: "has no endpoints" };
  return staysLocal && local.length === 0 ? { verdict: "DROP", reason: "has no local endpoints" } : undefined;
}

function buildChains({ port, endpoints }: ProxiedPort, options: RuleOptions): readonly Chain[] {
  const chains: Chain[] = [];
  const svc = portChain("SVC", port.name, port.protocol);
  const svl = portChain("SVL", port.name, port.protocol);
  const ext = portChain("EXT", port.name, port.protocol);
  if (usesClusterEndpoints(port) && endpoints.cluster.length > 0)
    chains.push({ name: svc, rules: balance(port, endpoints.cluster) });
  if (usesLocalEndpoints(port) && endpoints.local.length > 0)
    chains.push({ name: svl, rules: balance(port, endpoints.local) });
  if (port.affinitySeconds !== undefined) chains.push(...endpointChains(port, endpoints));
  if (isExternallyAccessible(port) && endpoints.hasAny) {
    chains.push({
      name: ext,
      rules: port.isExternalLocal
        ? externalLocalRules(svc, endpoints.local.length > 0 ? svl : undefined, options)
        : [
            ["-j", "KUBE-MARK-MASQ"],
            ["-j", svc],
          ],
    });
    if (port.sourceRanges.length > 0 && port.loadBalancerIps.length > 0)
      chains.push({ name: portChain("FW", port.name, port.protocol), rules: firewallChain(port, ext) });
  }
  return chains;
}

/**
 * Each endpoint gets an equal share: the i-th of n is taken with 1/(n-i) of what the earlier ones left. With affinity a
 * client that an endpoint remembers goes there again.
 */
function balance(port: ServicePortInfo, endpoints: readonly EndpointInfo[]): readonly Rule[] {
  const { affinitySeconds, protocol } = port;
  const remembered =
    affinitySeconds === undefined
      ? []
      : endpoints.map((endpoint): Rule => {
          const chain = endpointChain(port.name, protocol, endpointName(endpoint));
          return [...recent(chain), "--rcheck", "--seconds", String(affinitySeconds), "--reap", "-j", chain];
        });
  const chosen = endpoints.map((endpoint, index): Rule => {
    const left = endpoints.length - index;
    const share = left === 1 ? [] : ["-m", "statistic", "--mode", "random", "--probability", (1 / left).toFixed(10)];
    const target =
      affinitySeconds === undefined
        ? ["-p", protocol, ...share, "-j", "DNAT", "--to-destination", endpointName(endpoint)]
        : [...share, "-j", endpointChain(port.name, protocol, endpointName(endpoint))];
    return target;
  });
  return [...remembered, ...chosen];
}

/** One chain per endpoint that either policy uses: it notes the client, then translates. */
function endpointChains(port: ServicePortInfo, { cluster, local }: CategorizedEndpoints): readonly Chain[] {
  const all = new Map([...cluster, ...local].map((endpoint) => [endpointName(endpoint), endpoint]));
  return [...all.keys()].map((endpoint) => {
    const name = endpointChain(port.name, port.protocol, endpoint);
    return {
      name,
      rules: [["-p", port.protocol, ...recent(name), "--set", "-j", "DNAT", "--to-destination", endpoint]],
    };
  });
}

function recent(list: string): Rule {
  return ["-m", "recent", "--name", list];
}

/** Pods and the node itself are inside: no policy for outside traffic holds for them. */
function externalLocalRules(svc: string, svl: string | undefined, { clusterCidr }: RuleOptions): readonly Rule[] {
  const fromNode = ["-m", "addrtype", "--src-type", "LOCAL"];
  return [
    ...(clusterCidr === undefined ? [] : [["-s", clusterCidr, "-j", svc]]),
    [...fromNode, "-j", "KUBE-MARK-MASQ"],
    [...fromNode, "-j", svc],
    ...(svl === undefined ? [] : [["-j", svl]]),
  ];
}

/** What no range lets through stays untranslated, so that the filter table can tell it by its address. */
function firewallChain(port: ServicePortInfo, ext: string): readonly Rule[] {
  return port.sourceRanges.map((range) => ["-s", range, "-j", ext]);
}

/** Inside the service CIDRs masquerading is decided once for all; other cluster IPs decide for themselves. */
function clusterIpRules(port: ServicePortInfo, chain: string, options: RuleOptions): readonly Rule[] {
  const match = [...to(port.clusterIp), ...packet(port, port.port)];
  const fromOutside = options.serviceCidrs.some((cidr) => isInside(port.clusterIp, cidr))
    ? undefined
    : outsideSource(options);
  return [
    ...(fromOutside ? [[...match, ...fromOutside, "-j", "KUBE-MARK-MASQ"]] : []),
    [...match, ...comment(port, "cluster IP"), "-j", chain],
  ];
}

/** The match for packets to a cluster IP that must be masqueraded; undefined: none must. */
export function outsideSource({ masqueradesAll, clusterCidr }: RuleOptions): Rule | undefined {
  if (masqueradesAll) return [];
  return clusterCidr === undefined ? undefined : ["!", "-s", clusterCidr];
}

export function isInside(address: string, cidr: string): boolean {
  const [parsed, block] = [parseAddress(address), parseBlock(cidr)];
  return parsed !== undefined && block !== undefined && blockContains(block, parsed);
}

function externalRules(port: ServicePortInfo): readonly AddressRules[] {
  const ext = portChain("EXT", port.name, port.protocol);
  const loadBalanced = port.sourceRanges.length > 0 ? portChain("FW", port.name, port.protocol) : ext;
  const rule = (address: string, what: string, chain: string): AddressRules => ({
    bucket: addressBucket(address),
    rules: [[...to(address), ...packet(port, port.port), ...comment(port, what), "-j", chain]],
  });
  return [
    ...port.externalIps.map((address) => rule(address, "external IP", ext)),
    ...port.loadBalancerIps.map((address) => rule(address, "loadbalancer IP", loadBalanced)),
  ];
}

function nodePortRule(port: ServicePortInfo): Rule {
  const ext = portChain("EXT", port.name, port.protocol);
  return [...packet(port, port.nodePort), ...comment(port, "node port"), "-j", ext];
}

function firewallRule(port: ServicePortInfo, address: string): Rule {
  const what = comment(port, "traffic not accepted by source ranges");
  return [...to(address), ...packet(port, port.port), ...what, "-j", "DROP"];
}

function refuse(
  port: ServicePortInfo,
  { verdict, reason }: Target,
  destination: Rule,
  number: number,
  { family }: RuleOptions,
): Rule {
  const how = verdict === "DROP" ? [] : ["--reject-with", `icmp${family === "IPv4" ? "" : "6"}-port-unreachable`];
  return [...destination, ...packet(port, number), ...comment(port, reason), "-j", verdict, ...how];
}

function packet({ protocol }: ServicePortInfo, port: number): Rule {
  return ["-p", protocol, "--dport", String(port)];
}

function to(address: string): Rule {
  return ["-d", `${address}/${address.includes(":") ? 128 : 32}`];
}

/** For people who read the rules; the kernel takes 255 characters. */
function comment({ name }: ServicePortInfo, what: string): Rule {
  return ["-m", "comment", "--comment", `${name} ${what}`.slice(0, 255)];
}
