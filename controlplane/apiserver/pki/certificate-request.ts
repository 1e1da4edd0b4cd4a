/**
 * Certificate signing requests (PKCS#10): reading what is asked for, and signing it. Nothing of the request is taken over
 * unchecked: the subject and the alternative names are read, shown to whoever decides, and written anew.
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import type * as X509 from "@peculiar/x509";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import type { Random } from "#pkg/system/random.ts";
import { type CertificateUsage, type Issuer, issueCertificate, loadX509, type Validity } from "./issue-certificate.ts";

export interface CertificateRequest {
  readonly commonName: string;
  readonly organizations: readonly string[];
  readonly dnsNames: readonly string[];
  readonly ipAddresses: readonly string[];
  readonly emailAddresses: readonly string[];
  readonly uris: readonly string[];
  readonly publicKey: KeyObject;
}

/** Throws "Invalid" for text that is no request, and for one whose signature is not by its own key. */
export async function parseCertificateRequest(pem: string): Promise<CertificateRequest> {
  const block = /-----BEGIN (?:NEW )?CERTIFICATE REQUEST-----[\s\S]*?-----END (?:NEW )?CERTIFICATE REQUEST-----/.exec(
    pem,
  );
  if (!block) throw new BerthError("Invalid", "PEM block type must be CERTIFICATE REQUEST");
  const x509 = await loadX509();
  try {
    const request = new x509.Pkcs10CertificateRequest(block[0].replaceAll("NEW CERTIFICATE", "CERTIFICATE"));
    if (!(await request.verify())) throw new BerthError("Invalid", "the request is not signed by its own key");
    return readRequest(x509, request);
  } catch (error) {
    if (error instanceof BerthError) throw error;
    throw new BerthError("Invalid", `cannot read the certificate request: ${messageOf(error)}`, { cause: error });
  }
}

function readRequest(x509: typeof X509, request: X509.Pkcs10CertificateRequest): CertificateRequest {
  const extension = request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
  const names = extension?.names.items ?? [];
  const ofType = (type: X509.GeneralNameType): readonly string[] =>
    names.filter((name) => name.type === type).map((name) => name.value);
  return {
    commonName: request.subjectName.getField("CN")[0] ?? "",
    organizations: request.subjectName.getField("O"),
    dnsNames: ofType("dns"),
    ipAddresses: ofType("ip"),
    emailAddresses: ofType("email"),
    uris: ofType("url"),
    publicKey: createPublicKey({ key: Buffer.from(request.publicKey.rawData), format: "der", type: "spki" }),
  };
}

/** Signs what was asked for, for these usages and this time; the result never is an authority. */
export async function signCertificateRequest(
  request: CertificateRequest,
  usages: readonly CertificateUsage[],
  issuer: Issuer,
  validity: Validity,
  random: Random,
): Promise<string> {
  if (request.emailAddresses.length > 0 || request.uris.length > 0) {
    throw new BerthError("Invalid", "a certificate with e-mail addresses or URIs cannot be signed here");
  }
  const { commonName, organizations, dnsNames, ipAddresses, publicKey } = request;
  const profile = { commonName, organizations, dnsNames, ipAddresses, usages };
  return issueCertificate(profile, publicKey, issuer, validity, random);
}
