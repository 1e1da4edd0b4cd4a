/** Certificate signing requests for tests. */
import { generateKeyPairSync } from "node:crypto";
import { loadX509 } from "../issue-certificate.ts";

/** PEM as base64: the form of a CertificateSigningRequest's spec.request. */
export async function makeEncodedRequest(commonName: string, organizations: readonly string[] = []): Promise<string> {
  const x509 = await loadX509();
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const names = [...organizations.map((organization) => ({ O: [organization] })), { CN: [commonName] }];
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: new x509.Name(names).toJSON(),
    keys: {
      publicKey: publicKey.toCryptoKey(algorithm, true, ["verify"]),
      privateKey: privateKey.toCryptoKey(algorithm, true, ["sign"]),
    },
    signingAlgorithm: { name: "ECDSA", hash: "SHA-256" },
  });
  return Buffer.from(request.toString("pem")).toString("base64");
}
