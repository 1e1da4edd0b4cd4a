/**
 * From a request's path to its handler. Resources come and go while the server runs (custom ones), so routes are looked up
 * in a table that discovery is made of, too.
 */
import type { Resource } from "#pkg/api/schema/resources.ts";
import { StatusError } from "#pkg/api/status.ts";
import { groupServed, type ServedGroup } from "../discovery/discovery-documents.ts";
import type { DiscoverySource } from "../discovery/discovery-handler.ts";
import type { ApiHandler } from "../http/api-request.ts";
import type { RequestInfo } from "../http/request-info.ts";

/** By verb as in RequestInfo, lower case. */
export type VerbHandlers = Readonly<Partial<Record<string, ApiHandler>>>;

export interface ServedResource {
  readonly resource: Resource;
  /** By subresource; "" is the resource itself. */
  readonly handlers: Readonly<Record<string, VerbHandlers>>;
}

/** Subresources that take whatever follows them in the path. */
const openEnded: ReadonlySet<string> = new Set(["proxy"]);
/** Verbs that make sense over all namespaces. */
const acrossNamespaces: ReadonlySet<string> = new Set(["list", "watch"]);

export class ResourceRouter implements DiscoverySource {
  readonly #served = new Map<string, ServedResource>();
  #generation = 0;
  #groups: readonly ServedGroup[] | undefined;

  get generation(): number {
    return this.#generation;
  }

  /** Serves a resource from now on, in place of one with the same group, version and name. */
  add(served: ServedResource): void {
    const { group, version, plural } = served.resource;
    this.#served.set(routeKey(group, version, plural), served);
    this.#changed();
  }

  remove(group: string, version: string, plural: string): void {
    if (this.#served.delete(routeKey(group, version, plural))) this.#changed();
  }

  groups(): readonly ServedGroup[] {
    this.#groups ??= groupServed([...this.#served.values()].map((one) => one.resource));
    return this.#groups;
  }

  resources(): readonly Resource[] {
    return [...this.#served.values()].map((one) => one.resource);
  }

  /** Throws StatusError 404 or 405. */
  route(info: RequestInfo): ApiHandler {
    const served = this.#served.get(routeKey(info.apiGroup, info.apiVersion, info.resource));
    const handlers = served?.handlers[info.subresource];
    if (!served || !handlers || !fitsPath(info, served.resource)) throw unknownResource();
    const handler = handlers[info.verb];
    const { group, plural, namespaced } = served.resource;
    const everywhere = namespaced && info.namespace === "" && !acrossNamespaces.has(info.verb);
    if (!handler || everywhere || !fitsVerb(info)) {
      throw StatusError.methodNotAllowed({ group, resource: plural }, info.verb || "method");
    }
    return namespaced || info.namespace === "" ? handler : withoutNamespace(handler);
  }

  #changed(): void {
    this.#generation++;
    this.#groups = undefined;
  }
}

/** 404 for a path that names nothing served; clients print this text. */
export function unknownResource(): StatusError {
  return new StatusError({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });
}

/** For authorization a namespace is in itself; as an object it is in none. */
function withoutNamespace(handler: ApiHandler): ApiHandler {
  return (request, context) => handler(request, { ...context, info: { ...context.info, namespace: "" } });
}

/** Objects are replaced by name and created without one. */
function fitsVerb({ verb, name, subresource }: RequestInfo): boolean {
  if (verb === "update" || verb === "patch") return name !== "";
  return verb !== "create" || subresource !== "" || name === "";
}

function fitsPath(info: RequestInfo, resource: Resource): boolean {
  const { parts } = info;
  if (parts.length > 3 && !openEnded.has(info.subresource)) return false;
  if (parts.some((part, at) => part === "" && at < 3)) return false;
  if (resource.namespaced) return true;
  // Only a namespace itself is at /namespaces/x; other cluster-wide resources are not below one.
  return info.namespace === "" || (resource.plural === "namespaces" && resource.group === "");
}

function routeKey(group: string, version: string, plural: string): string {
  return `${group}/${version}/${plural}`;
}
