/** The handlers of the two OIDC documents. Who may read them is for RBAC: role system:service-account-issuer-discovery. */
import { StatusError } from "#pkg/api/status.ts";
import type { ApiHandler } from "../http/api-request.ts";
import { type OidcDocuments, oidcMaxAgeSeconds } from "./oidc-discovery.ts";

/** For the router: the handler of a path, undefined when it is none of these. Without documents there are no such paths. */
export function oidcPaths(documents: OidcDocuments | undefined): (path: string) => ApiHandler | undefined {
  const handlers = new Map<string, ApiHandler>();
  if (documents) {
    handlers.set("/.well-known/openid-configuration", serve(documents.configuration, "application/json"));
    handlers.set("/openid/v1/jwks", serve(documents.keySet, "application/jwk-set+json"));
  }
  return (path) => handlers.get(path.length > 1 ? path.replace(/\/$/, "") : path);
}

function serve(body: string, contentType: string): ApiHandler {
  const headers = { "content-type": contentType, "cache-control": `public, max-age=${oidcMaxAgeSeconds}` };
  return async ({ method }) => {
    if (method === "GET" || method === "HEAD") return { status: 200, headers, body };
    throw StatusError.methodNotAllowed({ group: "", resource: "" }, method.toLowerCase());
  };
}
