/**
 * Which endpoints a service port's traffic may use: cluster-wide, and on this node alone. Pure.
 * Semantics: kube-proxy's CategorizeEndpoints. Ready ones first; when there are none, those that terminate but still serve.
 * Topology comes from the hints in the slices only, and a hint that is missing on one ready endpoint turns it off for all.
 */
import type { EndpointInfo } from "./endpoint-map.ts";
import { type ServicePortInfo, usesClusterEndpoints, usesLocalEndpoints } from "./service-map.ts";

export interface NodeTopology {
  readonly nodeName: string;
  /** The node's topology.kubernetes.io/zone; undefined: it has none. */
  readonly zone: string | undefined;
}

export interface CategorizedEndpoints {
  /** For traffic that may go to every node; empty when the port has no such traffic. */
  readonly cluster: readonly EndpointInfo[];
  /** For traffic that must stay on this node; empty when the port has no such traffic. */
  readonly local: readonly EndpointInfo[];
  /** Whether there is anything usable anywhere: tells "refused" from "dropped". */
  readonly hasAny: boolean;
}

export function categorizeEndpoints(
  port: ServicePortInfo,
  endpoints: readonly EndpointInfo[],
  topology: NodeTopology,
): CategorizedEndpoints {
  const local = usesLocalEndpoints(port) ? usable(endpoints.filter((endpoint) => endpoint.isLocal)) : [];
  return {
    cluster: usesClusterEndpoints(port) ? clusterEndpoints(endpoints, topology) : [],
    local,
    hasAny: endpoints.some((endpoint) => endpoint.isReady || isServingToTheEnd(endpoint)),
  };
}

function clusterEndpoints(endpoints: readonly EndpointInfo[], topology: NodeTopology): readonly EndpointInfo[] {
  const ready = endpoints.filter((endpoint) => endpoint.isReady);
  // Those that terminate are a last resort, wherever they are.
  return ready.length === 0 ? endpoints.filter(isServingToTheEnd) : preferred(ready, topology);
}

function usable(endpoints: readonly EndpointInfo[]): readonly EndpointInfo[] {
  const ready = endpoints.filter((endpoint) => endpoint.isReady);
  return ready.length > 0 ? ready : endpoints.filter(isServingToTheEnd);
}

function isServingToTheEnd(endpoint: EndpointInfo): boolean {
  return endpoint.isServing && endpoint.isTerminating;
}

/** Same node before same zone before all. */
function preferred(ready: readonly EndpointInfo[], { nodeName, zone }: NodeTopology): readonly EndpointInfo[] {
  if (ready.every(({ nodeHints }) => nodeHints)) {
    const onNode = ready.filter(({ nodeHints }) => nodeHints?.includes(nodeName));
    if (onNode.length > 0) return onNode;
  }
  if (zone !== undefined && ready.every(({ zoneHints }) => zoneHints)) {
    const inZone = ready.filter(({ zoneHints }) => zoneHints?.includes(zone));
    if (inZone.length > 0) return inZone;
  }
  return ready;
}
