/** Reads what a proxy request points to. Pure. */
import { StatusError } from "#pkg/api/status.ts";
import type { RequestInfo } from "../http/request-info.ts";

export interface ProxyName {
  /** "http", "https", or "" for the default. */
  readonly scheme: "" | "http" | "https";
  readonly name: string;
  /** A number, a name, or "" for the first. */
  readonly port: string;
}

/** `name`, `name:port`, `scheme:name:port`, `scheme:name:`. Throws StatusError 400. */
export function parseProxyName(text: string): ProxyName {
  const parts = text.split(":");
  const [first = "", second = "", third = ""] = parts;
  if (parts.length === 1) return { scheme: "", name: first, port: "" };
  if (parts.length === 2) return { scheme: "", name: first, port: second };
  if (parts.length === 3 && (first === "" || first === "http" || first === "https")) {
    return { scheme: first, name: second, port: third };
  }
  throw StatusError.badRequest(`invalid proxy request "${text}": it must be [scheme:]name[:port]`);
}

/**
 * `base` with what comes behind `/proxy` in the path, as it was sent, and with the query. Whatever the path says, the host
 * stays that of `base`.
 */
export function proxyUrl(
  base: URL,
  { path, query }: { readonly path: string; readonly query: URLSearchParams },
  { namespace }: Pick<RequestInfo, "namespace">,
): URL {
  // /api/v1/namespaces/<ns>/<resource>/<name>/proxy/… or /api/v1/<resource>/<name>/proxy/…
  const skipped = namespace === "" ? 6 : 8;
  const url = new URL(base);
  url.pathname = `/${path.split("/").slice(skipped).join("/")}`;
  url.search = query.toString();
  return url;
}
