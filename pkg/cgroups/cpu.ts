/**
 * CPU formulas: millicores to what the kernel takes. Two conversions from shares to v2 weights are in use at once: the
 * kubelet's linear one for the cgroups it owns (kubepods, tiers, pods), and the runtimes' newer one for containers.
 * Source: k8s.io/kubernetes pkg/kubelet/cm/helpers_linux.go, cgroup_manager_linux.go (v1.36); opencontainers/cgroups v0.0.3.
 */

export const minShares = 2;
export const maxShares = 262_144;
/** The default CFS period, in microseconds. */
export const defaultPeriodUs = 100_000;
/** The kernel refuses quotas below a millisecond. */
export const minQuotaUs = 1000;

export function milliCpuToShares(milliCpu: number): number {
  if (milliCpu <= 0) return minShares;
  return Math.min(Math.max(Math.floor((milliCpu * 1024) / 1000), minShares), maxShares);
}

/** Microseconds of CPU per period; 0 means no quota. */
export function milliCpuToQuota(milliCpu: number, periodUs: number = defaultPeriodUs): number {
  if (milliCpu <= 0) return 0;
  return Math.max(Math.floor((milliCpu * periodUs) / 1000), minQuotaUs);
}

/** cgroup v2 weight of a cgroup that the agent owns. */
export function sharesToWeight(shares: number): number {
  if (shares >= maxShares) return 10_000;
  return 1 + Math.floor(((Math.max(shares, minShares) - 2) * 9999) / 262_142);
}

/** cgroup v2 weight that runc 1.3.2 and crun 1.23 give a container; undefined: they leave it alone. */
export function sharesToContainerWeight(shares: number): number | undefined {
  if (shares === 0) return undefined;
  if (shares <= minShares) return 1;
  if (shares >= maxShares) return 10_000;
  const log = Math.log2(shares);
  return Math.ceil(10 ** ((log * log + 125 * log) / 612 - 7 / 34));
}

export function weightToShares(weight: number): number {
  return Math.floor(((weight - 1) * 262_142) / 9999) + 2;
}

export function sharesToMilliCpu(shares: number): number {
  return Math.ceil((shares * 1000) / 1024);
}

/** Millicores of a quota; 0 for no quota. */
export function quotaToMilliCpu(quotaUs: number, periodUs: number): number {
  return quotaUs <= 0 || periodUs <= 0 ? 0 : Math.floor((quotaUs * 1000) / periodUs);
}
