/** Durations as this program's configuration writes them: "30s", "1h0m0s", "500ms", "0". Never negative. Pure. */
import { parseDurationMs as parseAnyDurationMs } from "#pkg/api/duration.ts";

const configuredForm = /^(0|(\d+(\.\d+)?(ms|s|m|h))+)$/;

/** Milliseconds; undefined for text that is no such duration. */
export function parseDurationMs(text: string): number | undefined {
  return configuredForm.test(text) ? parseAnyDurationMs(text) : undefined;
}
