/**
 * What shall happen to a packet, straight from the API objects and the words of the Service documentation, without the
 * proxy's own code: the other opinion that generated rules are compared with.
 */
import type { Service } from "#pkg/api/core/v1.ts";
import type { Endpoint, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { blockContains, parseAddress, parseBlock } from "#pkg/api/ip-address.ts";
import type { Packet } from "#pkg/network/testing/trace.ts";

export interface ExpectedFlow {
  readonly verdict: "ACCEPT" | "DROP" | "REJECT";
  /** "address:port" to whether it is masqueraded on the way there; each is as likely as the others. */
  readonly destinations: ReadonlyMap<string, boolean>;
}

export interface World {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
  readonly nodeName: string;
  readonly nodeAddresses: readonly string[];
  readonly podCidr: string;
}

type Entry = "clusterIp" | "externalIp" | "loadBalancer" | "nodePort";

export function evaluateFlow(packet: Packet, world: World): ExpectedFlow {
  const fromPod = contains(world.podCidr, packet.source);
  const fromNode = world.nodeAddresses.includes(packet.source);
  for (const service of world.services) {
    for (const port of service.spec?.ports ?? []) {
      if ((port.protocol ?? "TCP").toLowerCase() !== packet.protocol) continue;
      const entry = entryOf(packet, service, port.port, port.nodePort, world);
      if (!entry) continue;
      const endpoints = world.slices
        .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service.metadata.name)
        .flatMap((slice) => slice.endpoints ?? []);
      const targetPort =
        world.slices.find(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === service.metadata.name)
          ?.ports?.[0]?.port ?? 0;
      return flow(packet, service, entry, endpoints, targetPort, { fromPod, fromNode }, world);
    }
  }
  return { verdict: "ACCEPT", destinations: new Map([[`${packet.destination}:${packet.port}`, false]]) };
}

function entryOf(
  packet: Packet,
  { spec, status }: Service,
  port: number,
  nodePort: number | undefined,
  world: World,
): Entry | undefined {
  if (packet.port === port) {
    if (spec?.clusterIP === packet.destination) return "clusterIp";
    if (spec?.externalIPs?.includes(packet.destination)) return "externalIp";
    if (spec?.type === "LoadBalancer" && status?.loadBalancer?.ingress?.some(({ ip }) => ip === packet.destination))
      return "loadBalancer";
  }
  const onNode = spec?.type === "NodePort" || spec?.type === "LoadBalancer";
  return onNode && nodePort === packet.port && world.nodeAddresses.includes(packet.destination)
    ? "nodePort"
    : undefined;
}

function flow(
  packet: Packet,
  { spec }: Service,
  entry: Entry,
  endpoints: readonly Endpoint[],
  targetPort: number,
  from: { readonly fromPod: boolean; readonly fromNode: boolean },
  world: World,
): ExpectedFlow {
  const everywhere = bestOf(endpoints);
  if (everywhere.length === 0) return { verdict: "REJECT", destinations: new Map() };
  const isInside = from.fromPod || from.fromNode;
  const isExternal = entry !== "clusterIp";
  const staysHere = isExternal
    ? spec?.externalTrafficPolicy === "Local" && !isInside
    : spec?.internalTrafficPolicy === "Local";
  const ranges = spec?.loadBalancerSourceRanges ?? [];
  const isShutOut =
    entry === "loadBalancer" && ranges.length > 0 && !ranges.some((range) => contains(range, packet.source));
  const local = bestOf(endpoints.filter(({ nodeName }) => nodeName === world.nodeName));
  const used = staysHere ? local : everywhere;
  if (isShutOut || used.length === 0) return { verdict: "DROP", destinations: new Map() };
  const hidesSource = isExternal ? (spec?.externalTrafficPolicy === "Local" ? from.fromNode : true) : !from.fromPod;
  return {
    verdict: "ACCEPT",
    destinations: new Map(
      used.map(({ addresses: [address = ""] }) => [
        `${address}:${targetPort}`,
        hidesSource || address === packet.source,
      ]),
    ),
  };
}

/** Ready ones; when there are none, those that still serve while they end. */
function bestOf(endpoints: readonly Endpoint[]): readonly Endpoint[] {
  const ready = endpoints.filter(({ conditions }) => conditions?.ready);
  return ready.length > 0 ? ready : endpoints.filter(({ conditions }) => conditions?.serving && conditions.terminating);
}

function contains(cidr: string, address: string): boolean {
  const [block, parsed] = [parseBlock(cidr), parseAddress(address)];
  return block !== undefined && parsed !== undefined && blockContains(block, parsed);
}
