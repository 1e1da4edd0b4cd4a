/**
 * Issuing X.509 certificates. @peculiar/x509 takes some 60 ms to load, so it is imported only here and only when something
 * is issued: a server whose certificates are all there and good never loads it.
 */
import { createPublicKey, type KeyObject, X509Certificate } from "node:crypto";
import { isIP } from "node:net";
import type * as X509 from "@peculiar/x509";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Random } from "#pkg/system/random.ts";
import { signingAlgorithmOf } from "./private-key.ts";

export type CertificateUsage = "client" | "server";

/** What a certificate says about its holder. */
export interface CertificateProfile {
  readonly commonName: string;
  /** Kubernetes reads them as groups. */
  readonly organizations?: readonly string[] | undefined;
  readonly dnsNames?: readonly string[] | undefined;
  readonly ipAddresses?: readonly string[] | undefined;
  /** Empty for an authority. */
  readonly usages: readonly CertificateUsage[];
}

export interface Validity {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
}

/** Who signs: the certificate and its private key. */
export interface Issuer {
  readonly certificatePem: string;
  readonly key: KeyObject;
}

/** A self-signed authority for `key`. */
export async function issueAuthority(
  commonName: string,
  key: KeyObject,
  validity: Validity,
  random: Random,
): Promise<string> {
  const { x509, publicKey, signingKey, algorithm } = await prepare(key, key);
  const name = new x509.Name([{ CN: [commonName] }]).toJSON();
  const usages = x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment;
  const certificate = await x509.X509CertificateGenerator.create({
    ...fields(validity, random),
    subject: name,
    issuer: name,
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(usages | x509.KeyUsageFlags.keyCertSign, true),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** A certificate for whoever holds the private half of `subjectKey` (which may be that half). Its end is cut to the issuer's. */
export async function issueCertificate(
  profile: CertificateProfile,
  subjectKey: KeyObject,
  issuer: Issuer,
  validity: Validity,
  random: Random,
): Promise<string> {
  const { x509, publicKey, signingKey, algorithm } = await prepare(subjectKey, issuer.key);
  const authority = new x509.X509Certificate(issuer.certificatePem);
  const notAfterMs = Math.min(validity.notAfterMs, authority.notAfter.getTime());
  const subject = [
    ...(profile.organizations ?? []).map((organization) => ({ O: [organization] })),
    ...(profile.commonName ? [{ CN: [profile.commonName] }] : []),
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    ...fields({ notBeforeMs: validity.notBeforeMs, notAfterMs }, random),
    subject: new x509.Name(subject).toJSON(),
    issuer: authority.subjectName.toJSON(),
    publicKey,
    signingKey,
    signingAlgorithm: algorithm,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(leafKeyUsages(x509, subjectKey), true),
      ...(profile.usages.length
        ? [new x509.ExtendedKeyUsageExtension(profile.usages.map((one) => usageOids[one]))]
        : []),
      await x509.AuthorityKeyIdentifierExtension.create(authority.publicKey),
      ...alternativeNames(x509, profile),
    ],
  });
  return `${certificate.toString("pem")}\n`;
}

/** Extended key usage by its object identifier. */
export const usageOids: Readonly<Record<CertificateUsage, string>> = {
  server: "1.3.6.1.5.5.7.3.1",
  client: "1.3.6.1.5.5.7.3.2",
};

/** Loads @peculiar/x509; its container needs reflect-metadata first. */
export async function loadX509(): Promise<typeof X509> {
  await import("reflect-metadata");
  return import("@peculiar/x509");
}

async function prepare(subjectKey: KeyObject, issuerKey: KeyObject) {
  const x509 = await loadX509();
  const subject = signingAlgorithmOf(subjectKey);
  const issuer = signingAlgorithmOf(issuerKey);
  return {
    x509,
    publicKey: (subjectKey.type === "private" ? createPublicKey(subjectKey) : subjectKey).toCryptoKey(
      subject.importAs,
      true,
      ["verify"],
    ),
    signingKey: issuerKey.toCryptoKey(issuer.importAs, false, ["sign"]),
    algorithm: issuer.signWith,
  };
}

function fields(validity: Validity, random: Random) {
  return {
    // 127 bits: positive in DER whatever comes, and unpredictable as CA/Browser rules want it.
    serialNumber: Buffer.from(
      random.bytes(16).map((byte, index) => (index === 0 ? (byte & 0x7f) | 0x40 : byte)),
    ).toString("hex"),
    notBefore: new Date(validity.notBeforeMs),
    notAfter: new Date(validity.notAfterMs),
  };
}

function leafKeyUsages(x509: typeof X509, key: KeyObject): number {
  const { digitalSignature, keyEncipherment } = x509.KeyUsageFlags;
  return key.asymmetricKeyType === "rsa" ? digitalSignature | keyEncipherment : digitalSignature;
}

function alternativeNames(x509: typeof X509, profile: CertificateProfile): X509.Extension[] {
  const names = [
    ...(profile.dnsNames ?? []).map((value) => ({ type: "dns" as const, value })),
    ...(profile.ipAddresses ?? []).map((value) => ({ type: "ip" as const, value: checkIp(value) })),
  ];
  return names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : [];
}

function checkIp(text: string): string {
  if (isIP(text)) return text;
  throw new BerthError("Invalid", `"${text}" is not an IP address and cannot stand in a certificate as one`);
}

/** The first certificate in the text. `from` names the file in the error, whose code is "Corrupt". */
export function parseCertificate(pem: string, from: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new BerthError("Corrupt", `${from} holds no readable certificate: ${messageOf(error)}`, { cause: error });
  }
}

/** Every certificate of a bundle, in order. */
export function parseCertificates(pem: string, from: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g) ?? [];
  return blocks.map((block) => parseCertificate(block, from));
}
