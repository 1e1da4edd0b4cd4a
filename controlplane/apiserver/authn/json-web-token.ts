/**
 * Compact JSON Web Tokens as the cluster uses them: RS256 and the ECDSA family, signed and verified with node:crypto, which
 * is several times quicker than going through WebCrypto. The algorithm follows from the key that the `kid` names, never
 * from what the token claims about itself.
 */
import { createHash, createPublicKey, type KeyObject, sign, verify } from "node:crypto";
import { BerthError } from "#pkg/system/errors.ts";

export type JwtAlgorithm = "RS256" | "ES256" | "ES384" | "ES512";

export interface JwtKey {
  /** SHA-256 of the public key's DER form, base64url: the id upstream derives too. */
  readonly keyId: string;
  readonly algorithm: JwtAlgorithm;
  readonly publicKey: KeyObject;
}

/** Claims by name, as parsed; nothing about them is checked. */
export type JwtClaims = Readonly<Record<string, unknown>>;

/** Throws "Unsupported" for keys that JWTs of a cluster are not signed with. */
export function jwtKeyOf(key: KeyObject): JwtKey {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  const der = publicKey.export({ type: "spki", format: "der" });
  return { keyId: createHash("sha256").update(der).digest("base64url"), algorithm: algorithmOf(publicKey), publicKey };
}

export function signJwt(claims: JwtClaims, privateKey: KeyObject): string {
  const { keyId, algorithm } = jwtKeyOf(privateKey);
  const input = `${encode({ alg: algorithm, kid: keyId })}.${encode(claims)}`;
  const signature = sign(hashes[algorithm], Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" });
  return `${input}.${signature.toString("base64url")}`;
}

/** The claims of something shaped like a token, unverified: only to see whose it might be. */
export function readUnverifiedClaims(token: string): JwtClaims | undefined {
  const parts = token.split(".");
  return parts.length === 3 ? decode(parts[1] ?? "") : undefined;
}

/** The claims, when one of the keys made the signature. */
export function verifyJwt(token: string, keys: readonly JwtKey[]): JwtClaims | undefined {
  const [head = "", body = "", tail = "", ...rest] = token.split(".");
  const header = rest.length === 0 ? decode(head) : undefined;
  if (!header) return undefined;
  const { kid, alg } = header;
  const input = Buffer.from(`${head}.${body}`);
  const signature = Buffer.from(tail, "base64url");
  for (const key of keys) {
    if (kid !== undefined && kid !== "" && kid !== key.keyId) continue;
    if (alg !== key.algorithm) continue;
    const how = { key: key.publicKey, dsaEncoding: "ieee-p1363" } as const;
    if (verify(hashes[key.algorithm], input, how, signature)) return decode(body);
  }
  return undefined;
}

const hashes: Readonly<Record<JwtAlgorithm, string>> = {
  RS256: "sha256",
  ES256: "sha256",
  ES384: "sha384",
  ES512: "sha512",
};

const curves: Readonly<Record<string, JwtAlgorithm>> = {
  prime256v1: "ES256",
  secp384r1: "ES384",
  secp521r1: "ES512",
};

function algorithmOf(key: KeyObject): JwtAlgorithm {
  if (key.asymmetricKeyType === "rsa") return "RS256";
  const algorithm = curves[key.asymmetricKeyDetails?.namedCurve ?? ""];
  if (key.asymmetricKeyType === "ec" && algorithm) return algorithm;
  throw new BerthError("Unsupported", `tokens cannot be signed with a ${key.asymmetricKeyType} key; use RSA or ECDSA`);
}

function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString("base64url");
}

function decode(part: string): JwtClaims | undefined {
  if (!/^[A-Za-z0-9_-]+$/.test(part)) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(part, "base64url").toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JwtClaims) : undefined;
  } catch {
    return undefined;
  }
}
