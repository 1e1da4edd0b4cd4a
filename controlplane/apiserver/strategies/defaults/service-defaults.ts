/** Defaults of Services. Cluster IPs, families and node ports are no defaults: allocation fills them in. */
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import { setDefault, setIfZero } from "./defaulter.ts";

const threeHours = 10_800;

export function defaultService(service: Service): void {
  const { spec } = service;
  if (!spec) return;
  setIfZero(spec, "sessionAffinity", "None");
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP" && spec.sessionAffinityConfig?.clientIP?.timeoutSeconds == null) {
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds: threeHours } };
  }
  setIfZero(spec, "type", "ClusterIP");
  for (const port of spec.ports ?? []) {
    setIfZero(port, "protocol", "TCP");
    setIfZero(port, "targetPort", port.port ?? 0);
  }
  if (isExternallyAccessible(spec)) setIfZero(spec, "externalTrafficPolicy", "Cluster");
  if (spec.type !== "ExternalName") setDefault(spec, "internalTrafficPolicy", "Cluster");
  if (spec.type !== "LoadBalancer") return;
  setDefault(spec, "allocateLoadBalancerNodePorts", true);
  for (const ingress of service.status?.loadBalancer?.ingress ?? [])
    if (ingress.ip) setDefault(ingress, "ipMode", "VIP");
}

/** Reachable from outside the cluster, so that an external traffic policy means something. */
export function isExternallyAccessible(spec: ServiceSpec): boolean {
  return (
    spec.type === "LoadBalancer" ||
    spec.type === "NodePort" ||
    (spec.type === "ClusterIP" && (spec.externalIPs?.length ?? 0) > 0)
  );
}
