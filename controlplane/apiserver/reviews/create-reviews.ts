/** All virtual resources of security, for the router. */
import type { Clock } from "#pkg/system/clock.ts";
import type { TokenAuthenticator } from "../authn/authenticator.ts";
import type { TokenIssuer } from "../authn/token-issuer.ts";
import type { Authorizer, RuleResolver } from "../authz/authorizer.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import { createAccessReviews } from "./access-reviews.ts";
import { createIdentityReviews } from "./identity-reviews.ts";
import { createTokenRequests } from "./token-request.ts";
import type { VirtualResource } from "./virtual-resource.ts";

export interface ReviewPorts {
  readonly authorizer: Authorizer & RuleResolver;
  readonly tokens: TokenAuthenticator;
  readonly issuer: TokenIssuer;
  readonly reader: ObjectReader;
  readonly clock: Clock;
}

export function createReviews(ports: ReviewPorts): readonly VirtualResource[] {
  return [
    ...createAccessReviews(ports.authorizer),
    ...createIdentityReviews(ports.tokens, ports.clock),
    createTokenRequests(ports),
  ];
}
