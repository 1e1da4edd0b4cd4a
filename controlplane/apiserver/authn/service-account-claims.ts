/**
 * What a service-account token says: the claims, written and read. Two forms exist: bound tokens (with an expiry, and
 * perhaps bound to a pod, a node or a secret) and legacy ones, which live as long as the Secret that holds them.
 */
import type { Node, Pod, Secret, ServiceAccount } from "#pkg/api/core/v1.ts";
import type { JwtClaims } from "./json-web-token.ts";
import { serviceAccountUserName, splitServiceAccountUserName } from "./user-names.ts";

export const legacyIssuer = "kubernetes/serviceaccount";

export interface ObjectRef {
  readonly name: string;
  readonly uid: string;
}

/** What the token may be bound to: nothing, a pod (with the node it runs on), a node, or a secret. */
export interface TokenBinding {
  readonly pod?: Pod | undefined;
  /** Of a pod-bound token its node, perhaps known by name only. */
  readonly node?: Pick<Node, "metadata"> | undefined;
  readonly secret?: Secret | undefined;
}

export interface BoundClaimsInput {
  readonly issuer: string;
  readonly serviceAccount: ServiceAccount;
  readonly binding: TokenBinding;
  readonly audiences: readonly string[];
  readonly expirationSeconds: number;
  /** Use after this many seconds is counted as late; 0: no warning. */
  readonly warnAfterSeconds: number;
  readonly tokenId: string;
  readonly nowMs: number;
}

export function buildBoundClaims(input: BoundClaimsInput): JwtClaims {
  const { serviceAccount, binding } = input;
  const { namespace = "", name = "" } = serviceAccount.metadata;
  const now = Math.floor(input.nowMs / 1000);
  return {
    aud: input.audiences,
    exp: now + input.expirationSeconds,
    iat: now,
    iss: input.issuer,
    jti: input.tokenId,
    "kubernetes.io": {
      namespace,
      ...(binding.node ? { node: refTo(binding.node) } : {}),
      ...(binding.pod ? { pod: refTo(binding.pod) } : {}),
      ...(binding.secret ? { secret: refTo(binding.secret) } : {}),
      serviceaccount: refTo(serviceAccount),
      ...(input.warnAfterSeconds > 0 ? { warnafter: now + input.warnAfterSeconds } : {}),
    },
    nbf: now,
    sub: serviceAccountUserName(namespace, name),
  };
}

export function buildLegacyClaims(serviceAccount: ServiceAccount, secretName: string): JwtClaims {
  const { namespace = "", name = "", uid = "" } = serviceAccount.metadata;
  return {
    iss: legacyIssuer,
    "kubernetes.io/serviceaccount/namespace": namespace,
    "kubernetes.io/serviceaccount/secret.name": secretName,
    "kubernetes.io/serviceaccount/service-account.name": name,
    "kubernetes.io/serviceaccount/service-account.uid": uid,
    sub: serviceAccountUserName(namespace, name),
  };
}

export interface TokenClaims {
  readonly kind: "bound" | "legacy";
  readonly issuer: string;
  /** Empty: meant for the API server alone. */
  readonly audiences: readonly string[];
  /** Milliseconds; legacy tokens have no end. */
  readonly expiresMs: number;
  readonly notBeforeMs: number;
  readonly issuedAtMs: number;
  readonly tokenId: string;
  readonly namespace: string;
  readonly serviceAccount: ObjectRef;
  readonly pod: ObjectRef | undefined;
  readonly node: ObjectRef | undefined;
  /** Of a legacy token the uid is "". */
  readonly secret: ObjectRef | undefined;
}

/** Reads verified claims; undefined when one that is needed is missing or of the wrong type. */
export function parseTokenClaims(claims: JwtClaims): TokenClaims | undefined {
  const issuer = claims["iss"];
  if (typeof issuer !== "string") return undefined;
  const parsed = issuer === legacyIssuer ? parseLegacy(claims, issuer) : parseBound(claims, issuer);
  if (!parsed) return undefined;
  const subject = typeof claims["sub"] === "string" ? splitServiceAccountUserName(claims["sub"]) : undefined;
  const isConsistent = subject?.namespace === parsed.namespace && subject.name === parsed.serviceAccount.name;
  return isConsistent ? parsed : undefined;
}

function parseBound(claims: JwtClaims, issuer: string): TokenClaims | undefined {
  const kubernetes = recordOf(claims["kubernetes.io"]);
  const serviceAccount = parseRef(kubernetes?.["serviceaccount"]);
  const namespace = kubernetes?.["namespace"];
  const exp = claims["exp"];
  if (!kubernetes || !serviceAccount || typeof namespace !== "string" || typeof exp !== "number") return undefined;
  const audiences = parseAudiences(claims["aud"]);
  if (!audiences) return undefined;
  for (const name of ["pod", "node", "secret"]) {
    // A binding that cannot be read must not turn the token into an unbound one.
    if (kubernetes[name] !== undefined && !parseRef(kubernetes[name])) return undefined;
  }
  return {
    kind: "bound",
    issuer,
    audiences,
    expiresMs: exp * 1000,
    notBeforeMs: secondsOr(claims["nbf"], 0),
    issuedAtMs: secondsOr(claims["iat"], 0),
    tokenId: typeof claims["jti"] === "string" ? claims["jti"] : "",
    namespace,
    serviceAccount,
    pod: parseRef(kubernetes["pod"]),
    node: parseRef(kubernetes["node"]),
    secret: parseRef(kubernetes["secret"]),
  };
}

function parseLegacy(claims: JwtClaims, issuer: string): TokenClaims | undefined {
  const read = (name: string): string => {
    const value = claims[`kubernetes.io/serviceaccount/${name}`];
    return typeof value === "string" ? value : "";
  };
  const namespace = read("namespace");
  const serviceAccount = { name: read("service-account.name"), uid: read("service-account.uid") };
  const secretName = read("secret.name");
  if (!namespace || !serviceAccount.name || !serviceAccount.uid || !secretName) return undefined;
  return {
    kind: "legacy",
    issuer,
    audiences: [],
    expiresMs: Number.POSITIVE_INFINITY,
    notBeforeMs: 0,
    issuedAtMs: 0,
    tokenId: "",
    namespace,
    serviceAccount,
    pod: undefined,
    node: undefined,
    secret: { name: secretName, uid: "" },
  };
}

function refTo(object: {
  readonly metadata: { readonly name?: string | undefined; readonly uid?: string | undefined };
}) {
  const { name = "", uid } = object.metadata;
  return uid ? { name, uid } : { name };
}

function parseRef(value: unknown): ObjectRef | undefined {
  const ref = recordOf(value);
  if (!ref || typeof ref["name"] !== "string" || ref["name"] === "") return undefined;
  return { name: ref["name"], uid: typeof ref["uid"] === "string" ? ref["uid"] : "" };
}

function parseAudiences(value: unknown): readonly string[] | undefined {
  if (value === undefined) return [];
  if (typeof value === "string") return [value];
  return Array.isArray(value) && value.every((one) => typeof one === "string") ? value : undefined;
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : undefined;
}

function secondsOr(value: unknown, otherwise: number): number {
  return typeof value === "number" ? value * 1000 : otherwise;
}
