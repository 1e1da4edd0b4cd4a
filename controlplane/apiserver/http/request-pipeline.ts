/**
 * From a request to its answer: what every request goes through whatever it is about. The filters run in upstream's order
 * (k8s.io/apiserver DefaultBuildHandlerChain); the result never rejects.
 */
import type { Clock } from "#pkg/system/clock.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";
import { anonymousUser } from "../authn/user-names.ts";
import type { ApiFilter, ApiHandler, ApiRequest, ApiResponse, RequestContext } from "./api-request.ts";
import type { RequestMetrics } from "./metrics/request-metrics.ts";
import { parseRequestInfo } from "./parse-request-info.ts";
import type { RequestInfo } from "./request-info.ts";
import { isStreamBody } from "./response-writer.ts";
import { type StatusEncoder, statusOfError, statusResponse } from "./status-response.ts";
import { warningHeaders } from "./warning-headers.ts";

export interface RequestPipelineOptions {
  /** Outermost first. */
  readonly filters: readonly ApiFilter[];
  readonly handler: ApiHandler;
  readonly encodeStatus: StatusEncoder;
  readonly metrics: RequestMetrics;
}

export interface PipelinePorts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export function createRequestPipeline(
  options: RequestPipelineOptions,
  ports: PipelinePorts,
): (request: ApiRequest) => Promise<ApiResponse> {
  const { metrics, encodeStatus } = options;
  const handler = composeFilters(options.filters, options.handler);
  const toResponse = (error: unknown, request: ApiRequest): ApiResponse => {
    const { status } = statusOfError(error, ports.log, `${request.method} ${request.path}`);
    return statusResponse(status, request.headers["accept"], encodeStatus);
  };
  return async (request) => {
    const startedAt = ports.clock.monotonic();
    const context = openContext(request, ports);
    const children = metrics.childrenFor(request, context.info);
    let response: ApiResponse;
    try {
      response = context.error !== undefined ? toResponse(context.error, request) : await handler(request, context);
    } catch (error) {
      response = toResponse(error, request);
    }
    response = withCommonHeaders(response, context);
    if (isStreamBody(response.body) && children.longRunning) {
      response = countedWhileRunning(response, children.longRunning);
    }
    metrics.answered(children, request, context.info, response, (ports.clock.monotonic() - startedAt) / 1000);
    return response;
  };
}

/** The first filter is the outermost. */
export function composeFilters(filters: readonly ApiFilter[], handler: ApiHandler): ApiHandler {
  return filters.reduceRight((next, filter) => filter(next), handler);
}

interface OpenContext extends RequestContext {
  /** The request could not even be understood. */
  readonly error?: unknown;
}

function openContext(request: ApiRequest, ports: PipelinePorts): OpenContext {
  const asked = request.headers["audit-id"];
  const auditId = asked !== undefined && /^[\x21-\x7e]{1,64}$/.test(asked) ? asked : ports.random.uuid();
  const warnings = new Set<string>();
  try {
    const info = parseRequestInfo(request.method, request.path, () => request.query);
    return { info, user: anonymousUser, warnings, responseHeaders: {}, auditId };
  } catch (error) {
    return { info: unknownInfo(request), user: anonymousUser, warnings, responseHeaders: {}, auditId, error };
  }
}

function unknownInfo(request: ApiRequest): RequestInfo {
  return parseRequestInfo(request.method, "/", () => request.query);
}

function withCommonHeaders(response: ApiResponse, context: RequestContext): ApiResponse {
  const headers: Record<string, string | readonly string[]> = {
    "audit-id": context.auditId,
    "cache-control": "no-cache, private",
    ...context.responseHeaders,
    ...response.headers,
  };
  if (context.warnings.size > 0) headers["warning"] = warningHeaders(context.warnings);
  return { status: response.status, headers, body: response.body };
}

function countedWhileRunning(response: ApiResponse, gauge: { add(amount?: number): void }): ApiResponse {
  const { body } = response;
  if (!isStreamBody(body)) return response;
  return {
    ...response,
    body: {
      async stream(sink, signal) {
        gauge.add(1);
        try {
          await body.stream(sink, signal);
        } finally {
          gauge.add(-1);
        }
      },
    },
  };
}
