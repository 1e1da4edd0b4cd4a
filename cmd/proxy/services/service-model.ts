/**
 * The proxy's one picture of the cluster: services, their slices and this node. Events change it; the rules are computed from
 * it. Work is kept per service, so that a change costs what the changed service costs.
 */
import type { Node, Service } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { IpFamily } from "#pkg/network/iptables/ruleset.ts";
import { buildPortRules, type PortRules, type ProxiedPort, type RuleOptions } from "./build-port-rules.ts";
import type { RuleSetInput } from "./build-service-rules.ts";
import { categorizeEndpoints } from "./categorize-endpoints.ts";
import { buildEndpoints, type EndpointInfo, type PortEndpoints, portKey } from "./endpoint-map.ts";
import { buildServicePorts, isExternallyAccessible, type ServicePortInfo } from "./service-map.ts";

const serviceNameLabel = "kubernetes.io/service-name";
const zoneLabel = "topology.kubernetes.io/zone";

/** What is known about one service port, with all its endpoints. */
export interface ModelPort extends ProxiedPort {
  readonly all: readonly EndpointInfo[];
  readonly rules: PortRules;
}

export interface ServiceModelOptions {
  readonly nodeName: string;
  readonly rules: RuleOptions;
}

/** Keys are "namespace/name". */
export class ServiceModel {
  readonly #options: ServiceModelOptions;
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  /** What was computed; a service that is missing here has changed. */
  readonly #computed = new Map<string, readonly ModelPort[]>();
  #zone: string | undefined;

  constructor(options: ServiceModelOptions) {
    this.#options = options;
  }

  get family(): IpFamily {
    return this.#options.rules.family;
  }

  setService(service: Service): void {
    const key = keyOf(service.metadata.namespace, service.metadata.name);
    this.#services.set(key, service);
    this.#computed.delete(key);
  }

  removeService(service: Service): void {
    const key = keyOf(service.metadata.namespace, service.metadata.name);
    this.#services.delete(key);
    this.#computed.delete(key);
  }

  /** `previous` is the slice's former state: it may have belonged to another service. */
  setSlice(slice: EndpointSlice, previous?: EndpointSlice): void {
    if (previous && serviceOf(previous) !== serviceOf(slice)) this.removeSlice(previous);
    const service = serviceOf(slice);
    if (service === undefined) return;
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>();
    slices.set(slice.metadata.name ?? "", slice);
    this.#slices.set(service, slices);
    this.#computed.delete(service);
  }

  removeSlice(slice: EndpointSlice): void {
    const service = serviceOf(slice);
    const slices = service === undefined ? undefined : this.#slices.get(service);
    if (service === undefined || !slices?.delete(slice.metadata.name ?? "")) return;
    if (slices.size === 0) this.#slices.delete(service);
    this.#computed.delete(service);
  }

  /** True when the node's zone changed, so that everything was computed anew. */
  setNode(node: Node | undefined): boolean {
    const zone = node?.metadata.labels?.[zoneLabel];
    if (zone === this.#zone) return false;
    this.#zone = zone;
    this.#computed.clear();
    return true;
  }

  /** All service ports, in the order of their names. */
  ports(): readonly ModelPort[] {
    return [...this.#services.keys()].sort().flatMap((key) => this.#portsOf(key));
  }

  #portsOf(key: string): readonly ModelPort[] {
    const known = this.#computed.get(key);
    if (known) return known;
    const service = this.#services.get(key);
    const { family } = this;
    const ports = service ? buildServicePorts(service, family) : [];
    const slices = ports.length > 0 ? [...(this.#slices.get(key)?.values() ?? [])] : [];
    const endpoints = buildEndpoints(slices, { family, nodeName: this.#options.nodeName });
    const computed = ports.map((port) => this.#modelPort(port, endpoints));
    this.#computed.set(key, computed);
    return computed;
  }

  #modelPort(port: ServicePortInfo, endpoints: PortEndpoints): ModelPort {
    const all = endpoints.get(portKey(port.portName, port.protocol)) ?? [];
    const topology = { nodeName: this.#options.nodeName, zone: this.#zone };
    const proxied = { port, endpoints: categorizeEndpoints(port, all, topology) };
    return { ...proxied, all, rules: buildPortRules(proxied, this.#options.rules) };
  }
}

/** What the rule set is built from. Pure. */
export function ruleSetInput(ports: readonly ModelPort[]): RuleSetInput {
  const loopBack = new Set<string>();
  for (const { endpoints } of ports) {
    for (const endpoint of [...endpoints.cluster, ...endpoints.local]) {
      if (endpoint.isLocal || endpoint.nodeName === undefined) loopBack.add(endpoint.address);
    }
  }
  return { ports: ports.map(({ rules }) => rules), loopBackAddresses: [...loopBack].sort() };
}

/** One service whose load balancer asks each node whether it has endpoints. */
export interface HealthCheckedService {
  readonly namespace: string;
  readonly name: string;
  readonly nodePort: number;
  /** Addresses on this node that are ready; those that terminate do not count. */
  readonly localEndpoints: number;
}

export function healthCheckedServices(ports: readonly ModelPort[]): readonly HealthCheckedService[] {
  const services = new Map<string, { port: ServicePortInfo; addresses: Set<string> }>();
  for (const { port, all } of ports) {
    if (port.healthCheckNodePort === 0) continue;
    const key = keyOf(port.namespace, port.serviceName);
    const known = services.get(key) ?? { port, addresses: new Set() };
    for (const endpoint of all) if (endpoint.isLocal && endpoint.isReady) known.addresses.add(endpoint.address);
    services.set(key, known);
  }
  return [...services.values()].map(({ port, addresses }) => ({
    namespace: port.namespace,
    name: port.serviceName,
    nodePort: port.healthCheckNodePort,
    localEndpoints: addresses.size,
  }));
}

/** How many service ports have endpoints, but none on this node for a policy that wants one there. */
export function countWithoutLocal(ports: readonly ModelPort[]): {
  readonly internal: number;
  readonly external: number;
} {
  const lacking = ports.filter(({ endpoints }) => endpoints.hasAny && endpoints.local.length === 0);
  return {
    internal: lacking.filter(({ port }) => port.isInternalLocal).length,
    external: lacking.filter(({ port }) => port.isExternalLocal && isExternallyAccessible(port)).length,
  };
}

function serviceOf({ metadata }: EndpointSlice): string | undefined {
  const name = metadata.labels?.[serviceNameLabel];
  return name === undefined ? undefined : keyOf(metadata.namespace, name);
}

function keyOf(namespace: string | undefined, name: string | undefined): string {
  return `${namespace ?? ""}/${name ?? ""}`;
}
