/** Routes every request: resources through the table, the rest by path. */

import { StatusError } from "#pkg/api/status.ts";
import type { DiscoveryHandler } from "../discovery/discovery-handler.ts";
import type { ServerVersion } from "../discovery/server-version.ts";
import type { ApiHandler, ApiRequest, ApiResponse } from "../http/api-request.ts";
import type { MetricsPage } from "../http/metrics/metrics-page.ts";
import type { HealthHandler } from "./health.ts";
import { type ResourceRouter, unknownResource } from "./resource-router.ts";

export interface RootParts {
  readonly router: ResourceRouter;
  readonly discovery: DiscoveryHandler;
  readonly health: HealthHandler;
  readonly metrics: MetricsPage;
  readonly version: ServerVersion;
  /** Further paths outside the resource grammar: OpenAPI, token keys. Undefined: not theirs. */
  readonly others: readonly ((path: string) => ApiHandler | undefined)[];
}

export function rootHandler(parts: RootParts): ApiHandler {
  const { router, discovery, health, metrics } = parts;
  const version: ApiResponse = {
    status: 200,
    headers: { "content-type": "application/json" },
    body: `${JSON.stringify(parts.version, null, 2)}\n`,
  };
  const paths: Readonly<Record<string, ApiHandler>> = {
    "/version": async () => version,
    "/metrics": () => metrics.respond(),
    "/": async () => listPaths(router),
  };
  return (request, context) => {
    const { info } = context;
    if (info.isResourceRequest) return router.route(info)(request, context);
    assertReading(request);
    const path = info.path.length > 1 ? info.path.replace(/\/+$/, "") : info.path;
    const own = Object.hasOwn(paths, path) ? paths[path] : undefined;
    const handler = own ?? discovery.find(path) ?? health.find(path) ?? findOther(parts, path);
    if (!handler) throw unknownResource();
    return handler(request, context);
  };
}

function findOther(parts: RootParts, path: string): ApiHandler | undefined {
  for (const find of parts.others) {
    const handler = find(path);
    if (handler) return handler;
  }
  return undefined;
}

function assertReading({ method }: ApiRequest): void {
  if (method === "GET" || method === "HEAD") return;
  const message = "the server does not allow this method on the requested resource";
  throw new StatusError({ code: 405, reason: "MethodNotAllowed", message, details: {} });
}

function listPaths(router: ResourceRouter): ApiResponse {
  const groups = router.groups();
  const named = groups.filter((one) => one.group !== "");
  const paths = [
    ...["/api", "/apis", "/healthz", "/livez", "/metrics", "/openapi/v2", "/openapi/v3", "/readyz", "/version"],
    ...groups.flatMap((one) => (one.group === "" ? one.versions.map(({ version }) => `/api/${version}`) : [])),
    ...named.flatMap(({ group, versions }) => [
      `/apis/${group}`,
      ...versions.map(({ version }) => `/apis/${group}/${version}`),
    ]),
  ].sort();
  return {
    status: 200,
    headers: { "content-type": "application/json" },
    body: `${JSON.stringify({ paths }, null, 2)}\n`,
  };
}
