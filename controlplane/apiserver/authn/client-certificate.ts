/**
 * Client certificates: CN is the user's name, each O a group. TLS only carries them; trust is decided here, against the
 * cluster's authority (or, for front proxies, against theirs), so that a certificate nobody knows is a 401 with a reason
 * and not a broken connection. The costly part is kept per certificate; validity in time is looked at on every request.
 */
import { createHash, X509Certificate } from "node:crypto";
import type { Clock } from "#pkg/system/clock.ts";
import { messageOf } from "#pkg/system/errors.ts";
import type { ApiRequest, UserInfo } from "../http/api-request.ts";
import { usageOids } from "../pki/issue-certificate.ts";
import { isIssuedBy, subjectOf } from "../pki/judge-certificate.ts";
import type { Authenticator } from "./authenticator.ts";
import { BoundedCache } from "./bounded-cache.ts";
import { refused } from "./refusal.ts";

/** Extended key usage "any". */
const anyUsage = "2.5.29.37.0";
const cacheSize = 4096;

interface Verdict {
  readonly notBeforeMs: number;
  readonly notAfterMs: number;
  /** Why it is not trusted, whatever the time. */
  readonly refusal: string | undefined;
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly uids: readonly string[];
  readonly fingerprint: string;
}

/** Trust in certificates that one set of authorities issued for clients. */
export class CertificateVerifier {
  readonly #authorities: readonly X509Certificate[];
  readonly #clock: Clock;
  readonly #verdicts = new BoundedCache<string, Verdict>(cacheSize);

  constructor(authorities: readonly X509Certificate[], clock: Clock) {
    this.#authorities = authorities;
    this.#clock = clock;
  }

  /** What a trusted certificate says. Throws StatusError 401 for any other. */
  verify(der: Uint8Array): Omit<Verdict, "refusal"> {
    const fingerprint = createHash("sha256").update(der).digest("hex");
    let verdict = this.#verdicts.get(fingerprint);
    if (!verdict) {
      verdict = judge(der, fingerprint, this.#authorities);
      this.#verdicts.set(fingerprint, verdict);
    }
    if (verdict.refusal) throw refused(verdict.refusal);
    const now = this.#clock.now();
    if (now < verdict.notBeforeMs) throw refused("the certificate is not valid yet");
    if (now > verdict.notAfterMs) throw refused("the certificate has expired");
    return verdict;
  }
}

/** Users by certificate. */
export class ClientCertificateAuthenticator implements Authenticator {
  readonly #verifier: CertificateVerifier;

  constructor(verifier: CertificateVerifier) {
    this.#verifier = verifier;
  }

  async authenticate(request: Pick<ApiRequest, "peerCertificate">): Promise<UserInfo | undefined> {
    if (!request.peerCertificate) return undefined;
    const { commonName, organizations, uids, fingerprint } = this.#verifier.verify(request.peerCertificate);
    if (commonName === "") return undefined;
    if (uids.length > 1) throw refused("the certificate names more than one UID");
    return {
      name: commonName,
      groups: organizations,
      ...(uids[0] === undefined ? {} : { uid: uids[0] }),
      extra: { "authentication.kubernetes.io/credential-id": [`X509SHA256=${fingerprint}`] },
    };
  }
}

function judge(der: Uint8Array, fingerprint: string, authorities: readonly X509Certificate[]): Verdict {
  const nobody = { commonName: "", organizations: [], uids: [], fingerprint, notBeforeMs: 0, notAfterMs: 0 };
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch (error) {
    return { ...nobody, refusal: `the certificate cannot be read: ${messageOf(error)}` };
  }
  const { CN, O, uid } = subjectOf(certificate);
  const issuer = authorities.find((authority) => authority.ca && isIssuedBy(certificate, authority));
  return {
    // A certificate is good for no longer than the one that vouches for it.
    notBeforeMs: Math.max(certificate.validFromDate.getTime(), issuer?.validFromDate.getTime() ?? 0),
    notAfterMs: Math.min(certificate.validToDate.getTime(), issuer?.validToDate.getTime() ?? 0),
    refusal: issuer ? usageRefusal(certificate) : "the certificate was signed by an unknown authority",
    commonName: CN.at(-1) ?? "",
    organizations: O,
    uids: uid,
    fingerprint,
  };
}

function usageRefusal(certificate: X509Certificate): string | undefined {
  // Node types it as always there; without the extension it is undefined, which means: for everything.
  const usages = certificate.keyUsage as readonly string[] | undefined;
  if (!usages || usages.includes(usageOids.client) || usages.includes(anyUsage)) return undefined;
  return "the certificate is not meant for clients";
}
