/** Who is this token, and who am I: TokenReview and SelfSubjectReview. */
import type {
  UserInfo as ApiUser,
  SelfSubjectReview,
  TokenReview,
  TokenReviewStatus,
} from "#pkg/api/authentication/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { type Clock, formatTime } from "#pkg/system/clock.ts";
import type { TokenAuthenticator } from "../authn/authenticator.ts";
import { refusalReason } from "../authn/refusal.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { VirtualResource } from "./virtual-resource.ts";

const common = { group: "authentication.k8s.io", version: "v1", subresource: "" };

export function createIdentityReviews(tokens: TokenAuthenticator, clock: Clock): readonly VirtualResource[] {
  return [
    {
      ...common,
      resource: "tokenreviews",
      async create(object) {
        const review = object as TokenReview;
        const token = review.spec?.token ?? "";
        if (token === "") throw StatusError.badRequest("token is required for TokenReview in authentication");
        return { ...review, status: await reviewToken(tokens, token, review.spec.audiences ?? []) };
      },
    },
    {
      ...common,
      resource: "selfsubjectreviews",
      async create(object, { user }) {
        const metadata = { creationTimestamp: formatTime(clock.now()) };
        return { ...(object as SelfSubjectReview), metadata, status: { userInfo: describeUser(user) } };
      },
    },
  ];
}

async function reviewToken(
  tokens: TokenAuthenticator,
  token: string,
  audiences: readonly string[],
): Promise<TokenReviewStatus> {
  try {
    const found = await tokens.authenticateToken(token, audiences);
    if (!found) return { authenticated: false, user: {} };
    return { authenticated: true, user: describeUser(found.user), audiences: [...found.audiences] };
  } catch (error) {
    return { authenticated: false, user: {}, error: refusalReason(error) };
  }
}

function describeUser({ name, uid, groups, extra }: UserInfo): ApiUser {
  const lists = Object.entries(extra ?? {}).map(([key, values]): [string, string[]] => [key, [...values]]);
  return {
    username: name,
    ...(uid ? { uid } : {}),
    groups: [...groups],
    ...(lists.length > 0 ? { extra: Object.fromEntries(lists) } : {}),
  };
}
