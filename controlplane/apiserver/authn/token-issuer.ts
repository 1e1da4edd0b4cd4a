/** Makes service-account tokens. */
import type { KeyObject } from "node:crypto";
import type { ServiceAccount } from "#pkg/api/core/v1.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { signJwt } from "./json-web-token.ts";
import { buildBoundClaims, buildLegacyClaims, type TokenBinding } from "./service-account-claims.ts";

export interface TokenIssuerOptions {
  readonly issuer: string;
  readonly signingKey: KeyObject;
  readonly apiAudiences: readonly string[];
  /** Kubelets ask for 3607 s; clients too old to read the token again then get a year, and late use is counted. */
  readonly extendExpiration: boolean;
  /** Longest lifetime given out; undefined: as asked. */
  readonly maxExpirationSeconds?: number | undefined;
}

export interface IssueRequest {
  readonly serviceAccount: ServiceAccount;
  readonly binding: TokenBinding;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
}

export interface IssuedToken {
  readonly token: string;
  /** What the client is told, which an extension does not change. */
  readonly expirationMs: number;
}

/** The lifetime that marks a token as one that a kubelet projects and renews. */
const projectedExpirationSeconds = 3607;
const extendedExpirationSeconds = 365 * 24 * 3600;

export class TokenIssuer {
  readonly options: TokenIssuerOptions;
  readonly #clock: Clock;
  readonly #random: Random;

  constructor(options: TokenIssuerOptions, clock: Clock, random: Random) {
    this.options = options;
    this.#clock = clock;
    this.#random = random;
  }

  issue(request: IssueRequest): IssuedToken {
    const { issuer, signingKey, apiAudiences, extendExpiration } = this.options;
    const isExtended =
      extendExpiration &&
      request.binding.pod !== undefined &&
      request.expirationSeconds === projectedExpirationSeconds &&
      request.audiences.every((audience) => apiAudiences.includes(audience));
    const nowMs = this.#clock.now();
    const claims = buildBoundClaims({
      issuer,
      serviceAccount: request.serviceAccount,
      binding: request.binding,
      audiences: request.audiences,
      expirationSeconds: isExtended ? extendedExpirationSeconds : request.expirationSeconds,
      warnAfterSeconds: isExtended ? request.expirationSeconds : 0,
      tokenId: this.#random.uuid(),
      nowMs,
    });
    return { token: signJwt(claims, signingKey), expirationMs: nowMs + request.expirationSeconds * 1000 };
  }

  /** For Secrets of type kubernetes.io/service-account-token. */
  issueLegacy(serviceAccount: ServiceAccount, secretName: string): string {
    return signJwt(buildLegacyClaims(serviceAccount, secretName), this.options.signingKey);
  }
}
