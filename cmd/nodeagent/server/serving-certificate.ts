/**
 * The certificate the agent's server shows: that of files, or one it signs itself and keeps, since most callers check the
 * connection by the port they were told and not by a name.
 */
import { X509Certificate } from "node:crypto";
import path from "node:path";
import type { Clock } from "#pkg/system/clock.ts";
import { isNotFound } from "#pkg/system/errors.ts";
import type { Files } from "#pkg/system/files.ts";

export interface ServingCertificate {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
}

export interface ServingCertificateOptions {
  /** Both or neither. */
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  /** Where a self-signed one is kept, as kubelet.crt and kubelet.key. */
  readonly folder: string;
  readonly nodeName: string;
  readonly addresses: readonly string[];
}

const yearMs = 365 * 24 * 3600_000;
/** One that ends sooner is made again at the next start. */
const leastLeftMs = 30 * 24 * 3600_000;

export async function ensureServingCertificate(
  options: ServingCertificateOptions,
  { files, clock }: { readonly files: Files; readonly clock: Clock },
): Promise<ServingCertificate> {
  const certFile = options.certFile ?? path.join(options.folder, "kubelet.crt");
  const keyFile = options.keyFile ?? path.join(options.folder, "kubelet.key");
  if (options.certFile) return await read(certFile, keyFile, files);
  try {
    const kept = await read(certFile, keyFile, files);
    if (stillFits(kept.certificatePem, options, clock.now())) return kept;
  } catch (error) {
    if (!isNotFound(error)) throw error;
  }
  const made = await signOwn(options, clock.now());
  await files.writeAtomic(keyFile, made.privateKeyPem, { mode: 0o600 });
  await files.writeAtomic(certFile, made.certificatePem, { mode: 0o644 });
  return made;
}

async function read(certFile: string, keyFile: string, files: Files): Promise<ServingCertificate> {
  const [certificatePem, privateKeyPem] = await Promise.all([files.readText(certFile), files.readText(keyFile)]);
  return { certificatePem, privateKeyPem };
}

function stillFits(pem: string, { addresses, nodeName }: ServingCertificateOptions, nowMs: number): boolean {
  try {
    const certificate = new X509Certificate(pem);
    const named = (certificate.subjectAltName ?? "")
      .split(", ")
      .map((entry) => entry.replace(/^(DNS|IP Address):/, ""));
    if (certificate.validToDate.getTime() - nowMs < leastLeftMs) return false;
    return [nodeName, ...addresses].every((name) => named.includes(name) || name.includes(":"));
  } catch {
    return false;
  }
}

async function signOwn({ nodeName, addresses }: ServingCertificateOptions, nowMs: number): Promise<ServingCertificate> {
  // Loading it costs memory for as long as the agent runs; most starts need it not.
  await import("reflect-metadata");
  const x509 = await import("@peculiar/x509");
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"]);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    name: `CN=${nodeName}@${Math.floor(nowMs / 1000)}`,
    notBefore: new Date(nowMs - 3600_000),
    notAfter: new Date(nowMs + yearMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension([
        { type: "dns", value: nodeName },
        ...addresses.map((value) => ({ type: "ip" as const, value })),
      ]),
    ],
  });
  const key = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey)).toString("base64");
  const lines = key.match(/.{1,64}/g) ?? [];
  return {
    certificatePem: `${certificate.toString("pem")}\n`,
    privateKeyPem: `-----BEGIN PRIVATE KEY-----\n${lines.join("\n")}\n-----END PRIVATE KEY-----\n`,
  };
}
