/**
 * Users vouched for by a front proxy (the aggregation layer's way): the request's headers name the user, and they count
 * only when the connection's certificate comes from the front-proxy authority and bears an allowed name.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { ApiRequest, UserInfo } from "../http/api-request.ts";
import type { Authenticator } from "./authenticator.ts";
import type { CertificateVerifier } from "./client-certificate.ts";
import { extraFromHeaders, headerValues } from "./request-headers.ts";

export interface FrontProxyOptions {
  /** Common names that may vouch; empty: every certificate of the authority. */
  readonly allowedNames: readonly string[];
}

export class FrontProxyAuthenticator implements Authenticator {
  readonly #verifier: CertificateVerifier;
  readonly #options: FrontProxyOptions;

  constructor(verifier: CertificateVerifier, options: FrontProxyOptions) {
    this.#verifier = verifier;
    this.#options = options;
  }

  async authenticate(
    request: Pick<ApiRequest, "headers" | "repeatedHeaders" | "peerCertificate">,
  ): Promise<UserInfo | undefined> {
    const name = request.headers["x-remote-user"];
    if (!name || !request.peerCertificate) return undefined;
    const { commonName } = this.#verifier.verify(request.peerCertificate);
    const { allowedNames } = this.#options;
    if (allowedNames.length > 0 && !allowedNames.includes(commonName)) throw StatusError.unauthorized();
    const uid = request.headers["x-remote-uid"];
    return {
      name,
      ...(uid ? { uid } : {}),
      groups: headerValues(request, "x-remote-group"),
      extra: extraFromHeaders(request, "x-remote-extra-"),
    };
  }
}
