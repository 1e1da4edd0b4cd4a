/**
 * Answers to questions about the cluster's own names, as data. Pure.
 * Source: Kubernetes DNS-Based Service Discovery 1.1.0 (github.com/kubernetes/dns); pod records as CoreDNS's "insecure"
 * mode gives them.
 */
import { isIPv4, isIPv6 } from "node:net";
import type { Answer } from "dns-packet";
import type { Service, ServicePort } from "#pkg/api/core/v1.ts";
import { clusterAddresses, isHeadless, type NamedEndpoint, type ServiceDirectory } from "./service-directory.ts";

export interface ZoneOptions {
  /** "cluster.local", without dots at the ends. */
  readonly domain: string;
  readonly ttlSeconds: number;
}

export interface Question {
  /** Without the dot at the end. */
  readonly name: string;
  readonly type: string;
}

/** `follow` is the target of a CNAME that lies outside the zone: the caller adds what another server says of it. */
export type Resolution =
  | {
      readonly kind: "answer";
      readonly answers: readonly Answer[];
      readonly additionals: readonly Answer[];
      readonly follow?: string;
    }
  /** The name exists, or its parent does, but there is nothing of this type. */
  | { readonly kind: "noData" }
  | { readonly kind: "nxDomain" }
  /** Not a name of this zone. */
  | { readonly kind: "notOurs" };

const noData: Resolution = { kind: "noData" };
const nxDomain: Resolution = { kind: "nxDomain" };
const specificationVersion = "1.1.0";
/** A chain of CNAMEs inside the cluster longer than this is a loop. */
const maxAliases = 8;

export function resolve(question: Question, directory: ServiceDirectory, options: ZoneOptions): Resolution {
  return resolveFrom(question, directory, options, 0);
}

/** `aliases`: how many CNAMEs led here. */
function resolveFrom(
  question: Question,
  directory: ServiceDirectory,
  options: ZoneOptions,
  aliases: number,
): Resolution {
  const name = question.name.toLowerCase();
  if (name.endsWith(".in-addr.arpa") || name.endsWith(".ip6.arpa"))
    return resolveReverse(question, name, directory, options);
  if (name !== options.domain && !name.endsWith(`.${options.domain}`)) return { kind: "notOurs" };
  const labels =
    name === options.domain
      ? []
      : name
          .slice(0, -options.domain.length - 1)
          .split(".")
          .reverse();
  const records = new Records(question, directory, options);
  const [top, namespace, ...rest] = labels;
  if (top === undefined) return noData;
  if (top === "dns-version" && labels.length === 1) return records.text(specificationVersion);
  if (top === "svc") {
    if (namespace === undefined) return noData;
    return rest.length === 0
      ? existing(directory.hasNamespace(namespace))
      : resolveService(namespace, rest, records, aliases);
  }
  if (top === "pod") {
    if (namespace === undefined) return noData;
    return rest.length === 0 ? existing(directory.hasNamespace(namespace)) : resolvePod(namespace, rest, records);
  }
  return nxDomain;
}

/** `rest` is the service's label, then what stands in front of it, from right to left. */
function resolveService(namespace: string, rest: readonly string[], records: Records, aliases: number): Resolution {
  const [serviceName = "", first, second, ...more] = rest;
  const key = `${namespace}/${serviceName}`;
  const service = records.directory.service(key);
  if (!service || more.length > 0) return nxDomain;
  if (service.spec?.type === "ExternalName")
    return first === undefined ? resolveAlias(service, records, aliases) : nxDomain;
  if (first === undefined) {
    if (records.question.type === "SRV") return records.ports(key, service, undefined);
    if (isHeadless(service)) return records.endpoints(key);
    return records.addresses(clusterAddresses(service));
  }
  if (second !== undefined) {
    if (!first.startsWith("_") || !second.startsWith("_")) return nxDomain;
    // Read from right to left: _port._protocol.service.
    return records.ports(key, service, { port: second.slice(1), protocol: first.slice(1) });
  }
  return records.endpoint(key, first);
}

function resolveAlias(service: Service, records: Records, aliases: number): Resolution {
  const target = (service.spec?.externalName ?? "").toLowerCase().replace(/\.$/, "");
  const alias: Answer = { type: "CNAME", name: records.question.name, ttl: records.options.ttlSeconds, data: target };
  if (records.question.type === "CNAME") return answer([alias]);
  if (aliases >= maxAliases) return answer([alias]);
  const inside = resolveFrom(
    { name: target, type: records.question.type },
    records.directory,
    records.options,
    aliases + 1,
  );
  if (inside.kind === "notOurs") return { ...answer([alias]), follow: target };
  return inside.kind === "answer" ? { ...inside, answers: [alias, ...inside.answers] } : answer([alias]);
}

/** `1-2-3-4.namespace.pod`: the address is in the name. */
function resolvePod(namespace: string, rest: readonly string[], records: Records): Resolution {
  const [dashed = "", ...more] = rest;
  if (more.length > 0 || !records.directory.hasNamespace(namespace)) return nxDomain;
  const v4 = dashed.replaceAll("-", ".");
  const v6 = dashed.replaceAll("-", ":");
  const address = isIPv4(v4) ? v4 : isIPv6(v6) ? v6 : undefined;
  return address === undefined ? nxDomain : records.addresses([address]);
}

function resolveReverse(
  question: Question,
  name: string,
  directory: ServiceDirectory,
  options: ZoneOptions,
): Resolution {
  const address = parseReverse(name);
  if (address === undefined) return { kind: "notOurs" };
  const suffix = `svc.${options.domain}`;
  const pointers: string[] = [];
  const service = directory.serviceAt(address);
  if (service !== undefined) pointers.push(`${reversed(service)}.${suffix}`);
  for (const endpoint of directory.endpointsAt(address)) {
    const known = directory.service(endpoint.service);
    if (known && isHeadless(known)) pointers.push(`${endpoint.name}.${reversed(endpoint.service)}.${suffix}`);
  }
  if (pointers.length === 0) return { kind: "notOurs" };
  if (question.type !== "PTR") return noData;
  return answer(pointers.map((data) => ({ type: "PTR", name: question.name, ttl: options.ttlSeconds, data })));
}

/** "4.3.2.1.in-addr.arpa" to "1.2.3.4"; IPv6 comes back in the short form the API stores. */
export function parseReverse(name: string): string | undefined {
  const v4 = /^((?:\d{1,3}\.){4})in-addr\.arpa$/.exec(name)?.[1];
  if (v4 !== undefined) {
    const address = v4.slice(0, -1).split(".").reverse().join(".");
    return isIPv4(address) ? address : undefined;
  }
  const nibbles = /^((?:[0-9a-f]\.){32})ip6\.arpa$/.exec(name)?.[1]?.replaceAll(".", "");
  if (nibbles === undefined) return undefined;
  const groups = [...nibbles].reverse().join("").match(/.{4}/g) ?? [];
  return new URL(`http://[${groups.join(":")}]`).hostname.slice(1, -1);
}

/** Builds the records of one question. */
class Records {
  readonly question: Question;
  readonly directory: ServiceDirectory;
  readonly options: ZoneOptions;

  constructor(question: Question, directory: ServiceDirectory, options: ZoneOptions) {
    this.question = question;
    this.directory = directory;
    this.options = options;
  }

  text(value: string): Resolution {
    if (this.question.type !== "TXT") return noData;
    return answer([{ type: "TXT", name: this.question.name, ttl: this.options.ttlSeconds, data: value }]);
  }

  addresses(addresses: readonly string[]): Resolution {
    const answers = addresses.flatMap((address) => this.#address(this.question.name, address, this.question.type));
    return answers.length > 0 ? answer(answers) : noData;
  }

  /** Every ready endpoint of a headless service; none at all means that the name does not exist. */
  endpoints(key: string): Resolution {
    const all = this.#allEndpoints(key);
    return all.length === 0 ? nxDomain : this.addresses(all.map(({ address }) => address));
  }

  endpoint(key: string, name: string): Resolution {
    const found = this.#allEndpoints(key).filter((endpoint) => endpoint.name.toLowerCase() === name);
    return found.length === 0 ? nxDomain : this.addresses(found.map(({ address }) => address));
  }

  /** SRV records of one named port, or of all. */
  ports(
    key: string,
    service: Service,
    wanted: { readonly port: string; readonly protocol: string } | undefined,
  ): Resolution {
    const matches = (name: string | undefined, protocol: string | undefined): boolean =>
      wanted === undefined || ((name ?? "") === wanted.port && (protocol ?? "TCP").toLowerCase() === wanted.protocol);
    const host = `${reversed(key)}.svc.${this.options.domain}`;
    const targets = isHeadless(service)
      ? this.directory
          .endpointPorts(key)
          .filter(({ name, protocol }) => matches(name, protocol))
          .flatMap(({ port, endpoints }) =>
            endpoints.map((one) => ({ port, target: `${one.name}.${host}`, addresses: [one.address] })),
          )
      : (service.spec?.ports ?? [])
          .filter(({ name, protocol }: ServicePort) => matches(name, protocol))
          .map(({ port }) => ({ port, target: host, addresses: clusterAddresses(service) }));
    if (targets.length === 0) return nxDomain;
    if (this.question.type !== "SRV") return noData;
    const weight = Math.max(1, Math.floor(100 / targets.length));
    const answers = targets.map(({ port, target }): Answer => {
      return {
        type: "SRV",
        name: this.question.name,
        ttl: this.options.ttlSeconds,
        data: { priority: 0, weight, port, target },
      };
    });
    const additionals = targets.flatMap(({ target, addresses }) =>
      addresses.flatMap((address) => this.#address(target, address, "ANY")),
    );
    return { kind: "answer", answers, additionals };
  }

  #allEndpoints(key: string): readonly NamedEndpoint[] {
    return [...this.directory.endpoints(key, "IPv4"), ...this.directory.endpoints(key, "IPv6")];
  }

  #address(name: string, address: string, wanted: string): readonly Answer[] {
    const type = isIPv4(address) ? "A" : "AAAA";
    return wanted === type || wanted === "ANY" ? [{ type, name, ttl: this.options.ttlSeconds, data: address }] : [];
  }
}

function answer(answers: readonly Answer[]): Resolution & { kind: "answer" } {
  return { kind: "answer", answers, additionals: [] };
}

function existing(exists: boolean): Resolution {
  return exists ? noData : nxDomain;
}

/** "namespace/name" to "name.namespace". */
function reversed(key: string): string {
  return key.split("/").reverse().join(".");
}
