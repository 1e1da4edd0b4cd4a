/**
 * Gives Services their cluster IPs, node ports and health check ports, each to one service only. What is given out is kept
 * in memory and worked out anew from the services themselves at start. One API server gives out; with several on one store,
 * two of them could give the same number.
 */
import type { IPFamily, Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import { FieldPath, fieldError } from "#pkg/api/field.ts";
import { formatAddress, type IpAddress, type IpBlock, parseAddress } from "#pkg/api/ip-address.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Random } from "#pkg/system/random.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { Release } from "../registry/strategy.ts";
import { needsHealthCheckPort } from "../strategies/validation/service.ts";
import { isHeadless } from "../strategies/validation/service-cluster-ips.ts";
import { AddressPool, notInRange } from "./address-pool.ts";
import { PortPool, type PortRange } from "./port-pool.ts";
import { chooseFamilies, isUnchangedPreference } from "./service-families.ts";

export interface ServiceAllocatorOptions {
  /** One block, or one of each family, the primary one first. */
  readonly blocks: readonly IpBlock[];
  readonly nodePorts: PortRange;
  readonly random: Random;
}

type ServiceReader = Pick<ObjectReader, "hasSynced" | "list">;

const specPath = new FieldPath("spec");

export class ServiceAllocator {
  readonly #random: Random;
  readonly #addresses: ReadonlyMap<IPFamily, AddressPool>;
  readonly #ports: PortPool;
  #reader: ServiceReader | undefined;
  #isLoaded = false;

  constructor({ blocks, nodePorts, random }: ServiceAllocatorOptions) {
    this.#random = random;
    this.#addresses = new Map(blocks.map((block) => [block.family === 6 ? "IPv6" : "IPv4", new AddressPool(block)]));
    this.#ports = new PortPool(nodePorts);
  }

  /** Where the services of the cluster can be read. Until they can, nothing is given out. */
  readFrom(reader: ServiceReader): void {
    this.#reader = reader;
    this.#isLoaded = false;
  }

  /** Fills in what `next` needs; writes into its spec. Returns how to give it back. Throws 422, 500 (nothing left), 503. */
  allocate(next: Service, current: Service | undefined): Release {
    this.#load();
    const taken: (() => void)[] = [];
    const release = (): void => {
      for (const undo of taken.splice(0)) undo();
    };
    try {
      next.spec = { ...next.spec, ports: next.spec.ports?.map((port) => ({ ...port })) };
      if (!next.spec.ports) delete next.spec.ports;
      // Judged before the families are chosen, which changes what it looks at.
      const keepsAddresses = isUnchangedPreference(next.spec, current?.spec);
      chooseFamilies(next, current, [...this.#addresses.keys()]);
      if (!keepsAddresses) this.#takeAddresses(next, current?.spec, taken);
      this.#takeNodePorts(next, current?.spec, taken);
      this.#takeHealthCheckPort(next, current?.spec, taken);
      return release;
    } catch (error) {
      release();
      throw error;
    }
  }

  /** Gives back all that a deleted service held. */
  release(service: Service): void {
    if (!this.#isLoaded) return;
    for (const address of heldAddresses(service.spec)) this.#poolOf(address)?.release(address);
    for (const port of heldPorts(service.spec)) this.#ports.release(port);
  }

  /** Gives back what an updated service does not hold any more. */
  releaseUnused(next: Service, current: Service): void {
    if (!this.#isLoaded) return;
    const addresses = new Set(heldAddresses(next.spec).map(formatAddress));
    for (const address of heldAddresses(current.spec)) {
      if (!addresses.has(formatAddress(address))) this.#poolOf(address)?.release(address);
    }
    const ports = heldPorts(next.spec);
    for (const port of heldPorts(current.spec)) if (!ports.has(port)) this.#ports.release(port);
  }

  /** For metrics and tests. */
  get held(): { readonly addresses: number; readonly ports: number } {
    const addresses = [...this.#addresses.values()].reduce((sum, pool) => sum + pool.held, 0);
    return { addresses, ports: this.#ports.held };
  }

  #load(): void {
    if (this.#isLoaded) return;
    if (!this.#reader?.hasSynced("", "services")) {
      throw StatusError.unavailable(
        "the services of this cluster are not loaded yet: no IPs or ports can be given out",
      );
    }
    for (const pool of this.#addresses.values()) pool.clear();
    this.#ports.clear();
    for (const service of this.#reader.list("", "services", "")) {
      const spec = (service["spec"] ?? {}) as ServiceSpec;
      for (const address of heldAddresses(spec)) this.#poolOf(address)?.take(address);
      for (const port of heldPorts(spec)) this.#ports.take(port);
    }
    this.#isLoaded = true;
  }

  #poolOf(address: IpAddress): AddressPool | undefined {
    return this.#addresses.get(address.family === 6 ? "IPv6" : "IPv4");
  }

  #takeAddresses(next: Service, current: ServiceSpec | undefined, taken: (() => void)[]): void {
    const { spec } = next;
    if (spec.type === "ExternalName" || isHeadless(spec)) return;
    if (current && isHeadless(current) && current.type !== "ExternalName") return;
    const held = new Set(current ? heldAddresses(current).map(formatAddress) : []);
    const addresses = [...(spec.clusterIPs ?? [])];
    for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
      const asked = addresses[index];
      const known = asked ? parseAddress(asked) : undefined;
      if (known && held.has(formatAddress(known))) continue;
      const address = this.#takeAddress(next, family, known);
      taken.push(() => this.#poolOf(address)?.release(address));
      // An address that was asked for keeps the text it was asked for in.
      addresses[index] = asked || formatAddress(address);
    }
    if (addresses.length === 0) return;
    spec.clusterIPs = addresses;
    spec.clusterIP = addresses[0] ?? "";
  }

  #takeAddress(service: Service, family: IPFamily, asked: IpAddress | undefined): IpAddress {
    const pool = this.#addresses.get(family);
    if (!asked) {
      const address = pool?.takeAny(this.#random);
      if (address) return address;
      const { name = "" } = service.metadata;
      throw StatusError.internal(`failed to allocate a serviceIP for Service "${name}": range is full`);
    }
    if (pool?.take(asked)) return asked;
    const why = pool?.contains(asked)
      ? "provided IP is already allocated"
      : notInRange(asked, pool ? [pool] : [...this.#addresses.values()]);
    const detail = `failed to allocate IP ${formatAddress(asked)}: ${why}`;
    throw invalid(service, specPath.child("clusterIPs"), service.spec.clusterIPs, detail);
  }

  /** Ports of one service that have the same number, for different protocols, get the same node port. */
  #takeNodePorts(next: Service, current: ServiceSpec | undefined, taken: (() => void)[]): void {
    const { spec } = next;
    if (spec.type !== "NodePort" && spec.type !== "LoadBalancer") return;
    const wantsPorts = spec.type === "NodePort" || spec.allocateLoadBalancerNodePorts !== false;
    const own = current ? new Set(nodePorts(current)) : new Set<number>();
    const take = (index: number, port: number): void => {
      if (own.has(port)) return;
      const why = this.#ports.take(port);
      if (why) throw invalid(next, specPath.child("ports").index(index).child("nodePort"), port, why);
      taken.push(() => this.#ports.release(port));
    };
    const byPort = new Map<number, number>();
    for (const [index, port] of (spec.ports ?? []).entries()) {
      if (!port.nodePort && !wantsPorts) continue;
      const shared = current ? undefined : (byPort.get(port.port) ?? requestedFor(port.port, spec));
      const number = port.nodePort || shared;
      if (number) take(index, number);
      port.nodePort = number || this.#takeAnyPort("nodePort", taken);
      own.add(port.nodePort);
      byPort.set(port.port, port.nodePort);
    }
  }

  #takeHealthCheckPort(next: Service, current: ServiceSpec | undefined, taken: (() => void)[]): void {
    const { spec } = next;
    if (!needsHealthCheckPort(spec) || (current && needsHealthCheckPort(current))) return;
    const asked = spec.healthCheckNodePort;
    if (!asked) {
      spec.healthCheckNodePort = this.#takeAnyPort("HealthCheck NodePort", taken);
      return;
    }
    const why = this.#ports.take(asked);
    if (why) throw StatusError.internal(`failed to allocate requested HealthCheck NodePort ${asked}: ${why}`);
    taken.push(() => this.#ports.release(asked));
  }

  #takeAnyPort(what: string, taken: (() => void)[]): number {
    const port = this.#ports.takeAny(this.#random);
    if (port === undefined) throw StatusError.internal(`failed to allocate a ${what}: range is full`);
    taken.push(() => this.#ports.release(port));
    return port;
  }
}

function requestedFor(port: number, spec: ServiceSpec): number | undefined {
  return spec.ports?.find((one) => one.port === port && one.nodePort)?.nodePort;
}

function heldAddresses(spec: ServiceSpec): IpAddress[] {
  if (spec.type === "ExternalName" || isHeadless(spec)) return [];
  const texts = spec.clusterIPs?.length ? spec.clusterIPs : [spec.clusterIP ?? ""];
  return texts.flatMap((text) => parseAddress(text) ?? []);
}

function nodePorts(spec: ServiceSpec): number[] {
  return (spec.ports ?? []).flatMap((port) => port.nodePort || []);
}

function heldPorts(spec: ServiceSpec): Set<number> {
  const health = needsHealthCheckPort(spec) && spec.healthCheckNodePort ? [spec.healthCheckNodePort] : [];
  return new Set([...nodePorts(spec), ...health]);
}

function invalid(service: Service, path: FieldPath, value: unknown, detail: string): StatusError {
  const error = fieldError.invalid(path, value, detail);
  return StatusError.invalid({ group: "", resource: "Service" }, service.metadata.name ?? "", [error]);
}
