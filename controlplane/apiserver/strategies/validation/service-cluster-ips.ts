/**
 * Cluster IPs and IP families of Services, which must fit each other. Judged twice: with the rest of the service, and
 * again by allocation, which builds on it.
 */
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { addressFamily, legacyAddressProblems } from "#pkg/api/ip-address.ts";
import { FieldErrors } from "./field-errors.ts";

const specPath = new FieldPath("spec");
const ipsPath = specPath.child("clusterIPs");
const familiesPath = specPath.child("ipFamilies");
const policyPath = specPath.child("ipFamilyPolicy");
const families = ["IPv4", "IPv6"];

export function isHeadless(spec: ServiceSpec): boolean {
  return spec.clusterIPs?.length === 1 ? spec.clusterIPs[0] === "None" : !spec.clusterIPs && spec.clusterIP === "None";
}

export function validateClusterIPs({ spec }: Service, current: Service | undefined): FieldErrors {
  const errors = new FieldErrors();
  if (spec.type === "ExternalName") return errors;
  const { clusterIP = "", clusterIPs = [], ipFamilies = [] } = spec;
  if (clusterIP) {
    if (clusterIPs.length === 0) errors.required(ipsPath);
    else if (clusterIPs[0] !== clusterIP) errors.invalid(ipsPath, clusterIPs, "first value must match `clusterIP`");
  } else if (clusterIPs.length > 0) {
    errors.invalid(ipsPath, clusterIPs, "must be empty when `clusterIP` is not specified");
  }
  const seen = new Set<string>();
  for (const [index, family] of ipFamilies.entries()) {
    if (!families.includes(family)) errors.notSupported(familiesPath.index(index), family, families);
    if (seen.has(family)) errors.duplicate(familiesPath.index(index), family);
    seen.add(family);
  }
  errors.supported(policyPath, spec.ipFamilyPolicy, ["PreferDualStack", "RequireDualStack", "SingleStack"]);
  const isSound = validateEach(clusterIPs, current?.spec.clusterIPs ?? [], errors);
  if (clusterIPs.length > 2) errors.invalid(ipsPath, clusterIPs, "may only hold up to 2 values");
  if (isSound) validateTogether(spec, errors);
  return errors;
}

/** False when some value is no address, so that nothing more can be said of them. */
function validateEach(clusterIPs: readonly string[], known: readonly string[], errors: FieldErrors): boolean {
  let isSound = true;
  for (const [index, ip] of clusterIPs.entries()) {
    if (index === 0 && ip === "None") {
      if (clusterIPs.length === 1) continue;
      errors.invalid(ipsPath, clusterIPs, "'None' must be the first and only value");
      isSound = false;
      continue;
    }
    const problems = known.includes(ip) ? [] : legacyAddressProblems(ip);
    errors.problems(ipsPath.index(index), ip, problems);
    isSound &&= problems.length === 0;
  }
  return isSound;
}

function validateTogether(spec: ServiceSpec, errors: FieldErrors): void {
  const { clusterIPs = [], ipFamilies = [] } = spec;
  if (isHeadless(spec)) return;
  const [first, second] = clusterIPs.map(addressFamily);
  if (clusterIPs.length > 1 && first === second) {
    errors.invalid(ipsPath, clusterIPs, "may specify no more than one IP for each IP family");
  }
  for (const [index, ip] of clusterIPs.entries()) {
    const family = ipFamilies[index];
    const isSix = addressFamily(ip) === 6;
    if ((family === "IPv4" && isSix) || (family === "IPv6" && !isSix)) {
      errors.invalid(ipsPath.index(index), ip, `expected an ${family} value as indicated by \`ipFamilies[${index}]\``);
    }
  }
}

/** A second address may come and go; what a service was given first stays, unless it becomes something else. */
export function validateClusterIPChange(next: Service, current: Service, errors: FieldErrors): void {
  const after = next.spec;
  const before = current.spec;
  if (after.type === "ExternalName" || before.type === "ExternalName") return;
  if (!(isHeadless(after) && isHeadless(before))) validateAddressChange(after, before, errors);
  if (!isHeadless(after) && !isHeadless(before)) validateFamilyChange(after, before, errors);
}

function validateAddressChange(after: ServiceSpec, before: ServiceSpec, errors: FieldErrors): void {
  const ips = after.clusterIPs ?? [];
  const old = before.clusterIPs ?? [];
  const fixed = (index: number) => errors.invalid(ipsPath.index(index), ips, "may not change once set");
  if (old.length === ips.length) {
    for (const [index, ip] of old.entries()) if (ip !== ips[index]) fixed(index);
    return;
  }
  if (ips.length === 0) errors.invalid(ipsPath.index(0), ips, "primary clusterIP can not be unset");
  if (old.length > 0 && ips.length > 0 && ips[0] !== old[0]) fixed(0);
  if (ips.length === 1 && old.length > 1 && after.ipFamilyPolicy !== "SingleStack") {
    const why = "must be set to 'SingleStack' when releasing the secondary clusterIP";
    errors.invalid(policyPath, after.ipFamilyPolicy, why);
  }
}

function validateFamilyChange(after: ServiceSpec, before: ServiceSpec, errors: FieldErrors): void {
  const now = after.ipFamilies ?? [];
  const old = before.ipFamilies ?? [];
  const path = familiesPath.index(0);
  if (old.length === now.length) {
    for (const [index, family] of old.entries()) {
      if (family !== now[index]) errors.invalid(path, now, "may not change once set");
    }
    return;
  }
  if (old.length > now.length && !after.clusterIPs?.length) {
    errors.invalid(path, now, "primary ipFamily can not be unset");
  }
  if (old.length > 0 && now.length > 0 && now[0] !== old[0]) {
    errors.invalid(path, after.clusterIPs, "may not change once set");
  }
  if (old.length > now.length && now.length === 1 && after.ipFamilyPolicy !== "SingleStack") {
    const why = "must be set to 'SingleStack' when releasing the secondary ipFamily";
    errors.invalid(policyPath, after.ipFamilyPolicy, why);
  }
}
