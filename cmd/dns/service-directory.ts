/**
 * What cluster DNS knows: services, their endpoints and the namespaces there are, each findable by the names and addresses
 * that queries ask for. Kept current by events; reads never look further than a map.
 */
import type { Service } from "#pkg/api/core/v1.ts";
import type { Endpoint, EndpointSlice } from "#pkg/api/discovery/v1.ts";

export interface NamedEndpoint {
  readonly address: string;
  /** hostname, or the address with dashes. */
  readonly name: string;
}

export interface EndpointPort {
  readonly name: string;
  readonly protocol: string;
  readonly port: number;
  readonly endpoints: readonly NamedEndpoint[];
}

/** Keys are "namespace/name". */
export class ServiceDirectory {
  readonly #services = new Map<string, Service>();
  readonly #slices = new Map<string, Map<string, EndpointSlice>>();
  readonly #namespaces = new Set<string>();
  readonly #servicesByAddress = new Map<string, string>();
  /** Address to the services that have it as an endpoint. */
  readonly #endpointsByAddress = new Map<string, Set<string>>();

  setService(service: Service): void {
    const key = keyOf(service.metadata.namespace, service.metadata.name);
    this.removeService(key);
    this.#services.set(key, service);
    for (const address of clusterAddresses(service)) this.#servicesByAddress.set(address, key);
  }

  removeService(key: string): void {
    const known = this.#services.get(key);
    if (!known) return;
    this.#services.delete(key);
    for (const address of clusterAddresses(known)) {
      if (this.#servicesByAddress.get(address) === key) this.#servicesByAddress.delete(address);
    }
  }

  setSlice(slice: EndpointSlice): void {
    const service = serviceOf(slice);
    this.removeSlice(slice);
    if (service === undefined) return;
    const slices = this.#slices.get(service) ?? new Map<string, EndpointSlice>();
    slices.set(slice.metadata.name ?? "", slice);
    this.#slices.set(service, slices);
    for (const { address } of readyEndpoints(slice)) {
      const services = this.#endpointsByAddress.get(address) ?? new Set<string>();
      services.add(service);
      this.#endpointsByAddress.set(address, services);
    }
  }

  removeSlice(slice: EndpointSlice): void {
    const service = serviceOf(slice);
    const slices = service === undefined ? undefined : this.#slices.get(service);
    const known = slices?.get(slice.metadata.name ?? "");
    if (service === undefined || !slices || !known) return;
    slices.delete(slice.metadata.name ?? "");
    if (slices.size === 0) this.#slices.delete(service);
    const left = new Set([...slices.values()].flatMap(readyEndpoints).map(({ address }) => address));
    for (const { address } of readyEndpoints(known)) {
      if (left.has(address)) continue;
      const services = this.#endpointsByAddress.get(address);
      services?.delete(service);
      if (services?.size === 0) this.#endpointsByAddress.delete(address);
    }
  }

  setNamespace(name: string): void {
    this.#namespaces.add(name);
  }

  removeNamespace(name: string): void {
    this.#namespaces.delete(name);
  }

  hasNamespace(name: string): boolean {
    return this.#namespaces.has(name);
  }

  service(key: string): Service | undefined {
    return this.#services.get(key);
  }

  /** Ready endpoints of one family, without repeats, in a stable order. */
  endpoints(key: string, family: "IPv4" | "IPv6"): readonly NamedEndpoint[] {
    const byAddress = new Map<string, NamedEndpoint>();
    for (const slice of this.#slices.get(key)?.values() ?? []) {
      if (slice.addressType !== family) continue;
      for (const endpoint of readyEndpoints(slice)) byAddress.set(endpoint.address, endpoint);
    }
    return [...byAddress.values()];
  }

  /** The ports of a headless service: they are the endpoints' own. */
  endpointPorts(key: string): readonly EndpointPort[] {
    const ports = new Map<string, { name: string; protocol: string; port: number; endpoints: NamedEndpoint[] }>();
    for (const slice of this.#slices.get(key)?.values() ?? []) {
      for (const port of slice.ports ?? []) {
        const { name = "", protocol = "TCP", port: number = 0 } = { ...port };
        const id = `${name}/${protocol}/${number}`;
        const known = ports.get(id) ?? {
          name: name ?? "",
          protocol: protocol ?? "TCP",
          port: number ?? 0,
          endpoints: [],
        };
        known.endpoints.push(...readyEndpoints(slice));
        ports.set(id, known);
      }
    }
    return [...ports.values()];
  }

  /** "namespace/name" of the service with this cluster IP. */
  serviceAt(address: string): string | undefined {
    return this.#servicesByAddress.get(address);
  }

  /** Services with a ready endpoint at this address, and the endpoint's name in each. */
  endpointsAt(address: string): readonly { readonly service: string; readonly name: string }[] {
    return [...(this.#endpointsByAddress.get(address) ?? [])].flatMap((service) => {
      const found = [...this.endpoints(service, "IPv4"), ...this.endpoints(service, "IPv6")].find(
        (one) => one.address === address,
      );
      return found ? { service, name: found.name } : [];
    });
  }
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === "None";
}

export function clusterAddresses(service: Service): readonly string[] {
  const { clusterIP, clusterIPs } = service.spec ?? {};
  const all = clusterIPs ?? (clusterIP ? [clusterIP] : []);
  return all.filter((address) => address !== "" && address !== "None");
}

function readyEndpoints(slice: EndpointSlice): readonly NamedEndpoint[] {
  return (slice.endpoints ?? [])
    .filter(isReady)
    .flatMap((endpoint) =>
      endpoint.addresses.map((address) => ({ address, name: endpoint.hostname || address.replaceAll(/[.:]/g, "-") })),
    );
}

/** An unset condition means ready. Publishing of addresses that are not ready is the slice controller's: it sets ready. */
function isReady(endpoint: Endpoint): boolean {
  return endpoint.conditions?.ready ?? true;
}

function serviceOf(slice: EndpointSlice): string | undefined {
  const name = slice.metadata.labels?.["kubernetes.io/service-name"];
  return name === undefined ? undefined : keyOf(slice.metadata.namespace, name);
}

function keyOf(namespace: string | undefined, name: string | undefined): string {
  return `${namespace ?? ""}/${name ?? ""}`;
}
