/** A certificate authority of a test's own, and certificates from it. P-256, valid from 2020 to 2040. */
import "reflect-metadata";
import { KeyObject, webcrypto } from "node:crypto";
import * as x509 from "@peculiar/x509";

export interface CertificateAndKey {
  readonly certificatePem: string;
  readonly keyPem: string;
}

export interface TestAuthority {
  readonly caPem: string;
  /** For a server with these names and addresses. */
  serving(dnsNames: readonly string[], addresses?: readonly string[]): Promise<CertificateAndKey>;
  /** For a client that is called this. */
  client(commonName: string): Promise<CertificateAndKey>;
}

const crypto = webcrypto as unknown as Crypto;
const algorithm = { name: "ECDSA", namedCurve: "P-256", hash: "SHA-256" };
const validity = { notBefore: new Date(Date.UTC(2020, 0, 1)), notAfter: new Date(Date.UTC(2040, 0, 1)) };

export async function makeTestAuthority(name = "test-ca"): Promise<TestAuthority> {
  const keys = await newKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: "01",
      name: `CN=${name}`,
      ...validity,
      signingAlgorithm: algorithm,
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, undefined, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    },
    crypto,
  );
  let serial = 1;

  async function issue(subject: string, extensions: readonly x509.Extension[]): Promise<CertificateAndKey> {
    const own = await newKeys();
    const serialNumber = (++serial).toString(16).padStart(2, "0");
    const certificate = await x509.X509CertificateGenerator.create(
      {
        serialNumber,
        subject,
        issuer: ca.subject,
        ...validity,
        signingAlgorithm: algorithm,
        signingKey: keys.privateKey,
        publicKey: own.publicKey,
        extensions: [...extensions],
      },
      crypto,
    );
    const key = KeyObject.from(own.privateKey as unknown as webcrypto.CryptoKey);
    return {
      certificatePem: certificate.toString("pem"),
      keyPem: key.export({ type: "pkcs8", format: "pem" }).toString(),
    };
  }

  return {
    caPem: ca.toString("pem"),
    serving: (dnsNames, addresses = []) =>
      issue(`CN=${dnsNames[0] ?? "server"}`, [
        new x509.SubjectAlternativeNameExtension([
          ...dnsNames.map((value) => ({ type: "dns" as const, value })),
          ...addresses.map((value) => ({ type: "ip" as const, value })),
        ]),
      ]),
    client: (commonName) => issue(`CN=${commonName}`, []),
  };
}

async function newKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ["sign", "verify"])) as webcrypto.CryptoKeyPair;
}
