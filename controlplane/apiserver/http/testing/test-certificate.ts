/** Self-signed P-256 certificates for tests of the TLS edge. */
import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";
import type { TlsMaterial } from "../http-listener.ts";

export interface TestCertificate extends TlsMaterial {
  readonly der: Uint8Array;
}

/** A certificate for localhost and 127.0.0.1, valid for ten years from 2020 on. */
export async function makeTestCertificate(commonName = "localhost"): Promise<TestCertificate> {
  const crypto = webcrypto as unknown as Crypto;
  const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: "01",
      name: `CN=${commonName}`,
      notBefore: new Date(Date.UTC(2020, 0, 1)),
      notAfter: new Date(Date.UTC(2040, 0, 1)),
      signingAlgorithm: algorithm,
      keys: keys as unknown as x509.X509CertificateCreateSelfSignedParams["keys"],
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.SubjectAlternativeNameExtension([
          { type: "dns", value: "localhost" },
          { type: "ip", value: "127.0.0.1" },
        ]),
      ],
    },
    crypto,
  );
  const key = KeyObject.from(keys.privateKey);
  return {
    certificate: certificate.toString("pem"),
    privateKey: key.export({ type: "pkcs8", format: "pem" }).toString(),
    der: new Uint8Array(certificate.rawData),
  };
}
