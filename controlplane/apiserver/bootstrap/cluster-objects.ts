/** Namespaces, priority classes, the range of service addresses and the Service by which pods reach the API. Pure. */
import { isIPv6 } from "node:net";
import type { ConfigMap, Endpoints, Namespace, Service } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { ServiceCIDR } from "#pkg/api/networking/v1.ts";
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";

export interface ClusterAddresses {
  /** e.g. 10.96.0.0/16; one, or one a family. */
  readonly serviceCidrs: readonly string[];
  /** The first address of the first range, e.g. 10.96.0.1. */
  readonly serviceIp: string;
  /** Where pods reach this server; undefined when it listens on loopback alone: then the Service has no endpoints. */
  readonly advertiseAddress: string | undefined;
  readonly securePort: number;
}

export function bootstrapNamespaces(): readonly Namespace[] {
  return ["default", "kube-system", "kube-public", "kube-node-lease"].map((name) => ({ metadata: { name }, spec: {} }));
}

export function bootstrapPriorityClasses(): readonly PriorityClass[] {
  return [
    {
      metadata: { name: "system-node-critical" },
      value: 2_000_001_000,
      description: "For pods a node cannot do without; they are never moved to another one.",
    },
    {
      metadata: { name: "system-cluster-critical" },
      value: 2_000_000_000,
      description: "For pods the cluster cannot do without; they may be moved to another node when need be.",
    },
  ];
}

export function defaultServiceCidr({ serviceCidrs }: ClusterAddresses): ServiceCIDR {
  return { metadata: { name: "kubernetes" }, spec: { cidrs: [...serviceCidrs] } };
}

const portName = "https";
const labels = { component: "apiserver", provider: "kubernetes" };

export function kubernetesService({ serviceIp, securePort }: ClusterAddresses): Service {
  return {
    metadata: { namespace: "default", name: "kubernetes", labels },
    spec: {
      type: "ClusterIP",
      clusterIP: serviceIp,
      clusterIPs: [serviceIp],
      ipFamilies: [isIPv6(serviceIp) ? "IPv6" : "IPv4"],
      ipFamilyPolicy: "SingleStack",
      sessionAffinity: "None",
      ports: [{ name: portName, protocol: "TCP", port: 443, targetPort: securePort }],
    },
  };
}

/** The label keeps the mirroring controller from making a second slice of it. */
export function kubernetesEndpoints({ securePort }: ClusterAddresses, ip: string): Endpoints {
  const skipMirror = { "endpointslice.kubernetes.io/skip-mirror": "true" };
  return {
    metadata: { namespace: "default", name: "kubernetes", labels: skipMirror },
    subsets: [{ addresses: [{ ip }], ports: [{ name: portName, port: securePort, protocol: "TCP" }] }],
  };
}

export function kubernetesEndpointSlice({ securePort }: ClusterAddresses, ip: string): EndpointSlice {
  return {
    metadata: { namespace: "default", name: "kubernetes", labels: { "kubernetes.io/service-name": "kubernetes" } },
    addressType: isIPv6(ip) ? "IPv6" : "IPv4",
    endpoints: [{ addresses: [ip], conditions: { ready: true } }],
    ports: [{ name: portName, port: securePort, protocol: "TCP" }],
  };
}

/** By this aggregated API servers and the like verify clients and the front proxy. */
export function authenticationConfigMap(clientAuthoritiesPem: string, frontProxyAuthorityPem: string): ConfigMap {
  return {
    metadata: { namespace: "kube-system", name: "extension-apiserver-authentication" },
    data: {
      "client-ca-file": clientAuthoritiesPem,
      "requestheader-allowed-names": '["front-proxy-client"]',
      "requestheader-client-ca-file": frontProxyAuthorityPem,
      "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
      "requestheader-group-headers": '["X-Remote-Group"]',
      "requestheader-uid-headers": '["X-Remote-Uid"]',
      "requestheader-username-headers": '["X-Remote-User"]',
    },
  };
}
