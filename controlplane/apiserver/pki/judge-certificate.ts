/** Decides whether a certificate found on disk will do, or why it has to be issued anew. Pure. */
import { createPublicKey, type KeyObject, type X509Certificate } from "node:crypto";
import { type CertificateProfile, usageOids } from "./issue-certificate.ts";

/** Reissue when less than this part of the lifetime is left. */
export const renewalFraction = 0.3;

/** The reason to issue it anew, for the log; undefined: keep it. */
export function whyReissue(
  certificate: X509Certificate,
  key: KeyObject,
  profile: CertificateProfile,
  authority: X509Certificate,
  nowMs: number,
): string | undefined {
  if (!certificate.checkPrivateKey(key)) return "it does not belong to the private key beside it";
  if (!isIssuedBy(certificate, authority)) return "another authority issued it";
  const { CN, O } = subjectOf(certificate);
  if (CN[0] !== profile.commonName) return `it names ${CN[0] ?? "nobody"} instead of ${profile.commonName}`;
  if (O.toSorted().join() !== (profile.organizations ?? []).toSorted().join()) return "its organizations differ";
  const usages = certificate.keyUsage ?? [];
  const missingUsage = profile.usages.find((usage) => !usages.includes(usageOids[usage]));
  if (missingUsage) return `it is not meant for a ${missingUsage}`;
  const missingName = missingAlternativeName(certificate, profile);
  if (missingName) return `it lacks the name ${missingName}`;
  if (nowMs < certificate.validFromDate.getTime()) return "it is not valid yet";
  if (nowMs >= renewalTime(certificate)) return `it runs out on ${certificate.validTo}`;
  return undefined;
}

/** When a certificate should be issued anew, in milliseconds since the epoch. */
export function renewalTime(certificate: X509Certificate): number {
  const [start, end] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return end - (end - start) * renewalFraction;
}

/** True when the authority's key made the signature and the names chain. */
export function isIssuedBy(certificate: X509Certificate, authority: X509Certificate): boolean {
  return certificate.checkIssued(authority) && certificate.verify(authority.publicKey);
}

export function isPairOf(certificate: X509Certificate, key: KeyObject): boolean {
  return certificate.publicKey.equals(createPublicKey(key));
}

/** Attributes of the subject as unescaped text, each a list since it may come more than once. */
export function subjectOf(certificate: X509Certificate): {
  readonly CN: readonly string[];
  readonly O: readonly string[];
  readonly uid: readonly string[];
} {
  const subject = certificate.toLegacyObject().subject as unknown as
    | Record<string, string | readonly string[]>
    | undefined;
  const list = (name: string): readonly string[] => {
    const value = subject?.[name];
    return value === undefined ? [] : typeof value === "string" ? [value] : value;
  };
  return { CN: list("CN"), O: list("O"), uid: list(uidAttribute) };
}

/** Kubernetes' own attribute for a user's uid in a client certificate. */
const uidAttribute = "1.3.6.1.4.1.57683.2";

function missingAlternativeName(certificate: X509Certificate, profile: CertificateProfile): string | undefined {
  return (
    profile.dnsNames?.find((name) => certificate.checkHost(name, { subject: "never" }) === undefined) ??
    profile.ipAddresses?.find((address) => certificate.checkIP(address) === undefined)
  );
}
