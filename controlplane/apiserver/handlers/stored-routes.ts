/** The handlers of a stored resource: what its verbs and subresources in the resource table ask for. */
import type { Resource, Subresource } from "#pkg/api/schema/resources.ts";
import type { ApiHandler } from "../http/api-request.ts";
import { deleteCollectionHandler, deleteHandler } from "./delete-handlers.ts";
import { withDeprecation } from "./deprecation.ts";
import type { HandlerPorts } from "./handler-ports.ts";
import { patchHandler } from "./patch-handler.ts";
import { getHandler, listHandler, watchHandler } from "./read-handlers.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";
import type { ServedResource, VerbHandlers } from "./resource-router.ts";
import { ScaleHandlers } from "./subresources/scale-handlers.ts";
import { createHandler, updateHandler } from "./write-handlers.ts";

/** Handlers of subresources that are special, by name, e.g. "eviction". */
export type SpecialSubresources = Readonly<Partial<Record<string, VerbHandlers>>>;

export function storedRoutes(
  endpoint: ResourceEndpoint,
  ports: HandlerPorts,
  special: SpecialSubresources = {},
): ServedResource {
  const { resource } = endpoint;
  const handlers: Record<string, VerbHandlers> = { "": withDeprecation(resource, mainHandlers(endpoint, ports)) };
  for (const sub of resource.subresources) {
    handlers[sub.name] = special[sub.name] ?? subresourceHandlers(endpoint, sub, ports);
  }
  return { resource, handlers };
}

function mainHandlers(endpoint: ResourceEndpoint, ports: HandlerPorts): VerbHandlers {
  const all: Record<string, () => ApiHandler> = {
    create: () => createHandler(endpoint, ports),
    get: () => getHandler(endpoint),
    list: () => listHandler(endpoint),
    watch: () => watchHandler(endpoint, ports),
    update: () => updateHandler(endpoint, "", ports),
    patch: () => patchHandler(endpoint, "", ports),
    delete: () => deleteHandler(endpoint, ports),
    deletecollection: () => deleteCollectionHandler(endpoint, ports),
  };
  return pick(all, endpoint.resource);
}

function subresourceHandlers(endpoint: ResourceEndpoint, sub: Subresource, ports: HandlerPorts): VerbHandlers {
  if (sub.kind.kind === "Scale") {
    const scale = new ScaleHandlers(endpoint, ports);
    return pick({ get: () => scale.get, update: () => scale.update, patch: () => scale.patch }, sub);
  }
  const all: Record<string, () => ApiHandler> = {
    get: () => getHandler(endpoint),
    update: () => updateHandler(endpoint, sub.name, ports),
    patch: () => patchHandler(endpoint, sub.name, ports),
  };
  return pick(all, sub);
}

function pick(
  all: Readonly<Record<string, () => ApiHandler>>,
  { verbs }: Pick<Resource | Subresource, "verbs">,
): VerbHandlers {
  return Object.fromEntries(verbs.flatMap((verb) => (all[verb] ? [[verb, all[verb]()]] : [])));
}
