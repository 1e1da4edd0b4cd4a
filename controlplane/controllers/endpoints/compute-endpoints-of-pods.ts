/**
 * Which pods stand behind a service, and as what. Pure.
 * Source: k8s.io/endpointslice utils.go and reconciler.go (v1.36).
 */
import type { Node, Pod, Service, ServicePort } from "#pkg/api/core/v1.ts";
import type { AddressType, Endpoint, EndpointHints, EndpointPort } from "#pkg/api/discovery/v1.ts";
import { addressFamily } from "#pkg/api/ip-address.ts";
import { isPodFinished, isPodReady } from "#pkg/api/pod-status.ts";

/** Endpoints that share their ports; a slice holds endpoints of one group. */
export interface EndpointGroup {
  readonly addressType: AddressType;
  readonly ports: readonly EndpointPort[];
  readonly endpoints: readonly Endpoint[];
}

export type NodeLookup = (name: string) => Node | undefined;

/** Services of other kinds have their endpoints from whoever made them, or none at all. */
export function selectsPods({ spec }: Service): boolean {
  return spec?.selector !== undefined && spec.type !== "ExternalName";
}

export function computeEndpointGroups(
  service: Service,
  pods: readonly Pod[],
  nodes: NodeLookup,
): readonly EndpointGroup[] {
  return addressTypesOf(service).flatMap((addressType) => {
    const groups = new Map<string, { ports: readonly EndpointPort[]; endpoints: Endpoint[] }>();
    for (const pod of pods) {
      const endpoint = buildEndpoint(service, pod, addressType, nodes);
      if (!endpoint) continue;
      const ports = resolvePorts(service, pod);
      const key = portsKey(ports);
      const group = groups.get(key);
      if (group) group.endpoints.push(endpoint);
      else groups.set(key, { ports, endpoints: [endpoint] });
    }
    // A service without endpoints still has a slice that says so.
    if (groups.size === 0) return [{ addressType, ports: [], endpoints: [] }];
    return [...groups.values()].map((group) => ({ addressType, ...group }));
  });
}

export function addressTypesOf({ spec }: Service): readonly ("IPv4" | "IPv6")[] {
  const families = (spec?.ipFamilies ?? []).filter((family) => family === "IPv4" || family === "IPv6");
  return families.length > 0 ? families : ["IPv4"];
}

function buildEndpoint(service: Service, pod: Pod, addressType: AddressType, nodes: NodeLookup): Endpoint | undefined {
  const addresses = addressesOf(pod, addressType);
  if (addresses.length === 0 || isPodFinished(pod)) return undefined;
  const publishes = service.spec?.publishNotReadyAddresses === true;
  const nodeName = pod.spec?.nodeName;
  const node = nodeName ? nodes(nodeName) : undefined;
  // The pod of a node that is gone is not running, whatever its status says.
  if (nodeName && !node && !publishes) return undefined;
  const serving = isPodReady(pod);
  const terminating = pod.metadata.deletionTimestamp !== undefined;
  const ready = publishes || (serving && !terminating);
  const zone = node?.metadata.labels?.["topology.kubernetes.io/zone"];
  const { name, namespace, uid } = pod.metadata;
  return {
    addresses: [...addresses],
    conditions: { ready, serving, terminating },
    ...hostnameOf(service, pod),
    ...(nodeName ? { nodeName } : {}),
    ...(zone ? { zone } : {}),
    ...hintsOf(service, ready, nodeName, zone),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

export function addressesOf({ status }: Pod, addressType: AddressType): readonly string[] {
  const listed = (status?.podIPs ?? []).map(({ ip }) => ip);
  const all = listed.length > 0 ? listed : status?.podIP ? [status.podIP] : [];
  const family = addressType === "IPv6" ? 6 : 4;
  return all.filter((ip) => addressFamily(ip) === family);
}

/** A pod has a name of its own in DNS when its subdomain is the service's name. */
export function hostnameOf(service: Service, { metadata, spec }: Pod): { readonly hostname?: string } {
  const isNamed = spec?.hostname && spec.subdomain === service.metadata.name;
  return isNamed && metadata.namespace === service.metadata.namespace ? { hostname: spec.hostname ?? "" } : {};
}

/** Where the endpoint would rather be used from, for services that ask for it. */
function hintsOf(
  { spec }: Service,
  ready: boolean,
  nodeName: string | undefined,
  zone: string | undefined,
): { readonly hints?: EndpointHints } {
  if (!ready) return {};
  const forZones = zone ? { forZones: [{ name: zone }] } : {};
  switch (spec?.trafficDistribution) {
    case "PreferClose":
    case "PreferSameZone":
      return zone ? { hints: forZones } : {};
    case "PreferSameNode":
      return nodeName ? { hints: { ...forZones, forNodes: [{ name: nodeName }] } } : {};
    default:
      return {};
  }
}

/** The service's ports as this pod has them; a named port that it does not have is left out. */
export function resolvePorts({ spec }: Service, pod: Pod): readonly EndpointPort[] {
  return (spec?.ports ?? []).flatMap((servicePort) => {
    const port = findPort(pod, servicePort);
    if (port === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = servicePort;
    return { name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) };
  });
}

function findPort({ spec }: Pod, { targetPort, port, protocol = "TCP" }: ServicePort): number | undefined {
  if (targetPort === undefined || targetPort === "" || targetPort === 0) return port;
  if (typeof targetPort === "number") return targetPort;
  const sidecars = (spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === "Always");
  return [...(spec?.containers ?? []), ...sidecars]
    .flatMap(({ ports }) => ports ?? [])
    .find((one) => one.name === targetPort && (one.protocol ?? "TCP") === protocol)?.containerPort;
}

/** The same for the same ports in whatever order. */
export function portsKey(ports: readonly EndpointPort[]): string {
  return ports
    .map(({ name, port, protocol, appProtocol }) => JSON.stringify([name ?? "", port, protocol ?? "TCP", appProtocol]))
    .sort()
    .join();
}
