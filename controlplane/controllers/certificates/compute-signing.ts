/**
 * Which certificate requests each of the cluster's signers accepts. Pure.
 * Source: pkg/apis/certificates/helpers.go, pkg/controller/certificates/signer/signer.go (v1.36).
 */
import type { CertificateSigningRequest } from "#pkg/api/certificates/v1.ts";
import type { RequestedCertificate } from "./certificate-signer.ts";

const prefix = "kubernetes.io/";
export const nodeClientSigner = `${prefix}kube-apiserver-client-kubelet`;
export const signers = {
  client: `${prefix}kube-apiserver-client`,
  nodeClient: nodeClientSigner,
  serving: `${prefix}kubelet-serving`,
  legacy: `${prefix}legacy-unknown`,
} as const;

const nodePrefix = "system:node:";
const minLifetimeMs = 10 * 60_000;
const maxLifetimeMs = 365 * 24 * 3600_000;

export function isHandled({ spec }: CertificateSigningRequest): boolean {
  return (Object.values(signers) as readonly string[]).includes(spec.signerName);
}

export function hasCondition({ status }: CertificateSigningRequest, type: string): boolean {
  return (status?.conditions ?? []).some((condition) => condition.type === type);
}

/** Why the signer refuses; undefined when it does not. */
export function whyRefused(csr: CertificateSigningRequest, asked: RequestedCertificate): string | undefined {
  const usages = csr.spec.usages ?? [];
  switch (csr.spec.signerName) {
    case signers.client:
      return usages.every((usage) => ["client auth", "digital signature", "key encipherment"].includes(usage)) &&
        usages.includes("client auth")
        ? undefined
        : "usages did not match signer";
    case signers.nodeClient:
      return whyNoNodeClient(usages, asked);
    case signers.serving:
      return whyNoServing(usages, asked);
    default:
      return undefined;
  }
}

function whyNoNode({ organizations, commonName, emailAddresses, uris }: RequestedCertificate): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== "system:nodes")
    return "subject organization is not system:nodes";
  if (emailAddresses.length > 0) return "email subjectAltNames are not allowed";
  if (uris.length > 0) return "URI subjectAltNames are not allowed";
  return commonName.startsWith(nodePrefix) ? undefined : "subject common name does not begin with system:node:";
}

function whyNoNodeClient(usages: readonly string[], asked: RequestedCertificate): string | undefined {
  if (asked.dnsNames.length > 0) return "DNS subjectAltNames are not allowed";
  if (asked.ipAddresses.length > 0) return "IP subjectAltNames are not allowed";
  return whyNoNode(asked) ?? whyOtherUsages(usages, "client auth");
}

function whyNoServing(usages: readonly string[], asked: RequestedCertificate): string | undefined {
  if (asked.dnsNames.length + asked.ipAddresses.length === 0) return "DNS or IP subjectAltName is required";
  return whyNoNode(asked) ?? whyOtherUsages(usages, "server auth");
}

function whyOtherUsages(usages: readonly string[], needed: string): string | undefined {
  const allowed = ["digital signature", "key encipherment", needed];
  const isExact = usages.includes(needed) && usages.includes("digital signature");
  return isExact && usages.every((usage) => allowed.includes(usage)) ? undefined : "usages did not match signer";
}

export function certificateUsages({ spec }: CertificateSigningRequest): readonly ("client" | "server")[] {
  const usages = spec.usages ?? [];
  return [
    ...(usages.includes("client auth") ? (["client"] as const) : []),
    ...(usages.includes("server auth") ? (["server"] as const) : []),
  ];
}

/** What was asked for within what is ever given. */
export function lifetimeMs({ spec }: CertificateSigningRequest): number {
  const asked = spec.expirationSeconds === undefined ? maxLifetimeMs : spec.expirationSeconds * 1000;
  return Math.min(maxLifetimeMs, Math.max(minLifetimeMs, asked));
}

/** Requests for a node's own client certificate, by the name of the permission that lets them pass without a person. */
export function approvalSubresource(
  csr: CertificateSigningRequest,
  asked: RequestedCertificate,
): "nodeclient" | "selfnodeclient" | undefined {
  if (csr.spec.signerName !== nodeClientSigner || whyRefused(csr, asked) !== undefined) return undefined;
  return csr.spec.username === asked.commonName ? "selfnodeclient" : "nodeclient";
}

const hourMs = 3600_000;

/** When the request may be thrown away. */
export function expiryMs(csr: CertificateSigningRequest): number {
  const settled = (csr.status?.conditions ?? []).filter(({ type }) => ["Approved", "Denied", "Failed"].includes(type));
  const times = settled.map(({ lastUpdateTime }) => Date.parse(lastUpdateTime ?? "")).filter(Number.isFinite);
  if (times.length > 0) return Math.max(...times) + hourMs;
  return Date.parse(csr.metadata.creationTimestamp ?? "") + 24 * hourMs;
}
