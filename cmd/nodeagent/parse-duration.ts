/** Durations as configuration files write them: "10s", "1m30s", "500ms", "0". Pure. */
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, us: 0.001, ns: 0.000_001 };

/** Milliseconds; undefined for text that is no duration. */
export function parseDurationMs(text: string): number | undefined {
  if (text === "0") return 0;
  if (!/^(\d+(\.\d+)?(ms|us|ns|s|m|h))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, , unit] of text.matchAll(/(\d+(\.\d+)?)(ms|us|ns|s|m|h)/g))
    total += Number(amount) * (unitsMs[unit ?? ""] ?? 0);
  return total;
}
