/**
 * Bounds how many requests are worked on at once: 400 that read and 200 that write, shared fairly between users. Those
 * over the bound wait a while and are then refused with 429 and Retry-After. Administrators, health checks and
 * long-running requests are exempt.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { ApiFilter, RequestContext, UserInfo } from "../api-request.ts";
import { FairSeats } from "../fair-seats.ts";
import type { FlowDirectory } from "../flow-directory.ts";
import { isLongRunning } from "../long-running.ts";

export interface InFlightLimits {
  readonly reading: number;
  readonly mutating: number;
  readonly queuePerUser: number;
  readonly maxWaitMs: number;
}

export const defaultInFlightLimits: InFlightLimits = {
  reading: 400,
  mutating: 200,
  queuePerUser: 1000,
  maxWaitMs: 15_000,
};

const readingVerbs: ReadonlySet<string> = new Set(["get", "list", "watch", "head", "options"]);
const exemptPaths = /^\/(healthz|livez|readyz)(\/|$)/;

export class InFlight {
  readonly reading: FairSeats;
  readonly mutating: FairSeats;
  readonly #limits: InFlightLimits;
  readonly #clock: Clock;
  readonly #flows: Pick<FlowDirectory, "flowOf"> | undefined;
  #refused = 0;

  /** `flows` tells clients which FlowSchema they fell under, and exempts those whose level is exempt. */
  constructor(
    clock: Clock,
    limits: InFlightLimits = defaultInFlightLimits,
    flows?: Pick<FlowDirectory, "flowOf"> | undefined,
  ) {
    this.#clock = clock;
    this.#flows = flows;
    this.#limits = limits;
    this.reading = new FairSeats({ seats: limits.reading, queuePerFlow: limits.queuePerUser });
    this.mutating = new FairSeats({ seats: limits.mutating, queuePerFlow: limits.queuePerUser });
  }

  /** Requests refused since start. */
  get refused(): number {
    return this.#refused;
  }

  readonly filter: ApiFilter = (next) => async (request, context) => {
    const flow = this.#flows?.flowOf(context);
    if (flow) {
      context.responseHeaders["x-kubernetes-pf-flowschema-uid"] = flow.schemaUid;
      context.responseHeaders["x-kubernetes-pf-prioritylevel-uid"] = flow.levelUid;
    }
    if (flow?.isExempt || isExempt(context)) return next(request, context);
    const seats = readingVerbs.has(context.info.verb) ? this.reading : this.mutating;
    const user = context.user.name;
    if (!seats.tryTake(user)) await this.#wait(seats, user, request.signal);
    try {
      return await next(request, context);
    } finally {
      seats.release(user);
    }
  };

  #wait(seats: FairSeats, user: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const place = seats.enqueue(user, () => {
        done();
        resolve();
      });
      const refuse = (): void => {
        done();
        place?.leave();
        this.#refused++;
        reject(
          StatusError.tooManyRequests(
            "the server has received too many requests and has asked us to try again later",
            1,
          ),
        );
      };
      const timer = this.#clock.setTimer(this.#limits.maxWaitMs, refuse);
      const done = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", refuse);
      };
      signal.addEventListener("abort", refuse, { once: true });
      if (!place) refuse();
    });
  }
}

function isExempt(context: RequestContext): boolean {
  const { info, user } = context;
  return isLongRunning(info) || isAdministrator(user) || (!info.isResourceRequest && exemptPaths.test(info.path));
}

function isAdministrator(user: UserInfo): boolean {
  return user.groups.includes("system:masters");
}
