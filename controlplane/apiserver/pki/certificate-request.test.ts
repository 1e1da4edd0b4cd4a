import { X509Certificate } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemRunner } from "#pkg/system/exec.ts";
import { systemRandom } from "#pkg/system/random.ts";
import { parseCertificateRequest, signCertificateRequest } from "./certificate-request.ts";
import { type Issuer, issueAuthority } from "./issue-certificate.ts";
import { isIssuedBy, subjectOf } from "./judge-certificate.ts";
import { generateEcKey } from "./private-key.ts";

let folder: string;
let nodeRequest: string;
let issuer: Issuer;
const now = Date.UTC(2026, 5, 1);
const validity = { notBeforeMs: now, notAfterMs: now + 3600_000 };

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), "berth-csr-"));
  nodeRequest = await makeRequest("/O=system:nodes/CN=system:node:n1", "DNS:n1.example,IP:192.0.2.1");
  const key = await generateEcKey();
  const notAfterMs = now + 30 * 24 * 3600_000;
  issuer = {
    key,
    certificatePem: await issueAuthority("kubernetes", key, { notBeforeMs: now, notAfterMs }, systemRandom),
  };
});

afterAll(() => rm(folder, { recursive: true }));

async function makeRequest(subject: string, names: string, algorithm = "ec"): Promise<string> {
  const out = path.join(folder, "request.pem");
  const curve = algorithm === "ec" ? ["-pkeyopt", "ec_paramgen_curve:prime256v1"] : [];
  const key = ["-newkey", algorithm, ...curve, "-nodes", "-keyout", path.join(folder, "key.pem")];
  const extension = names ? ["-addext", `subjectAltName=${names}`] : [];
  await systemRunner.run({ argv: ["openssl", "req", "-new", ...key, "-out", out, "-subj", subject, ...extension] });
  return readFile(out, "utf8");
}

describe("parseCertificateRequest", () => {
  test("reads what openssl wrote for a kubelet", async () => {
    expect(await parseCertificateRequest(nodeRequest)).toMatchObject({
      commonName: "system:node:n1",
      organizations: ["system:nodes"],
      dnsNames: ["n1.example"],
      ipAddresses: ["192.0.2.1"],
      emailAddresses: [],
      uris: [],
    });
  });

  test("reads an RSA request without alternative names", async () => {
    const request = await parseCertificateRequest(await makeRequest("/CN=dev/O=a/O=b", "", "rsa:2048"));
    expect(request).toMatchObject({ commonName: "dev", organizations: ["a", "b"], dnsNames: [] });
    expect(request.publicKey.asymmetricKeyType).toBe("rsa");
  });

  test.each([
    ["no PEM", "hello"],
    ["the wrong block", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"],
    ["a block of garbage", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----"],
  ])("refuses %s", async (_what, pem) => {
    await expect(parseCertificateRequest(pem)).rejects.toMatchObject({ code: "Invalid" });
  });

  test("refuses a request whose subject was changed after it was signed", async () => {
    const [begin, ...rest] = nodeRequest.trim().split("\n");
    const bytes = Buffer.from(rest.slice(0, -1).join(""), "base64");
    const at = bytes.indexOf("system:node:n1");
    bytes.write("system:node:n2", at);
    const changed = [begin, bytes.toString("base64"), rest.at(-1)].join("\n");
    await expect(parseCertificateRequest(changed)).rejects.toThrow("not signed by its own key");
  });
});

describe("signCertificateRequest", () => {
  test("signs for the key, names and usages that were asked for, and never an authority", async () => {
    const request = await parseCertificateRequest(nodeRequest);
    const pem = await signCertificateRequest(request, ["client"], issuer, validity, systemRandom);
    const certificate = new X509Certificate(pem);
    expect(subjectOf(certificate)).toMatchObject({ CN: ["system:node:n1"], O: ["system:nodes"] });
    expect(isIssuedBy(certificate, new X509Certificate(issuer.certificatePem))).toBe(true);
    expect(certificate.publicKey.equals(request.publicKey)).toBe(true);
    expect(certificate.ca).toBe(false);
    expect(certificate.keyUsage).toEqual(["1.3.6.1.5.5.7.3.2"]);
    expect(certificate.validToDate.getTime()).toBe(validity.notAfterMs);
  });

  test("does not outlive the authority", async () => {
    const request = await parseCertificateRequest(nodeRequest);
    const long = { notBeforeMs: now, notAfterMs: now + 400 * 24 * 3600_000 };
    const pem = await signCertificateRequest(request, ["client"], issuer, long, systemRandom);
    expect(new X509Certificate(pem).validToDate).toEqual(new X509Certificate(issuer.certificatePem).validToDate);
  });

  test("refuses names of a kind that no signer of a cluster gives out", async () => {
    const request = await parseCertificateRequest(await makeRequest("/CN=x", "email:a@example.test"));
    await expect(signCertificateRequest(request, ["client"], issuer, validity, systemRandom)).rejects.toThrow("e-mail");
  });
});
