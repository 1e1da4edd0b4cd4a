/** GET: one object, a list, or a watch. */
import { escapeFieldValue } from "#pkg/api/fields.ts";
import type { ApiHandler, ApiRequest, RequestContext } from "../http/api-request.ts";
import type { RequestInfo } from "../http/request-info.ts";
import type { GetOptions } from "../registry/resource-registry.ts";
import { chooseForm, chooseWatchForm } from "./forms/choose-form.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import { type ListQuery, parseListQuery, toListOptions, toWatchOptions } from "./query/list-query.ts";
import { readText } from "./query/read-query.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import { streamWatch } from "./stream-watch.ts";

/** Also serves GET of subresources that show the object itself: status, ephemeralcontainers. */
export function getHandler(endpoint: ResourceEndpoint): ApiHandler {
  return async (request, context) => {
    const form = await chooseForm(endpoint, request);
    const options: GetOptions = { resourceVersion: readText(request.query, "resourceVersion") };
    const entry = await endpoint.registry.get(context.info.namespace, context.info.name, options);
    return { status: 200, headers: { "content-type": form.contentType }, body: form.entry(entry) };
  };
}

export function listHandler(endpoint: ResourceEndpoint): ApiHandler {
  return async (request, context) => {
    const form = await chooseForm(endpoint, request);
    const options = toListOptions(parseListQuery(request.query), context.info.namespace);
    const result = await endpoint.registry.list(options, request.signal);
    return { status: 200, headers: { "content-type": form.contentType }, body: form.list(result.entries, result) };
  };
}

export function watchHandler(endpoint: ResourceEndpoint, ports: HandlerPorts): ApiHandler {
  const { group, version, plural } = endpoint.resource;
  const counters = ports.metrics.watchChildren(group, version, plural);
  return async (request: ApiRequest, context: RequestContext) => {
    const form = await chooseWatchForm(endpoint, request);
    const query = onlyNamed(parseListQuery(request.query), context.info);
    const options = toWatchOptions(query, context.info.namespace, Math.max(query.timeoutSeconds ?? 0, 0));
    const subscription = await endpoint.registry.watch(options, request.signal);
    return {
      status: 200,
      headers: { "content-type": form.watchContentType },
      body: streamWatch(subscription, form, counters, ports.log),
    };
  };
}

/** The old form of a watch, `/api/v1/watch/namespaces/x/pods/name`, names its object in the path. */
function onlyNamed(query: ListQuery, { parts }: RequestInfo): ListQuery {
  const [, name = ""] = parts;
  if (name === "") return query;
  const fieldSelector = [query.fieldSelector, `metadata.name=${escapeFieldValue(name)}`].filter((one) => one !== "");
  return { ...query, fieldSelector: fieldSelector.join(",") };
}
