/**
 * Says who asks. A request of this process brings its user; the rest must show a credential, or are anonymous where that
 * is allowed. A wrong credential is refused even where anonymous requests are welcome.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { Authenticator } from "../../authn/authenticator.ts";
import type { ApiFilter, UserInfo } from "../api-request.ts";

export const anonymousUser: UserInfo = { name: "system:anonymous", groups: ["system:unauthenticated"] };

export interface AuthenticationOutcomes {
  succeeded(user: UserInfo): void;
  failed(): void;
}

export function authenticationFilter(
  authenticator: Authenticator,
  allowAnonymous: boolean,
  outcomes?: AuthenticationOutcomes,
): ApiFilter {
  return (next) => async (request, context) => {
    if (request.trustedUser) {
      context.user = request.trustedUser;
      return next(request, context);
    }
    let user: UserInfo | undefined;
    try {
      user = await authenticator.authenticate(request);
    } catch (error) {
      outcomes?.failed();
      throw error;
    }
    if (user) outcomes?.succeeded(user);
    if (!user && !allowAnonymous) {
      outcomes?.failed();
      throw StatusError.unauthorized();
    }
    context.user = user ?? anonymousUser;
    return next(request, context);
  };
}
