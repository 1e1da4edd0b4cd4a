/** Fields of Services that do nothing where they stand, and addresses in old spellings. */
import type { Service } from "#pkg/api/core/v1.ts";
import { addressWarnings, blockWarnings } from "#pkg/api/ip-address.ts";
import { isHeadless } from "../validation/service-cluster-ips.ts";

export function serviceWarnings({ metadata, spec }: Service): readonly string[] {
  const warnings: string[] = [];
  const hints = "service.kubernetes.io/topology-aware-hints";
  if (metadata.annotations?.[hints] !== undefined) {
    warnings.push(`annotation ${hints} is deprecated, please use service.kubernetes.io/topology-mode instead`);
  }
  const headless = isHeadless(spec);
  const externalIPs = spec.externalIPs ?? [];
  for (const [index, ip] of headless ? [] : (spec.clusterIPs ?? []).entries()) {
    warnings.push(...addressWarnings(`spec.clusterIPs[${index}]`, ip));
  }
  if (headless) {
    if (spec.loadBalancerIP) warnings.push("spec.loadBalancerIP is ignored for headless services");
    if (externalIPs.length > 0) warnings.push("spec.externalIPs is ignored for headless services");
    if (spec.sessionAffinity !== "None") warnings.push("spec.SessionAffinity is ignored for headless services");
  }
  for (const [index, ip] of externalIPs.entries()) warnings.push(...addressWarnings(`spec.externalIPs[${index}]`, ip));
  if (externalIPs.length > 0 && !headless && spec.type !== "ExternalName") {
    warnings.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (spec.loadBalancerIP) warnings.push(...addressWarnings("spec.loadBalancerIP", spec.loadBalancerIP));
  for (const [index, range] of (spec.loadBalancerSourceRanges ?? []).entries()) {
    warnings.push(...blockWarnings(`spec.loadBalancerSourceRanges[${index}]`, range.trim()));
  }
  if (spec.type === "ExternalName" && externalIPs.length > 0) {
    warnings.push('spec.externalIPs is ignored when spec.type is "ExternalName"');
  }
  if (spec.type !== "ExternalName" && spec.externalName) {
    warnings.push('spec.externalName is ignored when spec.type is not "ExternalName"');
  }
  if (spec.trafficDistribution === "PreferClose") {
    warnings.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return warnings;
}
