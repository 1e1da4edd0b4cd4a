/** The cluster's authority as a signer of certificate requests, for the controllers. */
import type { Clock } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { type CertificateRequest, parseCertificateRequest, signCertificateRequest } from "./certificate-request.ts";
import type { CertificateUsage } from "./issue-certificate.ts";
import type { Authority } from "./pki-folder.ts";

/** Clocks of those who verify may run behind ours. */
const backdateMs = 5 * 60_000;

export interface RequestSigner {
  parse(requestPem: string): Promise<CertificateRequest>;
  sign(requestPem: string, usages: readonly CertificateUsage[], lifetimeMs: number): Promise<string>;
}

/** Undefined when the authority's key is not here. Both methods throw BerthError "Invalid" for what cannot be signed. */
export function createCertificateSigner(
  { certificatePem, key }: Authority,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
): RequestSigner | undefined {
  if (!key) return undefined;
  return {
    parse: parseCertificateRequest,
    async sign(requestPem, usages, lifetimeMs) {
      const nowMs = clock.now();
      const validity = { notBeforeMs: nowMs - backdateMs, notAfterMs: nowMs + lifetimeMs };
      const request = await parseCertificateRequest(requestPem);
      return await signCertificateRequest(request, usages, { certificatePem, key }, validity, random);
    },
  };
}
