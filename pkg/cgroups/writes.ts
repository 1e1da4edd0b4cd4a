/**
 * Cgroup values as file writes, for both versions. Pure: the order of the list is the order in which the kernel accepts
 * the values.
 */
import { assertNever } from "#pkg/system/errors.ts";
import { defaultPeriodUs, sharesToWeight } from "./cpu.ts";
import type { CgroupValues } from "./pod-cgroup.ts";

export type CgroupVersion = "v1" | "v2";

export interface CgroupWrite {
  /** The v1 controller whose mount holds the file; on v2 all files are in one folder. */
  readonly controller: "cpu" | "memory" | "pids";
  readonly file: string;
  readonly value: string;
}

export function cgroupWrites(version: CgroupVersion, values: CgroupValues): readonly CgroupWrite[] {
  switch (version) {
    case "v1":
      return [...cpuWritesV1(values), ...memoryWrites("memory.limit_in_bytes", values), ...pidsWrites(values)];
    case "v2":
      return [...cpuWritesV2(values), ...memoryWrites("memory.max", values), ...pidsWrites(values)];
    default:
      return assertNever(version, "cgroup version");
  }
}

function cpuWritesV1({ cpuShares, cpuQuotaUs, cpuPeriodUs }: CgroupValues): readonly CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (cpuShares !== undefined) writes.push({ controller: "cpu", file: "cpu.shares", value: String(cpuShares) });
  if (cpuQuotaUs === undefined) return writes;
  // The quota is checked against the period that is set, so the period comes first.
  writes.push({ controller: "cpu", file: "cpu.cfs_period_us", value: String(cpuPeriodUs ?? defaultPeriodUs) });
  writes.push({ controller: "cpu", file: "cpu.cfs_quota_us", value: String(cpuQuotaUs) });
  return writes;
}

function cpuWritesV2({ cpuShares, cpuQuotaUs, cpuPeriodUs }: CgroupValues): readonly CgroupWrite[] {
  const writes: CgroupWrite[] = [];
  if (cpuShares !== undefined)
    writes.push({ controller: "cpu", file: "cpu.weight", value: String(sharesToWeight(cpuShares)) });
  if (cpuQuotaUs === undefined) return writes;
  const quota = cpuQuotaUs < 0 ? "max" : String(cpuQuotaUs);
  writes.push({ controller: "cpu", file: "cpu.max", value: `${quota} ${cpuPeriodUs ?? defaultPeriodUs}` });
  return writes;
}

function memoryWrites(file: string, { memoryLimitBytes }: CgroupValues): readonly CgroupWrite[] {
  return memoryLimitBytes === undefined ? [] : [{ controller: "memory", file, value: String(memoryLimitBytes) }];
}

function pidsWrites({ pidsLimit }: CgroupValues): readonly CgroupWrite[] {
  return pidsLimit === undefined ? [] : [{ controller: "pids", file: "pids.max", value: String(pidsLimit) }];
}
