/** Ports of the node that lead to pods, and the masquerading of what leaves the cluster: rules out of state. Pure. */
import type { PortMapping } from "#pkg/network/cni/cni-types.ts";
import type { Rule, TableChange } from "#pkg/network/iptables/ruleset.ts";
import type { Attachment } from "./cni-journal.ts";

/** A wanted mapping that another one stands in the way of: same port and protocol, on the same address or on all. */
export function findPortConflict(
  wanted: readonly PortMapping[],
  taken: readonly PortMapping[],
): PortMapping | undefined {
  return wanted.find((one) =>
    taken.some(
      (other) =>
        one.hostPort === other.hostPort &&
        one.protocol === other.protocol &&
        (isAny(one) || isAny(other) || one.hostIP === other.hostIP),
    ),
  );
}

export interface PodRulesInput {
  readonly attachments: readonly Attachment[];
  /** Ranges whose packets keep their source: the cluster's pods and its nodes. */
  readonly clusterCidrs: readonly string[];
  /** This node's own pods. */
  readonly podCidr: string;
}

export const hostPortChain = "BERTH-HOSTPORT";
export const masqueradeChain = "BERTH-MASQ";
export const forwardChain = "BERTH-FORWARD";

/** Jumps from built-in chains into ours. */
export const podRuleHooks: readonly {
  readonly table: "nat" | "filter";
  readonly chain: string;
  readonly rule: Rule;
}[] = [
  { table: "nat", chain: "PREROUTING", rule: ["-m", "addrtype", "--dst-type", "LOCAL", "-j", hostPortChain] },
  { table: "nat", chain: "OUTPUT", rule: ["-m", "addrtype", "--dst-type", "LOCAL", "-j", hostPortChain] },
  { table: "nat", chain: "POSTROUTING", rule: ["-j", masqueradeChain] },
  { table: "filter", chain: "FORWARD", rule: ["-j", forwardChain] },
];

export function buildPodRules({ attachments, clusterCidrs, podCidr }: PodRulesInput): readonly TableChange[] {
  const mappings = attachments.flatMap(({ address, portMappings }) =>
    portMappings.map((mapping) => ({ address, mapping })),
  );
  return [
    {
      table: "nat",
      chains: [
        { name: hostPortChain, rules: mappings.map(({ address, mapping }) => hostPortRule(address, mapping)) },
        { name: masqueradeChain, rules: masqueradeRules(mappings, clusterCidrs, podCidr) },
      ],
    },
    {
      table: "filter",
      // Where the policy of FORWARD is to drop, as Docker and firewalls set it, pods would reach nobody.
      chains: [
        {
          name: forwardChain,
          rules: [
            ["-s", podCidr, "-j", "ACCEPT"],
            ["-d", podCidr, "-j", "ACCEPT"],
          ],
        },
      ],
    },
  ];
}

function hostPortRule(address: string, mapping: PortMapping): Rule {
  const onAddress = isAny(mapping) ? [] : ["-d", `${mapping.hostIP}/32`];
  return [
    ...onAddress,
    "-p",
    mapping.protocol,
    "--dport",
    String(mapping.hostPort),
    "-j",
    "DNAT",
    "--to-destination",
    `${address}:${mapping.containerPort}`,
  ];
}

function masqueradeRules(
  mappings: readonly { readonly address: string; readonly mapping: PortMapping }[],
  clusterCidrs: readonly string[],
  podCidr: string,
): readonly Rule[] {
  return [
    // A pod that reaches itself through its host port, and loopback traffic to one, would get answers past the node.
    ...mappings.flatMap(({ address, mapping: { protocol, containerPort } }): Rule[] => {
      const toPod = ["-d", `${address}/32`, "-p", protocol, "--dport", String(containerPort)];
      return [
        ["-s", `${address}/32`, ...toPod, "-j", "MASQUERADE"],
        ["-s", "127.0.0.1/32", ...toPod, "-j", "MASQUERADE"],
      ];
    }),
    ["!", "-s", podCidr, "-j", "RETURN"],
    ...clusterCidrs.map((cidr): Rule => ["-d", cidr, "-j", "RETURN"]),
    ["-d", "224.0.0.0/4", "-j", "RETURN"],
    ["-j", "MASQUERADE", "--random-fully"],
  ];
}

function isAny({ hostIP }: PortMapping): boolean {
  return hostIP === undefined || hostIP === "" || hostIP === "0.0.0.0" || hostIP === "::";
}
