/**
 * Reads what a request is about from its method, path and query. Pure; the one place that knows the URL grammar:
 *
 *   /api/<version>/...                 the core group
 *   /apis/<group>/<version>/...        all others
 *   .../namespaces/<ns>/<resource>[/<name>[/<subresource>[/<rest>]]]
 *   .../<resource>[/<name>[/<subresource>[/<rest>]]]
 *
 * Source: k8s.io/apiserver/pkg/endpoints/request/requestinfo.go. The deprecated `/watch/` and `/proxy/` prefixes are
 * recognised, so that they are refused under their own verb and never mistaken for a resource.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { RequestInfo } from "./request-info.ts";

/** Subresources of a namespace itself; anything else after `/namespaces/x/` is a resource in it. */
const namespaceSubresources: ReadonlySet<string> = new Set(["status", "finalize"]);
const verbPrefixes: ReadonlySet<string> = new Set(["proxy", "watch"]);

const verbs: Readonly<Record<string, string>> = {
  POST: "create",
  GET: "get",
  HEAD: "get",
  PUT: "update",
  PATCH: "patch",
  DELETE: "delete",
};

/** Throws StatusError 400 for a path that is not valid percent-encoded UTF-8. */
export function parseRequestInfo(method: string, encodedPath: string, query: () => URLSearchParams): RequestInfo {
  const path = decodePath(encodedPath);
  const segments = splitPath(path);
  const prefix = segments[0] ?? "";
  const grouped = prefix === "apis";
  if ((prefix !== "api" && !grouped) || segments.length < (grouped ? 4 : 3)) return nonResource(method, path);

  const apiGroup = grouped ? (segments[1] ?? "") : "";
  const apiVersion = segments[grouped ? 2 : 1] ?? "";
  let rest = segments.slice(grouped ? 3 : 2);
  let verb = verbs[method] ?? "";
  const special = verbPrefixes.has(rest[0] ?? "");
  if (special) {
    if (rest.length < 2) throw StatusError.badRequest(`unable to determine kind and namespace from url, ${path}`);
    verb = rest[0] ?? "";
    rest = rest.slice(1);
  }

  let namespace = "";
  if (rest[0] === "namespaces" && rest.length > 1) {
    namespace = rest[1] ?? "";
    if (rest.length > 2 && !namespaceSubresources.has(rest[2] ?? "")) rest = rest.slice(2);
  }
  let name = rest[1] ?? "";
  if (name === "" && !special) {
    if (verb === "get") {
      const parameters = query();
      verb = isTrue(parameters, "watch") ? "watch" : "list";
      name = exactName(parameters.get("fieldSelector") ?? "");
    } else if (verb === "delete") {
      verb = "deletecollection";
    }
  }
  return {
    verb,
    isResourceRequest: true,
    path,
    apiPrefix: prefix,
    apiGroup,
    apiVersion,
    namespace,
    resource: rest[0] ?? "",
    subresource: verb === "proxy" ? "" : (rest[2] ?? ""),
    name,
    parts: rest,
  };
}

/** Query booleans as upstream reads them: present and neither "0" nor "false". */
export function isTrue(query: URLSearchParams, name: string): boolean {
  const value = query.get(name);
  if (value === null) return false;
  return value !== "0" && value.toLowerCase() !== "false";
}

function nonResource(method: string, path: string): RequestInfo {
  return {
    verb: method.toLowerCase(),
    isResourceRequest: false,
    path,
    apiPrefix: "",
    apiGroup: "",
    apiVersion: "",
    namespace: "",
    resource: "",
    subresource: "",
    name: "",
    parts: [],
  };
}

function decodePath(path: string): string {
  if (!path.includes("%")) return path;
  try {
    return decodeURIComponent(path);
  } catch {
    throw StatusError.badRequest("the request path is not valid percent-encoded UTF-8");
  }
}

function splitPath(path: string): string[] {
  let start = 0;
  let end = path.length;
  while (start < end && path[start] === "/") start++;
  while (end > start && path[end - 1] === "/") end--;
  return start === end ? [] : path.slice(start, end).split("/");
}

/** The name when the selector asks for exactly one object: rules that grant single names then cover its list and watch. */
function exactName(fieldSelector: string): string {
  if (!fieldSelector.includes("metadata.name")) return "";
  for (const term of fieldSelector.split(",")) {
    const match = /^metadata\.name==?([^=!]*)$/.exec(term.trim());
    const name = match?.[1] ?? "";
    if (name !== "" && name !== "." && name !== ".." && !/[/%]/.test(name)) return name;
  }
  return "";
}
