/** Tables of services, endpoints, ingress and network policy. */
import type { Endpoints, LoadBalancerIngress, Service, ServicePort } from "#pkg/api/core/v1.ts";
import type { EndpointPort, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type {
  Ingress,
  IngressClass,
  IngressLoadBalancerIngress,
  IngressRule,
  IPAddress,
  NetworkPolicy,
  ServiceCIDR,
} from "#pkg/api/networking/v1.ts";
import { ageOf, formatLabels, formatSelector, nameOf, orNone, withMore } from "./cell-text.ts";
import { defineTable } from "./table-kind.ts";

/** Of ports, endpoints and hosts. */
const maxShown = 3;

export const serviceTable = defineTable<Service>(
  "Name | Type | Cluster-IP | External-IP | Port(s) | Age | Selector*",
  (service, nowMs) => [
    nameOf(service),
    service.spec?.type ?? "",
    orNone(service.spec?.clusterIPs?.[0]),
    externalAddresses(service),
    orNone((service.spec?.ports ?? []).map(formatServicePort).join(",")),
    ageOf(service, nowMs),
    formatLabels(service.spec?.selector),
  ],
);

function externalAddresses({ spec, status }: Service): string {
  const externalIPs = spec?.externalIPs ?? [];
  switch (spec?.type) {
    case "ClusterIP":
    case "NodePort":
      return orNone(externalIPs.join(","));
    case "LoadBalancer":
      return [...loadBalancerAddresses(status?.loadBalancer?.ingress), ...externalIPs].join(",") || "<pending>";
    case "ExternalName":
      return spec.externalName ?? "";
    default:
      return "<unknown>";
  }
}

/** Sorted, without repeats. */
function loadBalancerAddresses(
  ingress: readonly (LoadBalancerIngress | IngressLoadBalancerIngress)[] | undefined,
): string[] {
  const addresses = (ingress ?? []).map((one) => one.ip || one.hostname || "").filter((one) => one !== "");
  return [...new Set(addresses)].sort();
}

function formatServicePort({ port, nodePort, protocol }: ServicePort): string {
  return nodePort ? `${port}:${nodePort}/${protocol ?? ""}` : `${port}/${protocol ?? ""}`;
}

export const endpointsTable = defineTable<Endpoints>("Name | Endpoints | Age", (endpoints, nowMs) => [
  nameOf(endpoints),
  orNone(withMore(formatSubsets(endpoints), maxShown)),
  ageOf(endpoints, nowMs),
]);

function formatSubsets(endpoints: Endpoints): string[] {
  return (endpoints.subsets ?? []).flatMap((subset) => {
    const addresses = (subset.addresses ?? []).map((one) => one.ip);
    // Headless services may have no ports.
    if (!subset.ports?.length) return addresses;
    return subset.ports.flatMap(({ port }) =>
      addresses.map((ip) => (ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`)),
    );
  });
}

export const endpointSliceTable = defineTable<EndpointSlice>(
  "Name | AddressType | Ports | Endpoints | Age",
  (slice, nowMs) => [
    nameOf(slice),
    slice.addressType ?? "",
    withMore((slice.ports ?? []).map(formatEndpointPort), maxShown) || "<unset>",
    withMore(
      (slice.endpoints ?? []).flatMap((one) => one.addresses ?? []),
      maxShown,
    ) || "<unset>",
    ageOf(slice, nowMs),
  ],
);

function formatEndpointPort({ port, name }: EndpointPort): string {
  return String(port ?? name ?? "*");
}

export const ingressTable = defineTable<Ingress>("Name | Class | Hosts | Address | Ports | Age", (ingress, nowMs) => [
  nameOf(ingress),
  orNone(ingress.spec?.ingressClassName),
  formatHosts(ingress.spec?.rules ?? []),
  loadBalancerAddresses(ingress.status?.loadBalancer?.ingress).join(","),
  ingress.spec?.tls?.length ? "80, 443" : "80",
  ageOf(ingress, nowMs),
]);

function formatHosts(rules: readonly IngressRule[]): string {
  const shown: string[] = [];
  for (const { host } of rules) {
    // Rules without a host count once the list is full.
    if (shown.length === maxShown) return `${shown.join(",")} + ${rules.length - maxShown} more...`;
    if (host) shown.push(host);
  }
  return shown.join(",") || "*";
}

export const ingressClassTable = defineTable<IngressClass>(
  "Name | Controller | Parameters | Age",
  (ingressClass, nowMs) => {
    const parameters = ingressClass.spec?.parameters;
    const kind = parameters?.apiGroup ? `${parameters.kind}.${parameters.apiGroup}` : parameters?.kind;
    return [
      nameOf(ingressClass),
      ingressClass.spec?.controller ?? "",
      parameters ? `${kind}/${parameters.name}` : "<none>",
      ageOf(ingressClass, nowMs),
    ];
  },
);

export const networkPolicyTable = defineTable<NetworkPolicy>("Name | Pod-Selector | Age", (policy, nowMs) => [
  nameOf(policy),
  formatSelector(policy.spec?.podSelector ?? {}),
  ageOf(policy, nowMs),
]);

export const serviceCidrTable = defineTable<ServiceCIDR>("Name | CIDRs | Age", (cidr, nowMs) => [
  nameOf(cidr),
  (cidr.spec?.cidrs ?? []).join(","),
  ageOf(cidr, nowMs),
]);

export const ipAddressTable = defineTable<IPAddress>("Name | ParentRef", (address) => {
  const parent = address.spec?.parentRef;
  const resource = (parent?.group ? `${parent.resource}.${parent.group}` : (parent?.resource ?? "")).toLowerCase();
  const path = [resource, ...(parent?.namespace ? [parent.namespace] : []), parent?.name ?? ""].join("/");
  return [nameOf(address), parent ? path : "<none>"];
});
