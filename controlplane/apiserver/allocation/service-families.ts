/**
 * Which IP families a Service gets, from what it asks for and what the cluster has. Changes the service it is given; throws
 * 422. Source: initIPFamilyFields in pkg/registry/core/service/storage/alloc.go (v1.36).
 */
import type { IPFamily, Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { addressFamily } from "#pkg/api/ip-address.ts";
import { StatusError } from "#pkg/api/status.ts";
import { FieldErrors } from "../strategies/validation/field-errors.ts";
import { isHeadless, validateClusterIPs } from "../strategies/validation/service-cluster-ips.ts";

const specPath = new FieldPath("spec");
const policyPath = specPath.child("ipFamilyPolicy");

/** `families` are the cluster's, the primary first. */
export function chooseFamilies(next: Service, current: Service | undefined, families: readonly IPFamily[]): void {
  const { spec } = next;
  if (spec.type === "ExternalName" || isUnchangedPreference(spec, current?.spec)) return;
  spec.ipFamilyPolicy ??= current?.spec.ipFamilyPolicy ?? defaultPolicy(spec);
  const shape = validateClusterIPs(next, current);
  if (!shape.isEmpty) throw invalid(next, shape);
  const errors = new FieldErrors();
  if (current) applyPolicyChange(spec, current.spec, errors);
  validatePolicyFits(spec, errors);
  inferFromAddresses(spec, families, errors);
  if (!errors.isEmpty) throw invalid(next, errors);
  if (isHeadless(spec) && !hasSelector(spec)) {
    chooseForSelectorless(spec, families);
    return;
  }
  validateFamiliesExist(spec, families, errors);
  if (!errors.isEmpty) throw invalid(next, errors);
  if (!spec.ipFamilies?.length) spec.ipFamilies = families.slice(0, 1);
  const first = spec.ipFamilies[0];
  if (spec.ipFamilyPolicy !== "SingleStack" && spec.ipFamilies.length === 1 && families.length === 2 && first) {
    spec.ipFamilies = [first, otherFamily(first)];
  }
}

export function otherFamily(family: IPFamily): IPFamily {
  return family === "IPv4" ? "IPv6" : "IPv4";
}

function invalid(service: Service, errors: FieldErrors): StatusError {
  return StatusError.invalid({ group: "", resource: "Service" }, service.metadata.name ?? "", errors.list);
}

/** A service that prefers two families keeps those it has when the cluster gains or loses one. */
export function isUnchangedPreference(next: ServiceSpec, current: ServiceSpec | undefined): boolean {
  return (
    current !== undefined &&
    next.type === current.type &&
    next.type !== "ExternalName" &&
    next.ipFamilyPolicy === "PreferDualStack" &&
    (current.ipFamilyPolicy ?? "PreferDualStack") === "PreferDualStack" &&
    sameList(next.clusterIPs, current.clusterIPs) &&
    sameList(next.ipFamilies, current.ipFamilies)
  );
}

export function sameList(one: readonly string[] | undefined, other: readonly string[] | undefined): boolean {
  const [left, right] = [one ?? [], other ?? []];
  return left.length === right.length && left.every((value, index) => value === right[index]);
}

/** Nothing is known of the endpoints of a headless service without a selector: they may be of both families. */
function defaultPolicy(spec: ServiceSpec): "SingleStack" | "RequireDualStack" {
  return isHeadless(spec) && !hasSelector(spec) ? "RequireDualStack" : "SingleStack";
}

function hasSelector(spec: ServiceSpec): boolean {
  return Object.keys(spec.selector ?? {}).length > 0;
}

/** Asking for a single stack gives back the second address; nothing else does. */
function applyPolicyChange(next: ServiceSpec, current: ServiceSpec, errors: FieldErrors): void {
  const { clusterIPs: ips = [], ipFamilies: families = [] } = next;
  const { clusterIPs: oldIps = [], ipFamilies: oldFamilies = [] } = current;
  if (next.ipFamilyPolicy === "SingleStack") {
    if (ips.length > 1 && sameList(ips, oldIps)) next.clusterIPs = ips.slice(0, 1);
    if (families.length > 1 && sameList(families, oldFamilies)) next.ipFamilies = families.slice(0, 1);
    return;
  }
  const release = (what: string) =>
    errors.invalid(policyPath, next.ipFamilyPolicy, `must be 'SingleStack' to release the secondary ${what}`);
  if (ips.length > 0 && ips.length < oldIps.length) release("cluster IP");
  if (families.length > 0 && families.length < oldFamilies.length) release("IP family");
}

function validatePolicyFits(spec: ServiceSpec, errors: FieldErrors): void {
  if (spec.ipFamilyPolicy !== "SingleStack") return;
  const why = (what: string) => `must be 'RequireDualStack' or 'PreferDualStack' when multiple ${what} are specified`;
  if (spec.clusterIPs?.length === 2) errors.invalid(policyPath, spec.ipFamilyPolicy, why("cluster IPs"));
  if (spec.ipFamilies?.length === 2) errors.invalid(policyPath, spec.ipFamilyPolicy, why("IP families"));
}

function inferFromAddresses(spec: ServiceSpec, families: readonly IPFamily[], errors: FieldErrors): void {
  for (const [index, ip] of (spec.clusterIPs ?? []).entries()) {
    if (ip === "None") return;
    if (index < (spec.ipFamilies?.length ?? 0)) continue;
    const family: IPFamily = addressFamily(ip) === 6 ? "IPv6" : "IPv4";
    if (families.includes(family)) spec.ipFamilies = [...(spec.ipFamilies ?? []), family];
    else {
      const path = specPath.child("clusterIPs").index(index);
      errors.invalid(path, spec.clusterIPs, `${family} is not configured on this cluster`);
    }
  }
}

function chooseForSelectorless(spec: ServiceSpec, families: readonly IPFamily[]): void {
  if (!spec.ipFamilies?.length) spec.ipFamilies = families.slice(0, 1);
  const first = spec.ipFamilies[0];
  if (spec.ipFamilies.length === 1 && first && spec.ipFamilyPolicy !== "SingleStack") {
    spec.ipFamilies = [first, otherFamily(first)];
  }
}

function validateFamiliesExist(spec: ServiceSpec, families: readonly IPFamily[], errors: FieldErrors): void {
  if (spec.ipFamilyPolicy === "RequireDualStack" && families.length < 2) {
    errors.invalid(policyPath, spec.ipFamilyPolicy, "this cluster is not configured for dual-stack services");
  }
  for (const [index, family] of (spec.ipFamilies ?? []).entries()) {
    if (families.includes(family)) continue;
    errors.invalid(specPath.child("ipFamilies").index(index), family, "not configured on this cluster");
  }
}
