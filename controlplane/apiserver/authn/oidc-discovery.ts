/**
 * The two documents by which others verify service-account tokens: /.well-known/openid-configuration and /openid/v1/jwks.
 * Pure: made once from the issuer and the public keys.
 */
import type { KeyObject } from "node:crypto";
import { jwtKeyOf } from "./json-web-token.ts";

export interface OidcDocuments {
  /** JSON, served as application/json. */
  readonly configuration: string;
  /** JSON, served as application/jwk-set+json. */
  readonly keySet: string;
}

/** For Cache-Control: keys are published this long before they sign. */
export const oidcMaxAgeSeconds = 3600;

/**
 * `jwksUri` absent: the API server's own path under `externalAddress` ("host:port"). Undefined when the issuer is no https
 * URL without query and fragment, which is what the protocol asks for; then there is no discovery.
 */
export function buildOidcDocuments(
  issuer: string,
  keys: readonly KeyObject[],
  externalAddress: string,
  jwksUri?: string,
): OidcDocuments | undefined {
  const url = URL.canParse(issuer) ? new URL(issuer) : undefined;
  if (url?.protocol !== "https:" || issuer.includes("?") || issuer.includes("#") || keys.length === 0) return undefined;
  const jwtKeys = keys.map(jwtKeyOf);
  const configuration = {
    issuer,
    jwks_uri: jwksUri ?? `https://${externalAddress}/openid/v1/jwks`,
    response_types_supported: ["id_token"],
    subject_types_supported: ["public"],
    id_token_signing_alg_values_supported: [...new Set(jwtKeys.map((key) => key.algorithm))].sort(),
  };
  const keySet = {
    keys: jwtKeys.map(({ keyId, algorithm, publicKey }) => {
      const { kty, ...members } = publicKey.export({ format: "jwk" });
      return { use: "sig", kty, kid: keyId, alg: algorithm, ...members };
    }),
  };
  return { configuration: JSON.stringify(configuration), keySet: JSON.stringify(keySet) };
}
