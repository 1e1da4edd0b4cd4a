/**
 * Service-account tokens: the signature (kept per token, since it cannot change), the time, and then what no signature can
 * say: that the account, and the pod, node or secret the token is bound to, are still the very ones it was made for.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import type { Secret, ServiceAccount } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Clock } from "#pkg/system/clock.ts";
import type { UserInfo } from "../http/api-request.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { TokenAuthenticator } from "./authenticator.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { type JwtKey, readUnverifiedClaims, verifyJwt } from "./json-web-token.ts";
import { refused } from "./refusal.ts";
import { legacyIssuer, type ObjectRef, parseTokenClaims, type TokenClaims } from "./service-account-claims.ts";
import { serviceAccountGroups, serviceAccountUserName } from "./user-names.ts";

export interface ServiceAccountTokenOptions {
  /** The first one issues; tokens of all are taken. */
  readonly issuers: readonly string[];
  readonly keys: readonly JwtKey[];
  /** What a token without audiences is meant for, and what callers are when they do not say. */
  readonly apiAudiences: readonly string[];
}

/** Told of each use of a legacy token, so that its Secret can be marked with the day. */
export type LegacyTokenUse = (secret: Secret) => void;

/** Clocks of servers may differ; objects deleted this long ago still vouch for their tokens. */
const leewayMs = 60_000;
const cacheSize = 8192;
const invalidated = "service account token has been invalidated";

export class ServiceAccountTokenAuthenticator implements TokenAuthenticator {
  readonly #options: ServiceAccountTokenOptions;
  readonly #reader: ObjectReader;
  readonly #clock: Clock;
  readonly #onLegacyUse: LegacyTokenUse;
  readonly #verified = new BoundedCache<string, TokenClaims>(cacheSize);

  constructor(
    options: ServiceAccountTokenOptions,
    reader: ObjectReader,
    clock: Clock,
    onLegacyUse: LegacyTokenUse = () => undefined,
  ) {
    this.#options = options;
    this.#reader = reader;
    this.#clock = clock;
    this.#onLegacyUse = onLegacyUse;
  }

  async authenticateToken(token: string, audiences: readonly string[]) {
    const claims = this.#verify(token);
    if (!claims) return undefined;
    const { apiAudiences } = this.#options;
    const meantFor = claims.audiences.length > 0 ? claims.audiences : apiAudiences;
    const wanted = audiences.length > 0 ? audiences : apiAudiences;
    const shared = meantFor.filter((audience) => wanted.includes(audience));
    if (shared.length === 0)
      throw refused(`token audiences [${meantFor}] is invalid for the target audiences [${wanted}]`);
    const refusal = whyExpired(claims, this.#clock.now()) ?? (await this.#whyRevoked(claims, token));
    if (refusal) throw refused(refusal);
    return { user: userOf(claims), audiences: shared };
  }

  /** Undefined: not one of ours, another authenticator may know it. */
  #verify(token: string): TokenClaims | undefined {
    const key = createHash("sha256").update(token).digest("base64");
    const known = this.#verified.get(key);
    if (known) return known;
    const issuer = readUnverifiedClaims(token)?.["iss"];
    if (typeof issuer !== "string" || ![legacyIssuer, ...this.#options.issuers].includes(issuer)) return undefined;
    const verified = verifyJwt(token, this.#options.keys);
    const claims = verified && parseTokenClaims(verified);
    if (!claims) throw refused(verified ? "the token's claims are incomplete" : "the token's signature is not ours");
    this.#verified.set(key, claims);
    return claims;
  }

  async #whyRevoked(claims: TokenClaims, token: string): Promise<string | undefined> {
    const { namespace } = claims;
    const account = await this.#find("serviceaccounts", namespace, claims.serviceAccount);
    if (!account) return `service account ${namespace}/${claims.serviceAccount.name} is gone or another one`;
    if (claims.kind === "legacy") return this.#whyLegacyRevoked(claims, account as ServiceAccount, token);
    if (claims.secret && !(await this.#find("secrets", namespace, claims.secret))) return invalidated;
    if (claims.pod) return (await this.#find("pods", namespace, claims.pod)) ? undefined : invalidated;
    if (claims.node && !(await this.#find("nodes", "", claims.node))) return invalidated;
    return undefined;
  }

  async #whyLegacyRevoked(claims: TokenClaims, account: ServiceAccount, token: string): Promise<string | undefined> {
    const { namespace, secret: ref } = claims;
    const secret = await this.#read("secrets", namespace, ref?.name ?? "");
    if (!secret || secret.metadata.deletionTimestamp || account.metadata.deletionTimestamp) return invalidated;
    const data = (secret as Secret).data ?? {};
    const stored = Buffer.from(data["token"] ?? "", "base64");
    const given = Buffer.from(token);
    if (stored.length !== given.length || !timingSafeEqual(stored, given)) return "Token does not match server's copy";
    if (secret.metadata.labels?.["kubernetes.io/legacy-token-invalid-since"]) {
      return `the token in secret ${namespace}/${secret.metadata.name} has been marked invalid`;
    }
    this.#onLegacyUse(secret as Secret);
    return undefined;
  }

  /** The object, when it is the one meant and not long deleted. */
  async #find(resource: string, namespace: string, ref: ObjectRef): Promise<KubeObject | undefined> {
    const object = await this.#read(resource, namespace, ref.name, ref.uid);
    if (!object || object.metadata.uid !== ref.uid) return undefined;
    const { deletionTimestamp } = object.metadata;
    const isLongDeleted = deletionTimestamp && Date.parse(deletionTimestamp) < this.#clock.now() - leewayMs;
    return isLongDeleted ? undefined : object;
  }

  /** Past the cache when the cache has no such object: the token may be younger than the cache's news. */
  async #read(resource: string, namespace: string, name: string, uid?: string): Promise<KubeObject | undefined> {
    const cached = this.#reader.get("", resource, namespace, name);
    if (cached && (uid === undefined || cached.metadata.uid === uid)) return cached;
    return this.#reader.getLive("", resource, namespace, name);
  }
}

function whyExpired(claims: TokenClaims, nowMs: number): string | undefined {
  if (nowMs - leewayMs > claims.expiresMs) return "service account token has expired";
  if (nowMs + leewayMs < claims.notBeforeMs) return "service account token is not valid yet";
  if (nowMs + leewayMs < claims.issuedAtMs) return "service account token is issued in the future";
  return undefined;
}

function userOf(claims: TokenClaims): UserInfo {
  const { namespace, serviceAccount, pod, node, tokenId } = claims;
  const extra: Record<string, readonly string[]> = {};
  const set = (key: string, value: string | undefined): void => {
    if (value) extra[`authentication.kubernetes.io/${key}`] = [value];
  };
  set("credential-id", tokenId && `JTI=${tokenId}`);
  set("node-name", node?.name);
  set("node-uid", node?.uid);
  set("pod-name", pod?.name);
  set("pod-uid", pod?.uid);
  return {
    name: serviceAccountUserName(namespace, serviceAccount.name),
    uid: serviceAccount.uid,
    groups: serviceAccountGroups(namespace),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}
