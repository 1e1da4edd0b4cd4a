/**
 * What the proxy needs of a Service, as one value per service port and address family. Pure.
 *  - headless services, ExternalName services and those without an address of the family have no ports here;
 *  - addresses that belong to another family, or that a load balancer keeps for itself (ipMode Proxy), are left out.
 * Semantics: kube-proxy's ServicePortInfo.
 */
import type { Service, ServicePort } from "#pkg/api/core/v1.ts";
import { addressFamily, formatBlock, parseBlock } from "#pkg/api/ip-address.ts";
import type { IpFamily } from "#pkg/network/iptables/ruleset.ts";

export type Protocol = "tcp" | "udp" | "sctp";

export interface ServicePortInfo {
  /** "namespace/name:port", or "namespace/name" for a port without a name. */
  readonly name: string;
  readonly namespace: string;
  readonly serviceName: string;
  readonly portName: string;
  readonly protocol: Protocol;
  readonly clusterIp: string;
  readonly port: number;
  /** 0: none. */
  readonly nodePort: number;
  readonly externalIps: readonly string[];
  readonly loadBalancerIps: readonly string[];
  /** CIDRs that may reach the load balancer's addresses; empty: all. */
  readonly sourceRanges: readonly string[];
  readonly isInternalLocal: boolean;
  readonly isExternalLocal: boolean;
  /** How long a client stays with its endpoint; undefined: no affinity. */
  readonly affinitySeconds: number | undefined;
  /** 0: none. */
  readonly healthCheckNodePort: number;
}

const defaultAffinitySeconds = 10_800;

export function buildServicePorts(service: Service, family: IpFamily): readonly ServicePortInfo[] {
  const { spec = {}, metadata } = service;
  if (spec.type === "ExternalName") return [];
  const isOfFamily = (address: string): boolean => addressFamily(address) === (family === "IPv4" ? 4 : 6);
  const clusterIp = (spec.clusterIPs ?? (spec.clusterIP ? [spec.clusterIP] : [])).find(isOfFamily);
  if (clusterIp === undefined) return [];
  const isLoadBalancer = spec.type === "LoadBalancer";
  const isExternalLocal = spec.externalTrafficPolicy === "Local";
  const shared = {
    namespace: metadata.namespace ?? "",
    serviceName: metadata.name ?? "",
    clusterIp,
    externalIps: (spec.externalIPs ?? []).filter(isOfFamily),
    loadBalancerIps: isLoadBalancer ? loadBalancerIps(service).filter(isOfFamily) : [],
    sourceRanges: isLoadBalancer ? sourceRanges(service, family) : [],
    isInternalLocal: spec.internalTrafficPolicy === "Local",
    isExternalLocal,
    affinitySeconds:
      spec.sessionAffinity === "ClientIP"
        ? (spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? defaultAffinitySeconds)
        : undefined,
    healthCheckNodePort: isLoadBalancer && isExternalLocal ? (spec.healthCheckNodePort ?? 0) : 0,
  };
  const hasNodePorts = isLoadBalancer || spec.type === "NodePort";
  return (spec.ports ?? []).map((port) => ({
    ...shared,
    name: servicePortName(shared.namespace, shared.serviceName, port.name ?? ""),
    portName: port.name ?? "",
    protocol: protocolOf(port),
    port: port.port,
    nodePort: hasNodePorts ? (port.nodePort ?? 0) : 0,
  }));
}

export function servicePortName(namespace: string, service: string, port: string): string {
  return port === "" ? `${namespace}/${service}` : `${namespace}/${service}:${port}`;
}

/** Whether anything outside the cluster may reach the port. */
export function isExternallyAccessible(port: ServicePortInfo): boolean {
  return port.nodePort !== 0 || port.loadBalancerIps.length > 0 || port.externalIps.length > 0;
}

/** Whether some traffic may go to endpoints of all nodes. */
export function usesClusterEndpoints(port: ServicePortInfo): boolean {
  return !port.isInternalLocal || isExternallyAccessible(port);
}

/** Whether some traffic must stay on this node. */
export function usesLocalEndpoints(port: ServicePortInfo): boolean {
  return port.isInternalLocal || (port.isExternalLocal && isExternallyAccessible(port));
}

function protocolOf({ protocol = "TCP" }: ServicePort): Protocol {
  return protocol.toLowerCase() as Protocol;
}

function loadBalancerIps({ status }: Service): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) => (ip && ipMode !== "Proxy" ? [ip] : []));
}

/** Blanks around a range are forgiven; ranges of the other family are left out. */
function sourceRanges({ spec }: Service, family: IpFamily): readonly string[] {
  const blocks = (spec?.loadBalancerSourceRanges ?? []).flatMap((text) => parseBlock(text.trim()) ?? []);
  return blocks.filter((block) => block.family === (family === "IPv4" ? 4 : 6)).map(formatBlock);
}
