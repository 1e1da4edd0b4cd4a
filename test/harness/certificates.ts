/** A certificate authority of a test's own, with one server and one client certificate for loopback, as PEM files. */
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { issueAuthority, issueCertificate, type Validity } from "#controlplane/apiserver/pki/issue-certificate.ts";
import { systemRandom } from "#pkg/system/random.ts";

export interface CertificateFiles {
  readonly ca: string;
  readonly serverCert: string;
  readonly serverKey: string;
  readonly clientCert: string;
  readonly clientKey: string;
}

const dayMs = 24 * 3600 * 1000;

export async function writeTestCertificates(folder: string): Promise<CertificateFiles> {
  await mkdir(folder, { recursive: true });
  const validity: Validity = { notBeforeMs: Date.now() - dayMs, notAfterMs: Date.now() + dayMs };
  const authorityKey = newKey();
  const certificatePem = await issueAuthority("berth-test", authorityKey, validity, systemRandom);
  const issuer = { certificatePem, key: authorityKey };
  const [serverKey, clientKey] = [newKey(), newKey()];
  // etcd also uses its server certificate as a client of itself, for its gateway.
  const server = { commonName: "server", dnsNames: ["localhost"], ipAddresses: ["127.0.0.1"] };
  const write = async (name: string, pem: string): Promise<string> => {
    const file = path.join(folder, name);
    await writeFile(file, pem, { mode: 0o600 });
    return file;
  };
  return {
    ca: await write("ca.crt", certificatePem),
    serverCert: await write(
      "server.crt",
      await issueCertificate({ ...server, usages: ["server", "client"] }, serverKey, issuer, validity, systemRandom),
    ),
    serverKey: await write("server.key", pemOf(serverKey)),
    clientCert: await write(
      "client.crt",
      await issueCertificate({ commonName: "client", usages: ["client"] }, clientKey, issuer, validity, systemRandom),
    ),
    clientKey: await write("client.key", pemOf(clientKey)),
  };
}

function newKey(): KeyObject {
  return generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
}

function pemOf(key: KeyObject): string {
  return key.export({ type: "pkcs8", format: "pem" }).toString();
}
