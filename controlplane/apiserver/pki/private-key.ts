/**
 * Private keys of the cluster's PKI: made with node:crypto (P-256, which takes under a millisecond; RSA only where others
 * must verify with it), kept as PKCS#8 PEM, and turned into WebCrypto keys for @peculiar/x509.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject, type webcrypto } from "node:crypto";
import { promisify } from "node:util";
import { BerthError, messageOf } from "#pkg/system/errors.ts";

const generate = promisify(generateKeyPair);

export async function generateEcKey(): Promise<KeyObject> {
  return (await generate("ec", { namedCurve: "P-256" })).privateKey;
}

/** Runs on a thread of its own for some 50 to 300 ms: start it early and await it late. */
export async function generateRsaKey(modulusLength = 2048): Promise<KeyObject> {
  return (await generate("rsa", { modulusLength })).privateKey;
}

export function formatPrivateKey(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}

export function formatPublicKey(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return publicKey.export({ type: "spki", format: "pem" }).toString();
}

/** Reads PKCS#8, PKCS#1 or SEC 1 PEM. `from` names the file in the error, whose code is "Corrupt". */
export function parsePrivateKey(pem: string, from: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new BerthError("Corrupt", `${from} holds no usable private key: ${messageOf(error)}`, { cause: error });
  }
}

/** WebCrypto's names for a key and for what it signs with: SHA-256 for RSA and P-256, wider hashes for wider curves. */
export interface SigningAlgorithm {
  readonly importAs: webcrypto.EcKeyImportParams | webcrypto.RsaHashedImportParams;
  readonly signWith: { readonly name: string; readonly hash: string };
}

/** Throws "Unsupported" for keys that certificates of a cluster do not use. */
export function signingAlgorithmOf(key: KeyObject): SigningAlgorithm {
  if (key.asymmetricKeyType === "rsa") {
    const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256" };
    return { importAs: rsa, signWith: rsa };
  }
  const curve = key.asymmetricKeyDetails?.namedCurve ?? "";
  const known = curves[curve];
  if (key.asymmetricKeyType !== "ec" || !known) {
    const what = curve || (key.asymmetricKeyType ?? key.type);
    throw new BerthError("Unsupported", `cannot sign with a ${what} key; use RSA, P-256, P-384 or P-521`);
  }
  return {
    importAs: { name: "ECDSA", namedCurve: known.name },
    signWith: { name: "ECDSA", hash: known.hash },
  };
}

const curves: Readonly<Record<string, { readonly name: string; readonly hash: string }>> = {
  prime256v1: { name: "P-256", hash: "SHA-256" },
  secp384r1: { name: "P-384", hash: "SHA-384" },
  secp521r1: { name: "P-521", hash: "SHA-512" },
};
