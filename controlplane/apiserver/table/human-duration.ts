/**
 * Spans of time as tables show them: two or three figures, such as 95s, 2m3s, 5h, 3d4h.
 * Source of the steps: k8s.io/apimachinery/pkg/util/duration HumanDuration.
 */

const [minute, hour, day, year] = [60, 3600, 86_400, 365 * 86_400];

/** Up to two seconds in the future count as now, since clocks differ; more is "<invalid>". */
export function formatDuration(ms: number): string {
  const seconds = Math.trunc(ms / 1000);
  if (seconds < -1) return "<invalid>";
  if (seconds < 0) return "0s";
  if (seconds < 2 * minute) return `${seconds}s`;
  if (seconds < 10 * minute) return two(seconds, minute, "m", 1, "s");
  if (seconds < 3 * hour) return `${Math.floor(seconds / minute)}m`;
  if (seconds < 8 * hour) return two(seconds, hour, "h", minute, "m");
  if (seconds < 2 * day) return `${Math.floor(seconds / hour)}h`;
  if (seconds < 8 * day) return two(seconds, day, "d", hour, "h");
  if (seconds < 2 * year) return `${Math.floor(seconds / day)}d`;
  if (seconds < 8 * year) return two(seconds, year, "y", day, "d");
  return `${Math.floor(seconds / year)}y`;
}

/** Whole units and what is left in the smaller unit, which is left out when zero. */
function two(seconds: number, unit: number, name: string, smallUnit: number, smallName: string): string {
  const small = Math.floor((seconds % unit) / smallUnit);
  return `${Math.floor(seconds / unit)}${name}${small === 0 ? "" : `${small}${smallName}`}`;
}

/** The time since an RFC 3339 time; "<unknown>" when there is none. */
export function formatAge(time: string | undefined | null, nowMs: number): string {
  const thenMs = time ? Date.parse(time) : Number.NaN;
  return Number.isNaN(thenMs) ? "<unknown>" : formatDuration(nowMs - thenMs);
}
