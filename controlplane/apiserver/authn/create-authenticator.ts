/**
 * Authentication as a whole, in upstream's order: front proxy, client certificate, bearer token, anonymous. A credential
 * that is wrong does not end the search, since a client may send two; but it keeps the request from passing as anonymous.
 */
import { StatusError } from "#pkg/api/status.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { ApiRequest, UserInfo } from "../http/api-request.ts";
import { parseCertificates } from "../pki/issue-certificate.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { Authenticator, TokenAuthenticator } from "./authenticator.ts";
import { bearerTokenOf } from "./bearer-token.ts";
import { BootstrapTokenAuthenticator } from "./bootstrap-token.ts";
import { CertificateVerifier, ClientCertificateAuthenticator } from "./client-certificate.ts";
import { FrontProxyAuthenticator } from "./front-proxy.ts";
import {
  type LegacyTokenUse,
  ServiceAccountTokenAuthenticator,
  type ServiceAccountTokenOptions,
} from "./service-account-token.ts";
import { type StaticToken, StaticTokenAuthenticator } from "./static-tokens.ts";
import { anonymousUser, withAuthenticatedGroup } from "./user-names.ts";

export interface AuthenticationOptions {
  /** PEM bundle of those whose client certificates count. */
  readonly clientAuthoritiesPem: string;
  readonly frontProxy?: { readonly authoritiesPem: string; readonly allowedNames: readonly string[] } | undefined;
  readonly staticTokens: readonly StaticToken[];
  readonly bootstrapTokens: boolean;
  readonly serviceAccounts: ServiceAccountTokenOptions;
  /** Requests without credentials: nowhere, everywhere, or on these paths alone (e.g. /healthz, /livez, /readyz). */
  readonly anonymous: "nowhere" | "everywhere" | readonly string[];
}

export interface AuthenticationPorts {
  readonly reader: ObjectReader;
  readonly clock: Clock;
  readonly onLegacyTokenUse?: LegacyTokenUse | undefined;
}

export interface Authentication {
  /** For requests: always a user or StatusError 401. */
  readonly requests: { authenticate(request: AuthenticatedRequest): Promise<UserInfo> };
  /** For TokenReview; undefined: nobody knows the token. */
  readonly tokens: TokenAuthenticator;
}

type AuthenticatedRequest = Parameters<Authenticator["authenticate"]>[0];

export function createAuthenticator(options: AuthenticationOptions, ports: AuthenticationPorts): Authentication {
  const { clock, reader } = ports;
  const verifierFor = (pem: string, from: string): CertificateVerifier =>
    new CertificateVerifier(parseCertificates(pem, from), clock);
  const { apiAudiences } = options.serviceAccounts;
  const forApi = (authenticator: TokenAuthenticator): TokenAuthenticator =>
    new ApiAudienceOnly(authenticator, apiAudiences);
  const tokens = new TokenChain([
    forApi(new StaticTokenAuthenticator(options.staticTokens)),
    new ServiceAccountTokenAuthenticator(options.serviceAccounts, reader, clock, ports.onLegacyTokenUse),
    ...(options.bootstrapTokens ? [forApi(new BootstrapTokenAuthenticator(reader, clock))] : []),
  ]);
  const { frontProxy } = options;
  const authenticators: readonly Authenticator[] = [
    ...(frontProxy
      ? [new FrontProxyAuthenticator(verifierFor(frontProxy.authoritiesPem, "the front-proxy authority"), frontProxy)]
      : []),
    new ClientCertificateAuthenticator(verifierFor(options.clientAuthoritiesPem, "the client authority")),
    new BearerTokenAuthenticator(tokens),
  ];
  return { tokens, requests: new RequestAuthenticator(authenticators, options.anonymous) };
}

class RequestAuthenticator {
  readonly #authenticators: readonly Authenticator[];
  readonly #anonymous: AuthenticationOptions["anonymous"];

  constructor(authenticators: readonly Authenticator[], anonymous: AuthenticationOptions["anonymous"]) {
    this.#authenticators = authenticators;
    this.#anonymous = anonymous;
  }

  async authenticate(request: AuthenticatedRequest): Promise<UserInfo> {
    let refusal: unknown;
    for (const authenticator of this.#authenticators) {
      try {
        const user = await authenticator.authenticate(request);
        if (user) return withAuthenticatedGroup(user);
      } catch (error) {
        refusal ??= error;
      }
    }
    if (refusal) throw refusal instanceof StatusError ? refusal : StatusError.unauthorized();
    if (this.#allowsAnonymous(request.path)) return anonymousUser;
    throw StatusError.unauthorized();
  }

  #allowsAnonymous(path: string): boolean {
    if (this.#anonymous === "everywhere") return true;
    return this.#anonymous !== "nowhere" && this.#anonymous.includes(path);
  }
}

/** Tokens that name no audience are meant for the API server alone. */
class ApiAudienceOnly implements TokenAuthenticator {
  readonly #inner: TokenAuthenticator;
  readonly #apiAudiences: readonly string[];

  constructor(inner: TokenAuthenticator, apiAudiences: readonly string[]) {
    this.#inner = inner;
    this.#apiAudiences = apiAudiences;
  }

  async authenticateToken(token: string, audiences: readonly string[]) {
    const wanted = audiences.length > 0 ? audiences : this.#apiAudiences;
    const shared = this.#apiAudiences.filter((audience) => wanted.includes(audience));
    return shared.length === 0 ? undefined : this.#inner.authenticateToken(token, shared);
  }
}

/** The first that knows the token decides; a refusal is kept in case nobody does. */
class TokenChain implements TokenAuthenticator {
  readonly #authenticators: readonly TokenAuthenticator[];

  constructor(authenticators: readonly TokenAuthenticator[]) {
    this.#authenticators = authenticators;
  }

  async authenticateToken(token: string, audiences: readonly string[]) {
    let refusal: unknown;
    for (const authenticator of this.#authenticators) {
      try {
        const found = await authenticator.authenticateToken(token, audiences);
        if (found) return { user: withAuthenticatedGroup(found.user), audiences: found.audiences };
      } catch (error) {
        refusal ??= error;
      }
    }
    if (refusal) throw refusal instanceof Error ? refusal : StatusError.unauthorized();
    return undefined;
  }
}

class BearerTokenAuthenticator implements Authenticator {
  readonly #tokens: TokenAuthenticator;

  constructor(tokens: TokenAuthenticator) {
    this.#tokens = tokens;
  }

  async authenticate(request: Pick<ApiRequest, "headers">): Promise<UserInfo | undefined> {
    const token = bearerTokenOf(request);
    if (token === undefined) return undefined;
    const found = await this.#tokens.authenticateToken(token, []);
    if (!found) throw StatusError.unauthorized();
    return found.user;
  }
}
