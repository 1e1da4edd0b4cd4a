/**
 * Sends a watch: what the registry delivers, written in the client's form. All that is ready goes out in one piece; while
 * the client does not keep up nothing more is taken, so that its events pile up in the registry, which ends a watch that
 * falls too far behind.
 */
import { StatusError } from "#pkg/api/status.ts";
import { isAborted } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ResponseSink, StreamBody } from "../http/api-request.ts";
import { inChunks } from "../http/chunked-body.ts";
import { statusOfError } from "../http/status-response.ts";
import type { WatchItem, WatchSubscription } from "../registry/resource-registry.ts";
import type { ObjectForm } from "./forms/object-form.ts";

export interface WatchCounters {
  readonly events: { add(amount?: number): void };
  readonly sizes: { observe(value: number): void };
}

export function streamWatch(
  subscription: WatchSubscription,
  form: ObjectForm,
  counters: WatchCounters,
  log: Logger,
): StreamBody {
  const encode = (item: WatchItem): Uint8Array => {
    const bytes = item.type === "ERROR" ? form.error(statusOf(item.error, log)) : form.event(item);
    counters.events.add();
    counters.sizes.observe(bytes.length);
    return bytes;
  };
  return {
    async stream(sink, signal) {
      using items = subscription;
      for (;;) {
        const ready = await items.next();
        if (!ready || signal.aborted) return;
        if (!write(ready, encode, sink)) await sink.drained();
      }
    },
  };
}

/** A write to the connection costs more than a copy: events that are ready together go out together. */
function write(items: readonly WatchItem[], encode: (item: WatchItem) => Uint8Array, sink: ResponseSink): boolean {
  const [first] = items;
  if (items.length === 1 && first) return sink.write(encode(first));
  let keepsUp = true;
  for (const chunk of inChunks(items.values().map(encode))) keepsUp = sink.write(chunk);
  return keepsUp;
}

function statusOf(error: Error, log: Logger): StatusError["status"] {
  if (isAborted(error)) return StatusError.unavailable("the server is stopping").status;
  return statusOfError(error, log, "watch").status;
}
