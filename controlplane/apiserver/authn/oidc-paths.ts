/** The paths at which others find the keys of service-account tokens. */
import type { ApiHandler } from "../http/api-request.ts";
import { type OidcDocuments, oidcMaxAgeSeconds } from "./oidc-discovery.ts";

export function oidcPaths({ configuration, keySet }: OidcDocuments): (path: string) => ApiHandler | undefined {
  const serve = (contentType: string, body: string): ApiHandler => {
    const headers = { "content-type": contentType, "cache-control": `public, max-age=${oidcMaxAgeSeconds}` };
    return async () => ({ status: 200, headers, body });
  };
  const handlers: Readonly<Record<string, ApiHandler>> = {
    "/.well-known/openid-configuration": serve("application/json", configuration),
    "/openid/v1/jwks": serve("application/jwk-set+json", keySet),
  };
  return (path) => handlers[path];
}
