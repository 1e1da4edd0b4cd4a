/**
 * CertificateApproval, CertificateSigning and CertificateSubjectRestriction: who approves or signs a request needs the
 * right for its signer, and nobody gets into system:masters by way of a certificate.
 */
import type { CertificateSigningRequest } from "#pkg/api/certificates/v1.ts";
import { messageOf } from "#pkg/system/errors.ts";
import { groups } from "../authn/user-names.ts";
import type { Authorizer } from "../authz/authorizer.ts";
import { parseCertificateRequest } from "../pki/certificate-request.ts";
import { equalJson } from "../registry/equal-json.ts";
import type { AdmissionAttributes, AdmissionPlugin } from "./admission.ts";
import { isRequest, refuse } from "./attributes.ts";

const requests = "certificatesigningrequests.certificates.k8s.io";
const group = "certificates.k8s.io";
export const clientSigner = "kubernetes.io/kube-apiserver-client";

/** The signer is read from the stored request: the new one might name another. */
export function certificateApproval(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateApproval",
    handles: (attributes) => isRequest(attributes, `${requests}/approval`, "UPDATE"),
    async validate(attributes) {
      const { signerName } = (attributes.oldObject as CertificateSigningRequest).spec;
      if (await mayUseSigner(authorizer, attributes, "approve", signerName)) return;
      throw refuse(attributes, `user not permitted to approve requests with signerName ${JSON.stringify(signerName)}`);
    },
  };
}

export function certificateSigning(authorizer: Authorizer): AdmissionPlugin {
  return {
    name: "CertificateSigning",
    handles: (attributes) => isRequest(attributes, `${requests}/status`, "UPDATE"),
    async validate(attributes) {
      const old = attributes.oldObject as CertificateSigningRequest;
      const next = attributes.object as CertificateSigningRequest;
      const isUnchanged =
        old.status?.certificate === next.status?.certificate &&
        equalJson(old.status?.conditions ?? [], next.status?.conditions ?? []);
      if (isUnchanged || (await mayUseSigner(authorizer, attributes, "sign", old.spec.signerName))) return;
      const signer = JSON.stringify(old.spec.signerName);
      throw refuse(attributes, `user not permitted to sign requests with signerName ${signer}`);
    },
  };
}

export const certificateSubjectRestriction: AdmissionPlugin = {
  name: "CertificateSubjectRestriction",
  handles: (attributes) => isRequest(attributes, requests, "CREATE"),
  async validate(attributes) {
    const { spec } = attributes.object as CertificateSigningRequest;
    if (spec.signerName !== clientSigner) return;
    const { organizations } = await readRequest(attributes, spec.request, "failed to parse CSR");
    if (!organizations.includes(groups.masters)) return;
    throw refuse(attributes, `use of ${clientSigner} signer with system:masters group is not allowed`);
  },
};

/** `encoded` is the object's field: PEM as base64. */
export async function readRequest(attributes: AdmissionAttributes, encoded: string, what: string) {
  try {
    return await parseCertificateRequest(Buffer.from(encoded, "base64").toString("utf8"));
  } catch (error) {
    throw refuse(attributes, `${what}: ${messageOf(error)}`);
  }
}

/** The right is given for one signer, or for all of a domain as `example.com/*`. */
async function mayUseSigner(
  authorizer: Authorizer,
  { user }: AdmissionAttributes,
  verb: string,
  signerName: string,
): Promise<boolean> {
  const domain = `${signerName.split("/")[0] ?? ""}/*`;
  for (const name of [signerName, domain]) {
    const what = {
      apiGroup: group,
      apiVersion: "*",
      resource: "signers",
      subresource: "",
      namespace: "",
      name,
      path: "",
    };
    const { decision } = await authorizer.authorize({ ...what, user, verb, isResourceRequest: true });
    if (decision === "allow") return true;
  }
  return false;
}
