/**
 * What makes cluster DNS reachable from pods: a Service with a well-known address whose endpoint is the process on the node,
 * and the right to read what DNS answers from. Pure.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { networkDefaults } from "../cluster/layout.ts";

/** As whom the DNS process talks to the API. */
export const dnsUser = "system:berth-dns";

const name = "kube-dns";
const ports = [
  { name: "dns", protocol: "UDP", port: 53 },
  { name: "dns-tcp", protocol: "TCP", port: 53 },
] as const;

export function buildDnsObjects(nodeAddress: string, port: number): readonly KubeObject[] {
  const metadata = { name, namespace: "kube-system", labels: { "k8s-app": name } };
  return [
    {
      apiVersion: "v1",
      kind: "Service",
      metadata,
      spec: { clusterIP: networkDefaults.dnsAddress, ports: ports.map((one) => ({ ...one, targetPort: port })) },
    },
    {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        ...metadata,
        name: `${name}-berth`,
        labels: {
          ...metadata.labels,
          "kubernetes.io/service-name": name,
          "endpointslice.kubernetes.io/managed-by": "berth",
        },
      },
      addressType: "IPv4",
      endpoints: [{ addresses: [nodeAddress], conditions: { ready: true } }],
      ports: ports.map((one) => ({ ...one, port })),
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRole",
      metadata: { name: dnsUser },
      rules: [
        { apiGroups: [""], resources: ["services", "namespaces"], verbs: ["list", "watch"] },
        { apiGroups: ["discovery.k8s.io"], resources: ["endpointslices"], verbs: ["list", "watch"] },
      ],
    },
    {
      apiVersion: "rbac.authorization.k8s.io/v1",
      kind: "ClusterRoleBinding",
      metadata: { name: dnsUser },
      roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: dnsUser },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io", kind: "User", name: dnsUser }],
    },
  ];
}
