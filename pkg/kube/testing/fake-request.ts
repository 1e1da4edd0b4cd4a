/** What a request to the fake API server asks for, read from its method, path and query. */
import { parseFieldSelector } from "#pkg/api/fields.ts";
import { parseLabelSelector } from "#pkg/api/labels.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { type ResourceRef, resourceRef, resources } from "../resources.ts";
import type { TransportRequest } from "../transport.ts";

export type Verb = "get" | "list" | "watch" | "create" | "update" | "patch" | "delete" | "deletecollection";

export interface FakeRequest {
  readonly verb: Verb;
  readonly ref: ResourceRef;
  readonly namespace: string;
  /** "" for collections. */
  readonly name: string;
  /** "" for the object itself. */
  readonly subresource: string;
  readonly query: URLSearchParams;
  readonly contentType: string;
  readonly body: unknown;
  readonly signal: AbortSignal | undefined;
}

const knownResources: readonly ResourceRef[] = Object.values(resources);

/** Undefined for paths that name no resource. Custom resources are taken as they come. */
export function parseFakeRequest(request: TransportRequest): FakeRequest | undefined {
  const [path = "", search = ""] = request.path.split("?", 2);
  const match = /^\/(?:api\/(v1)|apis\/([^/]+)\/([^/]+))\/(.+)$/.exec(path);
  if (!match) return undefined;
  const [, coreVersion, group = "", version = "", rest = ""] = match;
  const place = parsePlace(rest.split("/").map(decodeURIComponent));
  const query = new URLSearchParams(search);
  const body = request.body === undefined ? undefined : parseBody(request.body);
  return {
    ...place,
    ref: findRef(group, coreVersion ?? version, place.plural, place.namespace !== "", body),
    verb: verbOf(request.method, place.name !== "", query),
    query,
    contentType: request.headers["content-type"] ?? "",
    body,
    signal: request.signal,
  };
}

/** True when the selectors in the query match the object. Throws 400 for malformed ones. */
export function selectorOf(query: URLSearchParams): (object: KubeObject) => boolean {
  const labels = query.get("labelSelector") ?? "";
  const fields = query.get("fieldSelector") ?? "";
  try {
    const [byLabel, byField] = [parseLabelSelector(labels), parseFieldSelector(fields)];
    return (object) => byLabel.matches(object.metadata.labels) && byField.matches((field) => fieldValue(object, field));
  } catch (error) {
    throw StatusError.badRequest((error as Error).message);
  }
}

/** The value at a dotted path as selectors see it; nothing is "". */
function fieldValue(object: KubeObject, field: string): string {
  let value: unknown = object;
  for (const part of field.split(".")) value = (value as Record<string, unknown> | undefined)?.[part];
  return value === undefined || value === null ? "" : String(value);
}

function parsePlace(parts: readonly string[]): {
  plural: string;
  namespace: string;
  name: string;
  subresource: string;
} {
  const isNamespaced = parts[0] === "namespaces" && parts.length >= 3 && !namespaceSubresources.has(parts[2] ?? "");
  const [namespace = "", rest] = isNamespaced ? [parts[1], parts.slice(2)] : ["", parts];
  const [plural = "", name = "", ...subresource] = rest;
  return { plural, namespace, name, subresource: subresource.join("/") };
}

const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);

function findRef(group: string, version: string, plural: string, namespaced: boolean, body: unknown): ResourceRef {
  const known = knownResources.find((ref) => ref.group === group && ref.version === version && ref.plural === plural);
  const kind = (body as KubeObject | undefined)?.kind ?? plural;
  return known ?? resourceRef(group, version, plural, kind, namespaced ? "Namespaced" : "Cluster");
}

function verbOf(method: TransportRequest["method"], isNamed: boolean, query: URLSearchParams): Verb {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return isNamed ? "delete" : "deletecollection";
    case "GET":
    case "HEAD":
    case "OPTIONS":
      if (isNamed) return "get";
      return ["1", "true"].includes(query.get("watch") ?? "") ? "watch" : "list";
  }
}

function parseBody(body: Uint8Array | string): unknown {
  try {
    return JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
  } catch {
    throw StatusError.badRequest("the body of the request is not JSON");
  }
}
