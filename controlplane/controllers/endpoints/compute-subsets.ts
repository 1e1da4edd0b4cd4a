/**
 * The subsets of an Endpoints object: addresses that have the same ports stand together. Pure.
 * Source: pkg/controller/endpoint/endpoints_controller.go, pkg/api/v1/endpoints/util.go (v1.36).
 */
import type { EndpointAddress, EndpointPort, EndpointSubset, Pod, Service } from "#pkg/api/core/v1.ts";
import { isPodFinished, isPodReady } from "#pkg/api/pod-status.ts";
import { addressesOf, addressTypesOf, hostnameOf, portsKey, resolvePorts } from "./compute-endpoints-of-pods.ts";

export interface Subsets {
  readonly subsets: readonly EndpointSubset[];
  /** There were more addresses than an object may hold. */
  readonly isTruncated: boolean;
}

interface Placed {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly ports: readonly EndpointPort[];
}

export function computeSubsets(service: Service, pods: readonly Pod[], maxAddresses: number): Subsets {
  const placed = pods.flatMap((pod) => placePod(service, pod) ?? []).sort(byReadinessAndAddress);
  const kept = placed.slice(0, maxAddresses);
  const groups = new Map<string, Placed[]>();
  for (const one of kept) {
    const key = portsKey(one.ports);
    const group = groups.get(key);
    if (group) group.push(one);
    else groups.set(key, [one]);
  }
  const sorted = [...groups].sort(([left], [right]) => (left < right ? -1 : 1));
  return { subsets: sorted.map(([, group]) => buildSubset(group)), isTruncated: placed.length > kept.length };
}

function buildSubset(group: readonly Placed[]): EndpointSubset {
  const addresses = group.flatMap(({ ready, address }) => (ready ? address : []));
  const notReady = group.flatMap(({ ready, address }) => (ready ? [] : address));
  const ports = [...(group[0]?.ports ?? [])].sort((left, right) => (portsKey([left]) < portsKey([right]) ? -1 : 1));
  return {
    ...(addresses.length > 0 ? { addresses } : {}),
    ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
    ...(ports.length > 0 ? { ports } : {}),
  };
}

function placePod(service: Service, pod: Pod): Placed | undefined {
  const publishes = service.spec?.publishNotReadyAddresses === true;
  // The older API has one family: that of the service's first address.
  const [ip] = addressesOf(pod, addressTypesOf(service)[0] ?? "IPv4");
  if (ip === undefined || isPodFinished(pod)) return undefined;
  if (pod.metadata.deletionTimestamp && !publishes) return undefined;
  const ports = resolvePorts(service, pod).map(({ name, port = 0, protocol, appProtocol }): EndpointPort => {
    return { ...(name ? { name } : {}), port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) };
  });
  if (ports.length === 0 && (service.spec?.ports ?? []).length > 0) return undefined;
  const { name, namespace, uid } = pod.metadata;
  const nodeName = pod.spec?.nodeName;
  const address = {
    ip,
    ...hostnameOf(service, pod),
    ...(nodeName ? { nodeName } : {}),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
  return { address, ready: publishes || isPodReady(pod), ports };
}

/** Ready ones first, so that those are kept when there are too many. */
function byReadinessAndAddress(left: Placed, right: Placed): number {
  if (left.ready !== right.ready) return left.ready ? -1 : 1;
  if (left.address.ip !== right.address.ip) return left.address.ip < right.address.ip ? -1 : 1;
  return (left.address.targetRef?.uid ?? "") < (right.address.targetRef?.uid ?? "") ? -1 : 1;
}
