/**
 * What the server counts about requests, under upstream's names. One request costs one map lookup and a few additions.
 * Source of names, labels and buckets: k8s.io/apiserver/pkg/endpoints/metrics.
 */
import type { ApiRequest, ApiResponse, UserInfo } from "../api-request.ts";
import type { InFlight } from "../filters/max-in-flight.ts";
import { isLongRunning } from "../long-running.ts";
import type { RequestInfo } from "../request-info.ts";
import {
  type Buckets,
  CounterFamily,
  computedFamily,
  GaugeFamily,
  HistogramFamily,
  type MetricFamily,
  type Sample,
  type Value,
} from "./metric-families.ts";

const durationBounds = [
  0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
];
const sizeBounds = [1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
const eventSizeBounds = [1024, 2048, 4096, 8192, 16_384, 32_768, 65_536, 131_072];
const aboutRequest = ["verb", "group", "version", "resource", "subresource", "scope", "component"];

export interface RequestChildren {
  readonly duration: Buckets;
  readonly sizes: Buckets;
  readonly longRunning: Value | undefined;
  readonly counts: Map<number, Value>;
}

export class RequestMetrics {
  readonly #total = new CounterFamily(
    "apiserver_request_total",
    "Requests by verb, dry run, group, version, resource, scope, component and HTTP response code.",
    ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component", "code"],
  );
  readonly #duration = new HistogramFamily(
    "apiserver_request_duration_seconds",
    "Time from the arrival of a request to its answer, in seconds.",
    ["verb", "dry_run", "group", "version", "resource", "subresource", "scope", "component"],
    durationBounds,
  );
  readonly #sizes = new HistogramFamily(
    "apiserver_response_sizes",
    "Size of answers, in bytes.",
    aboutRequest,
    sizeBounds,
  );
  readonly #longRunning = new GaugeFamily(
    "apiserver_longrunning_requests",
    "Requests without a deadline that are under way: watches, logs, exec.",
    aboutRequest,
  );
  readonly #watchEvents = new CounterFamily("apiserver_watch_events_total", "Events sent to watchers.", [
    "group",
    "version",
    "resource",
  ]);
  readonly #watchSizes = new HistogramFamily(
    "apiserver_watch_events_sizes",
    "Size of events sent to watchers, in bytes.",
    ["group", "version", "resource"],
    eventSizeBounds,
  );
  readonly #authenticated = new CounterFamily(
    "authenticated_user_requests",
    "Authenticated requests by user name; names but those of the system are counted as other.",
    ["username"],
  );
  readonly #authentication = new CounterFamily("authentication_attempts", "Attempts to authenticate, by result.", [
    "result",
  ]);
  readonly #authorization = new CounterFamily("apiserver_authorization_decisions_total", "Decisions on permission.", [
    "type",
    "name",
    "decision",
  ]);
  readonly #terminations = new CounterFamily(
    "apiserver_request_terminations_total",
    "Requests refused to protect the server.",
    ["component", "code"],
  );
  readonly #handshakeErrors = new CounterFamily(
    "apiserver_tls_handshake_errors_total",
    "TLS handshakes that failed.",
    [],
  );
  readonly #children = new Map<string, RequestChildren>();
  readonly #inFlight: InFlight;

  constructor(inFlight: InFlight) {
    this.#inFlight = inFlight;
    this.#handshakeErrors.with();
  }

  families(): readonly MetricFamily[] {
    const { reading, mutating } = this.#inFlight;
    return [
      this.#total,
      this.#duration,
      this.#sizes,
      this.#longRunning,
      this.#watchEvents,
      this.#watchSizes,
      this.#authenticated,
      this.#authentication,
      this.#authorization,
      this.#terminations,
      this.#handshakeErrors,
      computedFamily(
        "histogram",
        "apiserver_request_sli_duration_seconds",
        "Time for requests that an objective on latency is about: all but the long-running ones.",
        () => withoutLongRunning(this.#duration.collect()),
      ),
      computedFamily("gauge", "apiserver_current_inflight_requests", "Requests being worked on.", () => [
        { labels: { request_kind: "readOnly" }, value: reading.held },
        { labels: { request_kind: "mutating" }, value: mutating.held },
      ]),
      computedFamily("gauge", "apiserver_current_inqueue_requests", "Requests waiting for a place.", () => [
        { labels: { request_kind: "readOnly" }, value: reading.waiting },
        { labels: { request_kind: "mutating" }, value: mutating.waiting },
      ]),
      computedFamily("counter", "apiserver_flowcontrol_rejected_requests_total", "Requests refused with 429.", () => [
        { labels: { reason: "queue-full-or-time-out" }, value: this.#inFlight.refused },
      ]),
    ];
  }

  /** The children for requests of this kind; ask once per request. */
  childrenFor(request: Pick<ApiRequest, "method" | "query">, info: RequestInfo): RequestChildren {
    const verb = verbLabel(request, info);
    const scope = scopeOf(info);
    const dryRun = request.method === "GET" ? "" : (request.query.get("dryRun") ?? "");
    const key = `${verb} ${info.apiGroup} ${info.apiVersion} ${info.resource} ${info.subresource} ${scope} ${dryRun}`;
    let children = this.#children.get(key);
    if (!children) {
      const known = this.#children.size < maxSeries;
      const about = known
        ? [verb, info.apiGroup, info.apiVersion, info.resource, info.subresource, scope, "apiserver"]
        : [verb, "", "", "", "", scope, "apiserver"];
      children = {
        duration: this.#duration.with(verb, dryRun === "All" ? "All" : "", ...about.slice(1)),
        sizes: this.#sizes.with(...about),
        longRunning: isLongRunning(info) ? this.#longRunning.with(...about) : undefined,
        counts: new Map(),
      };
      if (known) this.#children.set(key, children);
    }
    return children;
  }

  /** Once per request, when its answer is known. Duration of long-running requests is not looked at by upstream either. */
  answered(
    children: RequestChildren,
    request: Pick<ApiRequest, "method" | "query">,
    info: RequestInfo,
    response: ApiResponse,
    seconds: number,
  ): void {
    const code = response.status;
    let count = children.counts.get(code);
    if (!count) {
      const dryRun = request.method !== "GET" && request.query.get("dryRun") === "All" ? "All" : "";
      const about = [info.apiGroup, info.apiVersion, info.resource, info.subresource, scopeOf(info), "apiserver"];
      count = this.#total.with(verbLabel(request, info), dryRun, ...about, String(code));
      children.counts.set(code, count);
    }
    count.add();
    children.duration.observe(seconds);
    const { body } = response;
    if (typeof body === "string" || body instanceof Uint8Array) children.sizes.observe(body.length);
    if (code === 429 || code === 504) this.#terminations.with("apiserver", String(code)).add();
  }

  watchChildren(group: string, version: string, resource: string): { readonly events: Value; readonly sizes: Buckets } {
    return {
      events: this.#watchEvents.with(group, version, resource),
      sizes: this.#watchSizes.with(group, version, resource),
    };
  }

  readonly authentication = {
    succeeded: (user: UserInfo): void => {
      this.#authentication.with("success").add();
      this.#authenticated.with(user.name.startsWith("system:") ? user.name : "other").add();
    },
    failed: (): void => this.#authentication.with("failure").add(),
  };

  authorized(decision: string): void {
    this.#authorization.with("RBAC", "default", decision).add();
  }

  handshakeFailed(): void {
    this.#handshakeErrors.with().add();
  }
}

function* withoutLongRunning(samples: Iterable<Sample>): Iterable<Sample> {
  for (const sample of samples) {
    const { verb, subresource } = sample.labels;
    if (
      !isLongRunning({ verb: String(verb).toLowerCase(), subresource: String(subresource), isResourceRequest: true })
    ) {
      yield sample;
    }
  }
}

/** Clients choose paths: past so many kinds of request, those not seen before are counted without their names. */
const maxSeries = 5000;

function verbLabel(request: Pick<ApiRequest, "method" | "query">, info: RequestInfo): string {
  if (!info.isResourceRequest) return request.method.length <= 7 ? request.method : "other";
  switch (info.verb) {
    case "create":
      return "POST";
    case "update":
      return "PUT";
    case "":
      return "other";
    default:
      return info.verb.toUpperCase();
  }
}

function scopeOf(info: RequestInfo): string {
  if (info.name !== "" || info.verb === "create") return "resource";
  if (info.namespace !== "") return "namespace";
  return info.isResourceRequest ? "cluster" : "";
}
