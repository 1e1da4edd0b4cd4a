/**
 * The whole rule set out of the rules of all service ports. Pure; the same ports give the same chains in the same order.
 *  - non-service traffic meets one rule per service CIDR, one per /24 of external addresses, and the node port check;
 *  - a packet to a service meets one rule per /24 in use, then those of its own /24: however many services there are, a few;
 *  - a /24 is a chain, so that a change of one service rewrites one short chain besides its own.
 */
import { blocksOverlap, parseBlock } from "#pkg/api/ip-address.ts";
import type { Chain, Rule, Table, TableChange } from "#pkg/network/iptables/ruleset.ts";
import { type AddressRules, outsideSource, type PortRules, type RuleOptions } from "./build-port-rules.ts";
import { type Bucket, nodePortBucket, type PortBucket } from "./chain-names.ts";

export interface RuleSetInput {
  readonly ports: readonly PortRules[];
  /** Addresses of endpoints whose own packets may come back to them: those on this node, and those on no known node. */
  readonly loopBackAddresses: readonly string[];
}

/** The filter table comes first: what is refused must be refused before it stops being led anywhere. */
export function buildServiceRules(input: RuleSetInput, options: RuleOptions): readonly TableChange[] {
  return [
    { table: "filter", chains: filterChains(input.ports, options) },
    { table: "nat", chains: natChains(input, options) },
  ];
}

/** Rules that make the kernel's own chains look at ours. The last one of a chain ends up first in it. */
export interface Hook {
  readonly table: Table;
  readonly chain: string;
  readonly rule: Rule;
}

export const hooks: readonly Hook[] = [
  hook("filter", "FORWARD", "KUBE-FORWARD", "kubernetes forwarding rules"),
  hook("filter", "INPUT", "KUBE-NODEPORTS", "kubernetes health check service ports"),
  // Upstream leaves OUTPUT out, so that the node's own clients wait for an answer that never comes.
  ...newConnections("KUBE-EXTERNAL-SERVICES", "kubernetes externally-visible service portals", [
    "INPUT",
    "FORWARD",
    "OUTPUT",
  ]),
  ...newConnections("KUBE-SERVICES", "kubernetes service portals", ["FORWARD", "OUTPUT"]),
  ...newConnections("KUBE-PROXY-FIREWALL", "kubernetes load balancer firewall", ["INPUT", "OUTPUT", "FORWARD"]),
  hook("filter", "INPUT", "KUBE-FIREWALL"),
  hook("filter", "OUTPUT", "KUBE-FIREWALL"),
  hook("nat", "PREROUTING", "KUBE-SERVICES", "kubernetes service portals"),
  hook("nat", "OUTPUT", "KUBE-SERVICES", "kubernetes service portals"),
  hook("nat", "POSTROUTING", "KUBE-POSTROUTING", "kubernetes postrouting rules"),
];

/** In nat and filter; whoever flushes the tables takes it away too. */
export const canaryChain: Chain = { name: "KUBE-PROXY-CANARY", rules: [["-j", "RETURN"]] };

function hook(table: Table, chain: string, target: string, text?: string): Hook {
  return { table, chain, rule: [...(text ? ["-m", "comment", "--comment", text] : []), "-j", target] };
}

function newConnections(target: string, text: string, chains: readonly string[]): readonly Hook[] {
  const rule = ["-m", "conntrack", "--ctstate", "NEW", "-m", "comment", "--comment", text, "-j", target];
  return chains.map((chain) => ({ table: "filter", chain, rule }));
}

function filterChains(ports: readonly PortRules[], options: RuleOptions): readonly Chain[] {
  const healthPorts = [...new Set(ports.map((port) => port.healthCheckNodePort))].filter((port) => port !== 0);
  const refusedNodePorts = ports.flatMap((port) => port.refusedNodePort);
  return [
    { name: "KUBE-SERVICES", rules: ports.flatMap((port) => port.refusedClusterIp) },
    {
      name: "KUBE-EXTERNAL-SERVICES",
      rules: [
        ...ports.flatMap((port) => port.refusedExternal),
        ...(refusedNodePorts.length === 0 ? [] : nodePortGates(options, "KUBE-NO-NODEPORTS")),
      ],
    },
    { name: "KUBE-NO-NODEPORTS", rules: refusedNodePorts },
    { name: "KUBE-PROXY-FIREWALL", rules: ports.flatMap((port) => port.firewalled) },
    {
      name: "KUBE-NODEPORTS",
      rules: healthPorts.map((port) => ["-p", "tcp", "--dport", String(port), "-j", "ACCEPT"]),
    },
    { name: "KUBE-FORWARD", rules: forwardRules(options) },
    { name: "KUBE-FIREWALL", rules: firewallRules(options) },
    canaryChain,
  ];
}

function forwardRules({ dropsInvalid, masqueradeMark }: RuleOptions): readonly Rule[] {
  const mark = hex(masqueradeMark);
  return [
    ...(dropsInvalid ? [["-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"]] : []),
    ["-m", "mark", "--mark", `${mark}/${mark}`, "-j", "ACCEPT"],
    ["-m", "conntrack", "--ctstate", "RELATED,ESTABLISHED", "-j", "ACCEPT"],
  ];
}

/** Serving node ports on 127.0.0.1 opens that address to the neighbours; this shuts it again (CVE-2020-8558). */
function firewallRules({ family, servesLocalhost }: RuleOptions): readonly Rule[] {
  if (family !== "IPv4" || !servesLocalhost) return [];
  const state = ["-m", "conntrack", "!", "--ctstate", "RELATED,ESTABLISHED,DNAT"];
  return [["!", "-s", "127.0.0.0/8", "-d", "127.0.0.0/8", ...state, "-j", "DROP"]];
}

function natChains({ ports, loopBackAddresses }: RuleSetInput, options: RuleOptions): readonly Chain[] {
  const mark = hex(options.masqueradeMark);
  const addresses = addressChains(ports, options);
  const nodePorts = nodePortChains(ports);
  return [
    ...ports.flatMap((port) => port.chains),
    ...addresses.chains,
    ...nodePorts.chains,
    { name: "KUBE-CLUSTER-IPS", rules: addresses.inServiceCidrs },
    { name: "KUBE-NODEPORTS", rules: nodePorts.dispatch },
    {
      name: "KUBE-SERVICES",
      rules: [...serviceCidrRules(options), ...addresses.elsewhere, ...nodePortGates(options, "KUBE-NODEPORTS")],
    },
    { name: "KUBE-MARK-MASQ", rules: [["-j", "MARK", "--or-mark", mark]] },
    { name: "KUBE-LOOP-BACK", rules: loopBackRules(loopBackAddresses) },
    {
      name: "KUBE-POSTROUTING",
      rules: [
        ["-m", "conntrack", "--ctstate", "DNAT", "-j", "KUBE-LOOP-BACK"],
        ["-m", "mark", "!", "--mark", `${mark}/${mark}`, "-j", "RETURN"],
        ["-j", "MARK", "--xor-mark", mark],
        ["-j", "MASQUERADE", "--random-fully"],
      ],
    },
    canaryChain,
  ];
}

function serviceCidrRules(options: RuleOptions): readonly Rule[] {
  const outside = outsideSource(options);
  return options.serviceCidrs.flatMap((cidr) => [
    ...(outside ? [["-d", cidr, ...outside, "-j", "KUBE-MARK-MASQ"]] : []),
    ["-d", cidr, "-j", "KUBE-CLUSTER-IPS"],
  ]);
}

/** An endpoint that reaches itself through a service must see another source than itself, or its answer gets lost. */
function loopBackRules(addresses: readonly string[]): readonly Rule[] {
  return addresses.map((address) => {
    const self = `${address}/${address.includes(":") ? 128 : 32}`;
    return ["-s", self, "-d", self, "-j", "MASQUERADE", "--random-fully"];
  });
}

interface AddressChains {
  readonly chains: readonly Chain[];
  readonly inServiceCidrs: readonly Rule[];
  readonly elsewhere: readonly Rule[];
}

function addressChains(ports: readonly PortRules[], { serviceCidrs }: RuleOptions): AddressChains {
  const buckets = new Map<string, { bucket: Bucket; rules: Rule[] }>();
  const add = ({ bucket, rules }: AddressRules): void => {
    const known = buckets.get(bucket.chain) ?? { bucket, rules: [] };
    known.rules.push(...rules);
    buckets.set(bucket.chain, known);
  };
  for (const port of ports) {
    if (port.clusterIp) add(port.clusterIp);
    for (const rules of port.external) add(rules);
  }
  const sorted = [...buckets.values()].sort((a, b) => (a.bucket.chain < b.bucket.chain ? -1 : 1));
  const dispatch = ({ bucket }: { bucket: Bucket }): Rule => ["-d", bucket.block, "-j", bucket.chain];
  const isGated = ({ bucket }: { bucket: Bucket }): boolean =>
    serviceCidrs.some((cidr) => isWithin(bucket.block, cidr));
  return {
    chains: sorted.map(({ bucket, rules }) => ({ name: bucket.chain, rules })),
    inServiceCidrs: sorted.filter(isGated).map(dispatch),
    elsewhere: sorted.filter((one) => !isGated(one)).map(dispatch),
  };
}

/** A block that reaches beyond the CIDR is not: the CIDR's gate would not let all of it through. */
function isWithin(block: string, cidr: string): boolean {
  const [inner, outer] = [parseBlock(block), parseBlock(cidr)];
  return (
    inner !== undefined &&
    outer !== undefined &&
    blocksOverlap(inner, outer) &&
    inner.prefixLength >= outer.prefixLength
  );
}

function nodePortChains(ports: readonly PortRules[]): { chains: readonly Chain[]; dispatch: readonly Rule[] } {
  const buckets = new Map<string, { bucket: PortBucket; protocol: string; rules: Rule[] }>();
  for (const { nodePort } of ports) {
    if (!nodePort) continue;
    const { protocol, nodePort: number } = nodePort.port;
    const bucket = nodePortBucket(protocol, number);
    const known = buckets.get(bucket.chain) ?? { bucket, protocol, rules: [] };
    known.rules.push(...nodePort.rules);
    buckets.set(bucket.chain, known);
  }
  const sorted = [...buckets.values()].sort((a, b) => (a.bucket.chain < b.bucket.chain ? -1 : 1));
  return {
    chains: sorted.map(({ bucket, rules }) => ({ name: bucket.chain, rules })),
    dispatch: sorted.map(({ bucket: { chain, first, last }, protocol }) => [
      "-p",
      protocol,
      "--dport",
      `${first}:${last}`,
      "-j",
      chain,
    ]),
  };
}

/** Node ports are those of the node's own addresses, or of some of them. */
function nodePortGates(options: RuleOptions, target: string): readonly Rule[] {
  const { family, nodePortAddresses, servesLocalhost } = options;
  const local = ["-m", "addrtype", "--dst-type", "LOCAL", "-j", target];
  const notLoopback = family === "IPv4" ? ["!", "-d", "127.0.0.0/8"] : ["!", "-d", "::1/128"];
  const allowed = nodePortAddresses.filter((cidr) => cidr.includes(":") === (family === "IPv6"));
  if (allowed.length > 0) return allowed.map((cidr) => ["-d", cidr, ...local]);
  if (nodePortAddresses.length > 0) return [];
  return family === "IPv4" && servesLocalhost ? [local] : [[...notLoopback, ...local]];
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}
