/**
 * Sends a watch: what the registry delivers, written in the client's form. All that is ready goes out in one piece; while
 * the client does not keep up nothing more is taken, so that its events pile up in the registry, which ends a watch that
 * falls too far behind.
 */
import { StatusError } from "#pkg/api/status.ts";
import { isAborted } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { ResponseSink, StreamBody } from "../http/api-request.ts";
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
  const writeItem = (item: WatchItem, sink: ResponseSink): boolean => {
    const bytes = item.type === "ERROR" ? form.error(statusOf(item.error, log)) : form.event(item);
    counters.events.add();
    counters.sizes.observe(bytes.length);
    return sink.write(bytes);
  };
  return {
    async stream(sink, signal) {
      using items = subscription;
      for (;;) {
        const ready = await items.next();
        if (!ready || signal.aborted) return;
        let keepsUp = true;
        for (const item of ready) keepsUp = writeItem(item, sink);
        if (!keepsUp) await sink.drained();
      }
    },
  };
}

function statusOf(error: Error, log: Logger): StatusError["status"] {
  if (isAborted(error)) return StatusError.unavailable("the server is stopping").status;
  return statusOfError(error, log, "watch").status;
}
