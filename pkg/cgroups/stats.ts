/**
 * Reading a cgroup's files: pure parsers from text to numbers, for both versions.
 * Working set = usage less inactive page cache, the figure eviction and metrics go by.
 */

export interface CgroupStats {
  /** Total CPU time, nanoseconds. */
  readonly cpuUsageNs: number;
  readonly cpuPeriods: number;
  readonly cpuThrottledPeriods: number;
  readonly cpuThrottledNs: number;
  readonly memoryUsageBytes: number;
  readonly memoryWorkingSetBytes: number;
  /** Anonymous memory. */
  readonly memoryRssBytes: number;
  readonly memoryCacheBytes: number;
  /** undefined: no limit. */
  readonly memoryLimitBytes: number | undefined;
  /** Processes killed because this cgroup ran out of memory. */
  readonly oomKills: number;
  readonly pageFaults: number;
  readonly majorPageFaults: number;
  readonly processes: number;
}

/** File name to content; a file that is missing counts as empty. */
export type CgroupFileTexts = Readonly<Record<string, string | undefined>>;

export const statFilesV1 = {
  cpuacct: ["cpuacct.usage"],
  cpu: ["cpu.stat"],
  memory: ["memory.usage_in_bytes", "memory.limit_in_bytes", "memory.stat", "memory.oom_control"],
  pids: ["pids.current"],
} as const;

export const statFilesV2 = [
  "cpu.stat",
  "memory.current",
  "memory.max",
  "memory.stat",
  "memory.events",
  "pids.current",
] as const;

/** v1 says "no limit" with a number close to 2^63. */
const unlimitedV1 = 2 ** 62;

export function parseStatsV1(texts: CgroupFileTexts): CgroupStats {
  const cpu = parseFlatKeyed(texts["cpu.stat"]);
  const memory = parseFlatKeyed(texts["memory.stat"]);
  const usage = parseNumber(texts["memory.usage_in_bytes"]);
  const limit = parseNumber(texts["memory.limit_in_bytes"]);
  return {
    cpuUsageNs: parseNumber(texts["cpuacct.usage"]),
    cpuPeriods: cpu.get("nr_periods") ?? 0,
    cpuThrottledPeriods: cpu.get("nr_throttled") ?? 0,
    cpuThrottledNs: cpu.get("throttled_time") ?? 0,
    memoryUsageBytes: usage,
    memoryWorkingSetBytes: Math.max(usage - (memory.get("total_inactive_file") ?? 0), 0),
    memoryRssBytes: memory.get("total_rss") ?? 0,
    memoryCacheBytes: memory.get("total_cache") ?? 0,
    memoryLimitBytes: limit === 0 || limit >= unlimitedV1 ? undefined : limit,
    oomKills: parseFlatKeyed(texts["memory.oom_control"]).get("oom_kill") ?? 0,
    pageFaults: memory.get("total_pgfault") ?? 0,
    majorPageFaults: memory.get("total_pgmajfault") ?? 0,
    processes: parseNumber(texts["pids.current"]),
  };
}

export function parseStatsV2(texts: CgroupFileTexts): CgroupStats {
  const cpu = parseFlatKeyed(texts["cpu.stat"]);
  const memory = parseFlatKeyed(texts["memory.stat"]);
  const usage = parseNumber(texts["memory.current"]);
  const limitText = texts["memory.max"]?.trim();
  return {
    cpuUsageNs: (cpu.get("usage_usec") ?? 0) * 1000,
    cpuPeriods: cpu.get("nr_periods") ?? 0,
    cpuThrottledPeriods: cpu.get("nr_throttled") ?? 0,
    cpuThrottledNs: (cpu.get("throttled_usec") ?? 0) * 1000,
    memoryUsageBytes: usage,
    memoryWorkingSetBytes: Math.max(usage - (memory.get("inactive_file") ?? 0), 0),
    memoryRssBytes: memory.get("anon") ?? 0,
    memoryCacheBytes: memory.get("file") ?? 0,
    memoryLimitBytes:
      limitText === undefined || limitText === "" || limitText === "max" ? undefined : Number(limitText),
    oomKills: parseFlatKeyed(texts["memory.events"]).get("oom_kill") ?? 0,
    pageFaults: memory.get("pgfault") ?? 0,
    majorPageFaults: memory.get("pgmajfault") ?? 0,
    processes: parseNumber(texts["pids.current"]),
  };
}

/** Lines of `name number`. */
function parseFlatKeyed(text: string | undefined): ReadonlyMap<string, number> {
  const values = new Map<string, number>();
  for (const line of (text ?? "").split("\n")) {
    const [name, value] = line.split(" ");
    if (name && value !== undefined) values.set(name, Number(value) || 0);
  }
  return values;
}

function parseNumber(text: string | undefined): number {
  return Number((text ?? "").trim()) || 0;
}
