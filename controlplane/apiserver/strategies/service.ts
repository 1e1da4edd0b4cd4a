/**
 * Services: their addresses and ports come from shared pools, so that much of a service is filled in for its owner, kept
 * when an update leaves it out, and dropped when the service becomes something that does not need it.
 */
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import { addressWarnings } from "#pkg/api/ip-address.ts";
import { nameIsLabel } from "#pkg/api/names.ts";
import type { Release, Strategy } from "../registry/strategy.ts";
import { isExternallyAccessible } from "./defaults/service-defaults.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  needsHealthCheckPort,
  validateService,
  validateServiceStatus,
  validateServiceUpdate,
} from "./validation/service.ts";
import { serviceWarnings } from "./warnings/service-warnings.ts";

/** The pools that cluster IPs and node ports come from. */
export interface ServicePools {
  allocate(next: Service, current: Service | undefined): Release;
  release(service: Service): void;
  releaseUnused(next: Service, current: Service): void;
}

export function serviceStrategy(pools: ServicePools): Strategy<Service> {
  return defineStrategy<Service>("core/v1.Service", {
    hasGeneration: false,
    validateName: nameIsLabel,
    prepareForCreate(service) {
      service.status = { loadBalancer: {} };
      const { spec } = service;
      if (spec.clusterIP && !spec.clusterIPs?.length) spec.clusterIPs = [spec.clusterIP];
    },
    validate: (service) => validateService(service),
    prepareForUpdate(next, current) {
      const { ports } = next.spec;
      const spec = ports ? { ...next.spec, ports: ports.map((port) => ({ ...port })) } : { ...next.spec };
      keepAllocated(spec, current.spec);
      syncClusterIPs(spec, current.spec);
      dropUnneeded(spec, current.spec);
      next.spec = spec;
      if (spec.type !== "LoadBalancer") next.status = { ...current.status, loadBalancer: {} };
    },
    validateUpdate: validateServiceUpdate,
    warnings: serviceWarnings,
    subresources: { status: { validateUpdate: validateServiceStatus } },
    selectableFields: ({ spec }: Partial<Service>) => ({
      "spec.clusterIP": spec?.clusterIP ?? "",
      "spec.type": spec?.type ?? "",
    }),
    allocate: (next, current) => pools.allocate(next, current),
    release: (service) => pools.release(service),
    releaseUnused: (next, current) => pools.releaseUnused(next, current),
  });
}

/** Texts for Warning headers about addresses in the status. */
export function serviceStatusWarnings({ status }: Service): readonly string[] {
  return (status?.loadBalancer?.ingress ?? []).flatMap(({ ip }, index) =>
    ip ? addressWarnings(`status.loadBalancer.ingress[${index}]`, ip) : [],
  );
}

function needsNodePorts(spec: ServiceSpec, isWhenUnset = true): boolean {
  if (spec.type === "NodePort") return true;
  return spec.type === "LoadBalancer" && (isWhenUnset || spec.allocateLoadBalancerNodePorts !== false);
}

/** What a client left out of an update, and the service still needs, stays. */
function keepAllocated(next: ServiceSpec, current: ServiceSpec): void {
  if (next.type !== "ExternalName" && current.type !== "ExternalName") {
    if (!next.clusterIP && current.clusterIP) next.clusterIP = current.clusterIP;
    if (!next.clusterIPs?.length && current.clusterIPs?.length) next.clusterIPs = current.clusterIPs;
  }
  if (needsNodePorts(next, false) && needsNodePorts(current, false)) keepNodePorts(next, current);
  if (needsHealthCheckPort(next) && needsHealthCheckPort(current) && !next.healthCheckNodePort) {
    if (current.healthCheckNodePort) next.healthCheckNodePort = current.healthCheckNodePort;
  }
}

/** Ports are known by their names; a node port that has moved to another port is not given twice. */
function keepNodePorts(next: ServiceSpec, current: ServiceSpec): void {
  const asked = new Set((next.ports ?? []).map((port) => port.nodePort));
  const byName = new Map((current.ports ?? []).map((port) => [port.name ?? "", port.nodePort]));
  for (const port of next.ports ?? []) {
    const before = byName.get(port.name ?? "");
    if (!port.nodePort && before && !asked.has(before)) port.nodePort = before;
  }
}

/** The first address has two names: a client that knows only the older one changes both. */
function syncClusterIPs(next: ServiceSpec, current: ServiceSpec): void {
  const [ips, old] = [next.clusterIPs ?? [], current.clusterIPs ?? []];
  if (old.length > 0 && ips.length === 0 && (next.clusterIP ?? "") === (current.clusterIP ?? "")) next.clusterIPs = old;
  if ((next.clusterIP ?? "") === (current.clusterIP ?? "") || !sameTexts(ips, old)) return;
  if (next.clusterIP) next.clusterIPs = [next.clusterIP];
  else delete next.clusterIPs;
}

/** Only what the server may have filled in, and the client did not change at the same time, is dropped. */
function dropUnneeded(next: ServiceSpec, current: ServiceSpec): void {
  if (current.type !== "ExternalName" && next.type === "ExternalName") {
    if ((next.clusterIP ?? "") === (current.clusterIP ?? "") && sameTexts(next.clusterIPs, current.clusterIPs)) {
      delete next.clusterIP;
      delete next.clusterIPs;
    }
    if (sameTexts(next.ipFamilies, current.ipFamilies)) delete next.ipFamilies;
    if (next.ipFamilyPolicy === current.ipFamilyPolicy) delete next.ipFamilyPolicy;
  }
  if (needsNodePorts(current) && !needsNodePorts(next)) {
    const known = new Set((current.ports ?? []).map((port) => port.nodePort));
    const ports = next.ports ?? [];
    if (ports.every((port) => !port.nodePort || known.has(port.nodePort))) {
      for (const port of ports) delete port.nodePort;
    }
  }
  const isSame = (field: keyof ServiceSpec): boolean => next[field] === current[field];
  if (needsHealthCheckPort(current) && !needsHealthCheckPort(next) && isSame("healthCheckNodePort")) {
    delete next.healthCheckNodePort;
  }
  if (current.type === "LoadBalancer" && next.type !== "LoadBalancer") {
    if (isSame("allocateLoadBalancerNodePorts")) delete next.allocateLoadBalancerNodePorts;
    if (isSame("loadBalancerClass")) delete next.loadBalancerClass;
  }
  if (isExternallyAccessible(current) && !isExternallyAccessible(next) && isSame("externalTrafficPolicy")) {
    delete next.externalTrafficPolicy;
  }
}

function sameTexts(one: readonly string[] = [], other: readonly string[] = []): boolean {
  return one.length === other.length && one.every((text, index) => text === other[index]);
}
