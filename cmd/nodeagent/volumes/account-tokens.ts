/**
 * Service-account tokens for pods, asked for at the API server and kept until they should be renewed: after 80 % of their
 * time or a day, whichever comes first, some seconds earlier for each so that they do not all come at once.
 * Source: kubelet token_manager.go (v1.36).
 */
import type { TokenRequest } from "#pkg/api/authentication/v1.ts";
import type { Pod, ServiceAccountTokenProjection } from "#pkg/api/core/v1.ts";
import type { KubeClient } from "#pkg/kube/client.ts";
import type { Clock } from "#pkg/system/clock.ts";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Logger } from "#pkg/system/log.ts";
import type { Random } from "#pkg/system/random.ts";

export interface AccountTokensOptions {
  readonly client: KubeClient;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
}

export interface IssuedToken {
  readonly token: string;
  readonly issuedAtMs: number;
  readonly expiresAtMs: number;
}

const defaultLifetimeSeconds = 3600;
const maxAgeMs = 24 * 3600 * 1000;
const maxJitterMs = 10_000;

/** When the token is to be renewed. `earlierMs` is the spread. */
export function renewalTime({ issuedAtMs, expiresAtMs }: Omit<IssuedToken, "token">, earlierMs: number): number {
  const lifetime = expiresAtMs - issuedAtMs;
  return Math.min(issuedAtMs + lifetime * 0.8, issuedAtMs + maxAgeMs) - earlierMs;
}

export class AccountTokens {
  readonly #options: AccountTokensOptions;
  /** By pod UID, then by what was asked for. */
  readonly #tokens = new Map<string, Map<string, IssuedToken & { readonly renewAtMs: number }>>();

  constructor(options: AccountTokensOptions) {
    this.#options = options;
  }

  /** Throws when there is no token that still holds and none can be had. */
  async get(pod: Pod, projection: ServiceAccountTokenProjection, signal?: AbortSignal): Promise<string> {
    const { clock, random, log } = this.#options;
    const uid = pod.metadata.uid ?? "";
    const ofPod = this.#tokens.get(uid) ?? new Map<string, IssuedToken & { renewAtMs: number }>();
    this.#tokens.set(uid, ofPod);
    const key = JSON.stringify([projection.audience ?? "", projection.expirationSeconds ?? defaultLifetimeSeconds]);
    const known = ofPod.get(key);
    if (known && clock.now() < known.renewAtMs) return known.token;
    try {
      const issued = await this.#request(pod, projection, signal);
      ofPod.set(key, { ...issued, renewAtMs: renewalTime(issued, random.float() * maxJitterMs) });
      return issued.token;
    } catch (error) {
      if (!known || clock.now() >= known.expiresAtMs) throw error;
      log.warn("a token could not be renewed; the old one goes on", { pod: pod.metadata.name, error });
      return known.token;
    }
  }

  forget(podUid: string): void {
    this.#tokens.delete(podUid);
  }

  async #request(pod: Pod, projection: ServiceAccountTokenProjection, signal?: AbortSignal): Promise<IssuedToken> {
    const { client, clock } = this.#options;
    const { name = "", namespace = "", uid = "" } = pod.metadata;
    const account = pod.spec.serviceAccountName || "default";
    const expirationSeconds = projection.expirationSeconds ?? defaultLifetimeSeconds;
    const request: TokenRequest = {
      metadata: {},
      spec: {
        audiences: projection.audience ? [projection.audience] : [],
        expirationSeconds,
        boundObjectRef: { apiVersion: "v1", kind: "Pod", name, uid },
      },
    };
    const issuedAtMs = clock.now();
    const path = `token for service account ${namespace}/${account}`;
    try {
      const answer = await client.serviceAccounts
        .in(namespace)
        .postSubresource<TokenRequest>(account, "token", request, { signal });
      const { token, expirationTimestamp } = answer.status ?? {};
      if (!token) throw new BerthError("Internal", "the answer has none");
      const expires = expirationTimestamp ? Date.parse(expirationTimestamp) : issuedAtMs + expirationSeconds * 1000;
      return { token, issuedAtMs, expiresAtMs: expires };
    } catch (error) {
      throw new BerthError(BerthError.from(error).code, `failed to fetch ${path}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }
}
