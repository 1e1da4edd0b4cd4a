/** Cuts events into parts of at most about `bytes`, at least one event each. Pure. */
import type { KeyValue, WatchEvent } from "../store.ts";

/** What a pair takes on the wire besides its key and value: an upper bound. */
const pairOverheadBytes = 64;

export function splitEvents(events: readonly WatchEvent[], bytes: number): readonly (readonly WatchEvent[])[] {
  const parts: WatchEvent[][] = [];
  let part: WatchEvent[] = [];
  let size = 0;
  for (const event of events) {
    const eventBytes = pairBytes(event.kv) + (event.prevKv === undefined ? 0 : pairBytes(event.prevKv));
    if (part.length > 0 && size + eventBytes > bytes) {
      parts.push(part);
      part = [];
      size = 0;
    }
    part.push(event);
    size += eventBytes;
  }
  if (part.length > 0) parts.push(part);
  return parts;
}

function pairBytes(kv: KeyValue): number {
  return kv.key.length + kv.value.length + pairOverheadBytes;
}
