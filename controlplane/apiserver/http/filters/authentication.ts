/** Says who asks. A request of this process brings its user; the rest must pass authentication. */
import type { Authentication } from "../../authn/create-authenticator.ts";
import { anonymousUser } from "../../authn/user-names.ts";
import type { ApiFilter, UserInfo } from "../api-request.ts";

export interface AuthenticationOutcomes {
  succeeded(user: UserInfo): void;
  failed(): void;
}

export function authenticationFilter(
  authenticator: Authentication["requests"],
  outcomes?: AuthenticationOutcomes,
): ApiFilter {
  return (next) => async (request, context) => {
    if (request.trustedUser) {
      context.user = request.trustedUser;
      return next(request, context);
    }
    try {
      context.user = await authenticator.authenticate(request);
    } catch (error) {
      outcomes?.failed();
      throw error;
    }
    if (context.user !== anonymousUser) outcomes?.succeeded(context.user);
    return next(request, context);
  };
}
