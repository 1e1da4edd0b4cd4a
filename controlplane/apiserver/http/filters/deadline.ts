/**
 * Gives every request that is not long-running a deadline: 60 s, or less when the client says so with `?timeout=`. When
 * it passes, the request's signal fires and the client gets 504, whatever the handler is doing.
 */

import { parseDurationMs } from "#pkg/api/duration.ts";
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { ApiFilter, ApiRequest } from "../api-request.ts";
import { isLongRunning } from "../long-running.ts";

export const defaultRequestTimeoutMs = 60_000;

export function deadlineFilter(clock: Clock, limitMs = defaultRequestTimeoutMs): ApiFilter {
  return (next) => (request, context) => {
    if (isLongRunning(context.info)) return next(request, context);
    const timeoutMs = requestTimeoutMs(request, limitMs);
    return new Promise((resolve, reject) => {
      const timer = clock.setTimer(timeoutMs, () => {
        const error = StatusError.timeout("request did not complete within the allotted timeout", 0);
        request.abort(error);
        reject(error);
      });
      next(request, context).then(
        (response) => {
          timer.cancel();
          resolve(response);
        },
        (error: unknown) => {
          timer.cancel();
          reject(error);
        },
      );
    });
  };
}

/** Throws StatusError 400 for a timeout that is no duration. */
export function requestTimeoutMs(request: Pick<ApiRequest, "query">, limitMs: number): number {
  const asked = request.query.get("timeout");
  if (asked === null || asked === "") return limitMs;
  const wantedMs = parseDurationMs(asked);
  if (wantedMs === undefined) {
    throw StatusError.badRequest(
      `invalid timeout specified in the request URL - time: invalid duration ${quote(asked)}`,
    );
  }
  return wantedMs > 0 ? Math.min(wantedMs, limitMs) : limitMs;
}

function quote(text: string): string {
  return JSON.stringify(text.slice(0, 100));
}
