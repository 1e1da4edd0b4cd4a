/** Authentication: who sent this request. The first authenticator that knows the credential decides. */
import type { ApiRequest, UserInfo } from "../http/api-request.ts";

export interface Authenticator {
  /**
   * The user; undefined when the request carries no credential of this kind. Throws StatusError 401 for a credential of
   * this kind that is wrong.
   */
  authenticate(
    request: Pick<ApiRequest, "path" | "headers" | "repeatedHeaders" | "peerCertificate" | "remoteAddress">,
  ): Promise<UserInfo | undefined>;
}

/** Bearer tokens, for TokenReview as well as for requests. */
export interface TokenAuthenticator {
  authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<{ readonly user: UserInfo; readonly audiences: readonly string[] } | undefined>;
}
