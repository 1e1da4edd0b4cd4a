import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { kubepodsPath, podPath, podUidOfName } from "./hierarchy.ts";
import { kubepodsCgroupValues, podCgroupValues, tierCgroupValues } from "./pod-cgroup.ts";
import { parseStatsV1, parseStatsV2 } from "./stats.ts";
import { cgroupWrites } from "./writes.ts";

type List = Record<string, string>;
const pod = (...containers: readonly { requests?: List; limits?: List }[]): Pod => ({
  metadata: {},
  spec: { containers: containers.map((resources, index) => ({ name: `c${index}`, resources })) },
});
const options = { enforceCpuQuota: true };

describe("podCgroupValues", () => {
  test("a guaranteed pod has shares, quota and memory limit", () => {
    const both = { cpu: "500m", memory: "64Mi" };
    expect(podCgroupValues(pod({ requests: both, limits: both }), options)).toEqual({
      cpuShares: 512,
      cpuQuotaUs: 50_000,
      cpuPeriodUs: 100_000,
      memoryLimitBytes: 64 * 2 ** 20,
    });
  });

  test("a burstable pod is limited only where each container is", () => {
    const one = { requests: { cpu: "100m" }, limits: { cpu: "1", memory: "1Mi" } };
    expect(podCgroupValues(pod(one, { limits: { cpu: "1" }, requests: { cpu: "1" } }), options)).toEqual({
      cpuShares: 1126,
      cpuQuotaUs: 200_000,
      cpuPeriodUs: 100_000,
    });
    expect(podCgroupValues(pod(one, {}), options)).toEqual({ cpuShares: 102 });
  });

  test("a best-effort pod gets the least share, and the pids limit like all", () => {
    expect(podCgroupValues(pod({}), { ...options, podPidsLimit: 100 })).toEqual({ cpuShares: 2, pidsLimit: 100 });
  });

  test("without quota enforcement there is no quota", () => {
    const both = { cpu: "1", memory: "1Gi" };
    expect(podCgroupValues(pod({ requests: both, limits: both }), { enforceCpuQuota: false })).toEqual({
      cpuShares: 1024,
      memoryLimitBytes: 2 ** 30,
    });
  });
});

describe("tierCgroupValues", () => {
  test("burstable weighs what its pods ask for; guaranteed pods are not in it", () => {
    const guaranteed = { requests: { cpu: "2", memory: "1Gi" }, limits: { cpu: "2", memory: "1Gi" } };
    const pods = [pod({ requests: { cpu: "250m" } }), pod({ requests: { cpu: "750m" } }), pod(guaranteed), pod({})];
    expect(tierCgroupValues(pods)).toEqual({ burstable: { cpuShares: 1024 }, besteffort: { cpuShares: 2 } });
  });
});

describe("kubepodsCgroupValues", () => {
  test("is the node less what is reserved", () => {
    const capacity = { milliCpu: 2000, memoryBytes: 8 * 2 ** 30, pids: 1000 };
    expect(kubepodsCgroupValues(capacity, { milliCpu: 500, memoryBytes: 2 ** 30, pids: 100 })).toEqual({
      cpuShares: 1536,
      memoryLimitBytes: 7 * 2 ** 30,
      pidsLimit: 900,
    });
  });
});

describe("cgroup paths", () => {
  test("follow the cgroupfs driver, under a parent where one is given", () => {
    expect(podPath("", "Guaranteed", "u-1")).toBe("/kubepods/podu-1");
    expect(podPath("/berth-a/", "BestEffort", "u-1")).toBe("/berth-a/kubepods/besteffort/podu-1");
    expect(kubepodsPath("berth")).toBe("/berth/kubepods");
    expect([podUidOfName("podu-1"), podUidOfName("burstable")]).toEqual(["u-1", undefined]);
  });
});

describe("cgroupWrites", () => {
  const values = { cpuShares: 1024, cpuQuotaUs: 50_000, cpuPeriodUs: 100_000, memoryLimitBytes: 4096, pidsLimit: 10 };

  test("v1: period before quota, one controller per file", () => {
    expect(cgroupWrites("v1", values).map(({ controller, file, value }) => `${controller}/${file}=${value}`)).toEqual([
      "cpu/cpu.shares=1024",
      "cpu/cpu.cfs_period_us=100000",
      "cpu/cpu.cfs_quota_us=50000",
      "memory/memory.limit_in_bytes=4096",
      "pids/pids.max=10",
    ]);
  });

  test("v2: weight by the linear formula, quota and period in one file", () => {
    expect(cgroupWrites("v2", values).map(({ file, value }) => `${file}=${value}`)).toEqual([
      "cpu.weight=39",
      "cpu.max=50000 100000",
      "memory.max=4096",
      "pids.max=10",
    ]);
    expect(cgroupWrites("v2", { cpuQuotaUs: -1 }).map(({ value }) => value)).toEqual(["max 100000"]);
  });

  test("nothing to set means nothing is written", () => {
    expect([...cgroupWrites("v1", {}), ...cgroupWrites("v2", {})]).toEqual([]);
  });
});

describe("stats parsers", () => {
  test("v1: working set is usage less inactive file cache, and a huge limit is none", () => {
    const stats = parseStatsV1({
      "cpuacct.usage": "123456\n",
      "cpu.stat": "nr_periods 10\nnr_throttled 4\nthrottled_time 5000\n",
      "memory.usage_in_bytes": "1000\n",
      "memory.limit_in_bytes": "9223372036854771712\n",
      "memory.stat":
        "cache 1\ntotal_cache 600\ntotal_rss 400\ntotal_inactive_file 250\ntotal_pgfault 7\ntotal_pgmajfault 2\n",
      "memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n",
      "pids.current": "5\n",
    });
    expect(stats).toEqual({
      cpuUsageNs: 123_456,
      cpuPeriods: 10,
      cpuThrottledPeriods: 4,
      cpuThrottledNs: 5000,
      memoryUsageBytes: 1000,
      memoryWorkingSetBytes: 750,
      memoryRssBytes: 400,
      memoryCacheBytes: 600,
      memoryLimitBytes: undefined,
      oomKills: 3,
      pageFaults: 7,
      majorPageFaults: 2,
      processes: 5,
    });
  });

  test("v2: microseconds become nanoseconds, and missing files count as zero", () => {
    const stats = parseStatsV2({
      "cpu.stat": "usage_usec 12\nthrottled_usec 3\n",
      "memory.current": "100",
      "memory.max": "max\n",
      "memory.stat": "inactive_file 150\n",
    });
    expect(stats).toMatchObject({
      cpuUsageNs: 12_000,
      cpuThrottledNs: 3000,
      memoryWorkingSetBytes: 0,
      memoryLimitBytes: undefined,
      oomKills: 0,
    });
    expect(parseStatsV2({ "memory.max": "4096\n" }).memoryLimitBytes).toBe(4096);
  });
});
