/**
 * The endpoints of a service's ports, out of all its EndpointSlices. Pure.
 * An endpoint that several slices name is one endpoint; an unset condition means ready, serving, not terminating.
 */
import type { Endpoint, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { IpFamily } from "#pkg/network/iptables/ruleset.ts";

export interface EndpointInfo {
  readonly address: string;
  readonly port: number;
  readonly isReady: boolean;
  readonly isServing: boolean;
  readonly isTerminating: boolean;
  /** On this node. */
  readonly isLocal: boolean;
  /** Undefined: the slice does not say; the endpoint may be outside the cluster. */
  readonly nodeName: string | undefined;
  /** Zones and nodes that shall use it; undefined: no hint. */
  readonly zoneHints: readonly string[] | undefined;
  readonly nodeHints: readonly string[] | undefined;
}

/** Endpoints by portKey, each list in the order of "address:port". */
export type PortEndpoints = ReadonlyMap<string, readonly EndpointInfo[]>;

/** Service ports and endpoint ports meet by name and protocol. */
export function portKey(portName: string, protocol: string): string {
  return `${protocol.toLowerCase()}/${portName}`;
}

export function buildEndpoints(
  slices: readonly EndpointSlice[],
  { family, nodeName }: { readonly family: IpFamily; readonly nodeName: string },
): PortEndpoints {
  const ports = new Map<string, Map<string, EndpointInfo>>();
  for (const slice of slices) {
    if (slice.addressType !== family) continue;
    for (const { name = "", protocol = "TCP", port } of slice.ports ?? []) {
      if (!port) continue;
      const key = portKey(name, protocol);
      const known = ports.get(key) ?? new Map<string, EndpointInfo>();
      ports.set(key, known);
      for (const endpoint of slice.endpoints ?? []) {
        const info = endpointInfo(endpoint, port, nodeName);
        if (info && (info.isLocal || !known.has(endpointName(info)))) known.set(endpointName(info), info);
      }
    }
  }
  return new Map([...ports].map(([key, endpoints]) => [key, [...endpoints.values()].sort(byName)]));
}

/** "10.0.0.1:80", "[fd00::1]:80". */
export function endpointName({ address, port }: Pick<EndpointInfo, "address" | "port">): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function byName(a: EndpointInfo, b: EndpointInfo): number {
  const [one, other] = [endpointName(a), endpointName(b)];
  return one < other ? -1 : one > other ? 1 : 0;
}

/** The addresses of one endpoint are all the same thing; only the first one is used, as upstream does. */
function endpointInfo(endpoint: Endpoint, port: number, nodeName: string): EndpointInfo | undefined {
  const address = endpoint.addresses[0];
  if (address === undefined) return undefined;
  const { ready, serving, terminating } = endpoint.conditions ?? {};
  const isReady = ready ?? true;
  const { forZones, forNodes } = endpoint.hints ?? {};
  return {
    address,
    port,
    isReady,
    isServing: serving ?? isReady,
    isTerminating: terminating ?? false,
    isLocal: endpoint.nodeName === nodeName,
    nodeName: endpoint.nodeName,
    zoneHints: forZones?.length ? forZones.map(({ name }) => name) : undefined,
    nodeHints: forNodes?.length ? forNodes.map(({ name }) => name) : undefined,
  };
}
