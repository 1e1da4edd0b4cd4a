import { createHash, generateKeyPairSync, type KeyObject } from "node:crypto";
import { createLocalJWKSet, decodeJwt, jwtVerify, SignJWT } from "jose";
import { beforeEach, describe, expect, test } from "vitest";
import type { Pod, Secret, ServiceAccount } from "#pkg/api/core/v1.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { MemoryObjects } from "../testing/memory-objects.ts";
import { jwtKeyOf, signJwt } from "./json-web-token.ts";
import { buildOidcDocuments } from "./oidc-discovery.ts";
import { refusalReason } from "./refusal.ts";
import type { TokenBinding } from "./service-account-claims.ts";
import { ServiceAccountTokenAuthenticator } from "./service-account-token.ts";
import { TokenIssuer } from "./token-issuer.ts";

const issuerUrl = "https://kubernetes.default.svc.cluster.local";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const other = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey;
const curves = ["P-256", "P-384", "P-521"].map((namedCurve) => generateKeyPairSync("ec", { namedCurve }).privateKey);

let clock: FakeClock;
let objects: MemoryObjects;
let account: ServiceAccount;
let pod: Pod;
let used: Secret[];

beforeEach(() => {
  clock = new FakeClock();
  objects = new MemoryObjects();
  used = [];
  account = objects.put<ServiceAccount>("", "serviceaccounts", {
    metadata: { namespace: "shop", name: "cart", uid: "sa-1" },
  });
  pod = objects.put<Pod>("", "pods", {
    metadata: { namespace: "shop", name: "cart-0", uid: "pod-1" },
    spec: { containers: [], nodeName: "n1" },
  });
  objects.put("", "nodes", { metadata: { name: "n1", uid: "node-1" } });
  objects.put("", "secrets", { metadata: { namespace: "shop", name: "bound", uid: "secret-1" } });
});

function makeIssuer(signingKey: KeyObject, extendExpiration = true): TokenIssuer {
  const options = { issuer: issuerUrl, signingKey, apiAudiences: [issuerUrl], extendExpiration };
  return new TokenIssuer(options, clock, new SeededRandom(1));
}

function makeAuthenticator(...keys: readonly KeyObject[]): ServiceAccountTokenAuthenticator {
  const options = { issuers: [issuerUrl], keys: keys.map(jwtKeyOf), apiAudiences: [issuerUrl] };
  return new ServiceAccountTokenAuthenticator(options, objects, clock, (secret) => used.push(secret));
}

function issue(binding: TokenBinding = {}, expirationSeconds = 3600, audiences = [issuerUrl]): string {
  return makeIssuer(rsa).issue({ serviceAccount: account, binding, audiences, expirationSeconds }).token;
}

async function refusalOf(token: string, audiences: readonly string[] = []): Promise<string> {
  try {
    const found = await makeAuthenticator(rsa).authenticateToken(token, audiences);
    return found ? `accepted as ${found.user.name}` : "not ours";
  } catch (error) {
    return refusalReason(error);
  }
}

describe("TokenIssuer", () => {
  test.each([
    ["RS256", rsa],
    ...curves.map((key, index) => [["ES256", "ES384", "ES512"][index], key] as const),
  ] as const)("signs %s tokens that jose verifies with the published keys", async (algorithm, key) => {
    const { token } = makeIssuer(key).issue({
      serviceAccount: account,
      binding: { pod, node: { metadata: { name: "n1", uid: "node-1" } } },
      audiences: [issuerUrl, "vault"],
      expirationSeconds: 3600,
    });
    const documents = buildOidcDocuments(issuerUrl, [key], "127.0.0.1:6443");
    const keySet = createLocalJWKSet(JSON.parse(documents?.keySet ?? ""));
    const now = new Date(clock.now());
    const { payload, protectedHeader } = await jwtVerify(token, keySet, {
      issuer: issuerUrl,
      audience: "vault",
      currentDate: now,
    });
    expect(protectedHeader.alg).toBe(algorithm);
    expect(payload).toMatchObject({
      sub: "system:serviceaccount:shop:cart",
      aud: [issuerUrl, "vault"],
      exp: clock.now() / 1000 + 3600,
      "kubernetes.io": {
        namespace: "shop",
        serviceaccount: { name: "cart", uid: "sa-1" },
        pod: { name: "cart-0", uid: "pod-1" },
        node: { name: "n1", uid: "node-1" },
      },
    });
    expect(payload.jti).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("stretches a kubelet's token to a year, tells the client what it asked for, and marks the time to warn", () => {
    const issued = makeIssuer(rsa).issue({
      serviceAccount: account,
      binding: { pod },
      audiences: [issuerUrl],
      expirationSeconds: 3607,
    });
    const now = clock.now() / 1000;
    const claims = decodeJwt<{ "kubernetes.io": { warnafter: number } }>(issued.token);
    expect(claims.exp).toBe(now + 365 * 24 * 3600);
    expect(claims["kubernetes.io"].warnafter).toBe(now + 3607);
    expect(issued.expirationMs).toBe(clock.now() + 3607_000);
  });

  test.each([
    ["without a pod", {}, 3607, [issuerUrl], true],
    ["of another length", "pod", 3600, [issuerUrl], true],
    ["for others", "pod", 3607, [issuerUrl, "vault"], true],
    ["with the option off", "pod", 3607, [issuerUrl], false],
  ] as const)("does not stretch a token %s", (_what, binding, expirationSeconds, audiences, extend) => {
    const issued = makeIssuer(rsa, extend).issue({
      serviceAccount: account,
      binding: binding === "pod" ? { pod } : {},
      audiences,
      expirationSeconds,
    });
    expect(decodeJwt(issued.token).exp).toBe(clock.now() / 1000 + expirationSeconds);
  });
});

describe("ServiceAccountTokenAuthenticator", () => {
  test("makes the account's user, with what the token is bound to", async () => {
    const token = issue({ pod, node: { metadata: { name: "n1", uid: "node-1" } } });
    const jti = decodeJwt(token).jti;
    expect(await makeAuthenticator(rsa).authenticateToken(token, [])).toEqual({
      user: {
        name: "system:serviceaccount:shop:cart",
        uid: "sa-1",
        groups: ["system:serviceaccounts", "system:serviceaccounts:shop"],
        extra: {
          "authentication.kubernetes.io/credential-id": [`JTI=${jti}`],
          "authentication.kubernetes.io/node-name": ["n1"],
          "authentication.kubernetes.io/node-uid": ["node-1"],
          "authentication.kubernetes.io/pod-name": ["cart-0"],
          "authentication.kubernetes.io/pod-uid": ["pod-1"],
        },
      },
      audiences: [issuerUrl],
    });
  });

  test("takes tokens of former keys and tokens that jose made", async () => {
    const token = issue();
    expect(await makeAuthenticator(curves[0] as KeyObject, rsa).authenticateToken(token, [])).toBeDefined();
    const made = await new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: "RS256" }).sign(rsa);
    expect(await refusalOf(made)).toBe("accepted as system:serviceaccount:shop:cart");
  });

  test.each<[string, (token: string) => string | Promise<string>, string]>([
    ["signed with another key", () => signJwt(decodeJwt(issue()), other), "the token's signature is not ours"],
    [
      "with a changed body",
      (token) => replaceClaims(token, { sub: "system:serviceaccount:kube-system:x" }),
      "the token's signature is not ours",
    ],
    ["with algorithm none", (token) => replaceHeader(token, { alg: "none" }), "the token's signature is not ours"],
    ["that is an HMAC with the public key", hmacWithPublicKey, "the token's signature is not ours"],
    ["of another issuer", () => signJwt({ ...decodeJwt(issue()), iss: "https://evil" }, rsa), "not ours"],
    ["with two parts", (token) => token.split(".").slice(0, 2).join("."), "not ours"],
    [
      "without expiry",
      () => signJwt({ ...decodeJwt(issue()), exp: undefined }, rsa),
      "the token's claims are incomplete",
    ],
    [
      "whose subject names another account",
      () => signJwt({ ...decodeJwt(issue()), sub: "system:serviceaccount:shop:x" }, rsa),
      "the token's claims are incomplete",
    ],
    [
      "with a binding that cannot be read",
      () => withKubernetes({ pod: "cart-0" }),
      "the token's claims are incomplete",
    ],
  ])("refuses a token %s", async (_what, change, reason) => {
    expect(await refusalOf(await change(issue()))).toBe(reason);
  });

  test("refuses a token after its end, also one it has seen", async () => {
    const authenticator = makeAuthenticator(rsa);
    const token = issue();
    expect(await authenticator.authenticateToken(token, [])).toBeDefined();
    await clock.advance(3_660_000);
    expect(await authenticator.authenticateToken(token, [])).toBeDefined();
    await clock.advance(1_000);
    await expect(authenticator.authenticateToken(token, [])).rejects.toMatchObject({
      cause: "service account token has expired",
    });
  });

  test("refuses a token from the future", async () => {
    const token = issue();
    const early = clock.now() - 61_000;
    clock.now = () => early;
    expect(await refusalOf(token)).toBe("service account token is not valid yet");
  });

  test.each([
    ["shared ones only", [issuerUrl, "vault"], ["vault"], ["vault"]],
    ["the API's when nobody says", [], [], [issuerUrl]],
  ])("answers with %s", async (_what, meantFor, asked, audiences) => {
    const token =
      meantFor.length === 0 ? signJwt({ ...decodeJwt(issue()), aud: undefined }, rsa) : issue({}, 3600, meantFor);
    expect(await makeAuthenticator(rsa).authenticateToken(token, asked)).toMatchObject({ audiences });
  });

  test("refuses a token that is for somebody else", async () => {
    expect(await refusalOf(issue({}, 3600, ["vault"]))).toMatch(/^token audiences \[vault\] is invalid/);
    expect(await refusalOf(issue(), ["vault"])).toMatch(/is invalid for the target audiences \[vault\]$/);
  });

  const again = (resource: string, namespace: string, name: string): void => {
    objects.remove("", resource, namespace, name);
    objects.put("", resource, { metadata: { namespace, name, uid: "another" } });
  };
  const revocations: readonly [string, "pod" | "node" | "secret" | "none", () => void, RegExp][] = [
    [
      "its account is gone",
      "none",
      () => objects.remove("", "serviceaccounts", "shop", "cart"),
      /is gone or another one/,
    ],
    ["its account was made anew", "none", () => again("serviceaccounts", "shop", "cart"), /is gone or another one/],
    ["its pod is gone", "pod", () => objects.remove("", "pods", "shop", "cart-0"), /invalidated/],
    ["its pod was made anew", "pod", () => again("pods", "shop", "cart-0"), /invalidated/],
    ["its node is gone", "node", () => objects.remove("", "nodes", "", "n1"), /invalidated/],
    ["its node was made anew", "node", () => again("nodes", "", "n1"), /invalidated/],
    ["its secret is gone", "secret", () => objects.remove("", "secrets", "shop", "bound"), /invalidated/],
  ];
  test.each(revocations)("refuses a token when %s", async (_what, bound, revoke, reason) => {
    const binding: TokenBinding = {
      ...(bound === "pod" ? { pod } : {}),
      ...(bound === "node" ? { node: { metadata: { name: "n1", uid: "node-1" } } } : {}),
      ...(bound === "secret" ? { secret: { metadata: { namespace: "shop", name: "bound", uid: "secret-1" } } } : {}),
    };
    const token = issue(binding);
    expect(await refusalOf(token)).toMatch(/^accepted/);
    revoke();
    expect(await refusalOf(token)).toMatch(reason);
  });

  test("keeps a pod's token good until a minute after the pod's deletion time", async () => {
    const token = issue({ pod });
    const deletionTimestamp = new Date(clock.now() + 30_000).toISOString();
    objects.put("", "pods", { ...pod, metadata: { ...pod.metadata, deletionTimestamp } });
    await clock.advance(89_000);
    expect(await refusalOf(token)).toMatch(/^accepted/);
    await clock.advance(2_000);
    expect(await refusalOf(token)).toMatch(/invalidated/);
  });

  test("asks past the cache when the cache does not know the pod yet", async () => {
    const token = issue({ pod });
    const live = objects.get("", "pods", "shop", "cart-0");
    objects.remove("", "pods", "shop", "cart-0");
    objects.getLive = async (_group, resource, namespace, name) =>
      resource === "pods" ? live : objects.get("", resource, namespace, name);
    expect(await refusalOf(token)).toMatch(/^accepted/);
  });
});

describe("ServiceAccountTokenAuthenticator with legacy tokens", () => {
  function putLegacy(changes: (token: string) => object = () => ({})): string {
    const token = makeIssuer(rsa).issueLegacy(account, "cart-token");
    objects.put("", "secrets", {
      metadata: { namespace: "shop", name: "cart-token" },
      data: { token: Buffer.from(token).toString("base64") },
      ...changes(token),
    } as never);
    return token;
  }

  test("takes the token that its Secret holds, and reports the use", async () => {
    const token = putLegacy();
    expect(await refusalOf(token)).toBe("accepted as system:serviceaccount:shop:cart");
    expect(used.map((secret) => secret.metadata.name)).toEqual(["cart-token"]);
  });

  test.each([
    ["holds another token", () => ({ data: { token: "AAAA" } }), /does not match/],
    [
      "is marked invalid",
      () => ({
        metadata: {
          namespace: "shop",
          name: "cart-token",
          labels: { "kubernetes.io/legacy-token-invalid-since": "2026-01-01" },
        },
      }),
      /has been marked invalid/,
    ],
    ["is elsewhere", () => ({ metadata: { namespace: "x", name: "cart-token" } }), /invalidated/],
  ])("refuses it when its Secret %s", async (_what, changes, reason) => {
    expect(await refusalOf(putLegacy(changes))).toMatch(reason);
    expect(used).toEqual([]);
  });
});

describe("buildOidcDocuments", () => {
  test("names the issuer, where the keys are, and how they sign", () => {
    const documents = buildOidcDocuments(issuerUrl, [rsa, curves[0] as KeyObject], "10.0.0.1:6443");
    expect(JSON.parse(documents?.configuration ?? "")).toEqual({
      issuer: issuerUrl,
      jwks_uri: "https://10.0.0.1:6443/openid/v1/jwks",
      response_types_supported: ["id_token"],
      subject_types_supported: ["public"],
      id_token_signing_alg_values_supported: ["ES256", "RS256"],
    });
    const { keys } = JSON.parse(documents?.keySet ?? "");
    expect(keys[0]).toMatchObject({ use: "sig", kty: "RSA", alg: "RS256", e: "AQAB" });
    const der = jwtKeyOf(rsa).publicKey.export({ type: "spki", format: "der" });
    expect(keys[0].kid).toBe(createHash("sha256").update(der).digest("base64url"));
    expect(Object.keys(keys[0]).sort()).toEqual(["alg", "e", "kid", "kty", "n", "use"]);
  });

  test.each(["kubernetes/serviceaccount", "http://k", "https://k?x=1", "https://k#x"])(
    "makes none for the issuer %s",
    (issuer) => {
      expect(buildOidcDocuments(issuer, [rsa], "h:1")).toBeUndefined();
    },
  );
});

function replaceClaims(token: string, changes: object): string {
  const [head, , tail] = token.split(".");
  return [head, encode({ ...decodeJwt(token), ...changes }), tail].join(".");
}

function replaceHeader(token: string, header: object): string {
  const [, body] = token.split(".");
  return [encode(header), body, ""].join(".");
}

async function hmacWithPublicKey(token: string): Promise<string> {
  const { keyId, publicKey } = jwtKeyOf(rsa);
  const secret = Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
  return new SignJWT(decodeJwt(token)).setProtectedHeader({ alg: "HS256", kid: keyId }).sign(secret);
}

function withKubernetes(changes: object): string {
  const claims = decodeJwt<{ "kubernetes.io": object }>(issue());
  return signJwt({ ...claims, "kubernetes.io": { ...claims["kubernetes.io"], ...changes } }, rsa);
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}
