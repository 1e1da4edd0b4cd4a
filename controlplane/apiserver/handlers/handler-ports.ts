/** What the handlers of resources are given. */
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Admission } from "../admission/admission.ts";
import type { Authorizer } from "../authz/authorizer.ts";
import type { RequestMetrics } from "../http/metrics/request-metrics.ts";

export interface HandlerPorts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly admission: Admission;
  readonly authorizer: Authorizer;
  readonly metrics: Pick<RequestMetrics, "watchChildren">;
}

/** Largest request body: upstream's limit. */
export const maxBodyBytes = 3 * 1024 * 1024;
