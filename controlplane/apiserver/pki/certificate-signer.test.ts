import { X509Certificate } from "node:crypto";
import { describe, expect, test } from "vitest";
import { systemRandom } from "#pkg/system/random.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { createCertificateSigner } from "./certificate-signer.ts";
import { issueAuthority } from "./issue-certificate.ts";
import { isIssuedBy } from "./judge-certificate.ts";
import { generateEcKey } from "./private-key.ts";
import { makeEncodedRequest } from "./testing/make-request.ts";

const clock = new FakeClock();
const hourMs = 3600_000;

describe("createCertificateSigner", () => {
  test("signs by the authority, for the time asked, from a little before now", async () => {
    const key = await generateEcKey();
    const validity = { notBeforeMs: clock.now() - hourMs, notAfterMs: clock.now() + 1000 * hourMs };
    const certificatePem = await issueAuthority("kubernetes", key, validity, systemRandom);
    const signer = createCertificateSigner({ certificatePem, key }, { clock, random: systemRandom });
    const pem = Buffer.from(await makeEncodedRequest("system:node:n1", ["system:nodes"]), "base64").toString();
    expect(await signer?.parse(pem)).toMatchObject({ commonName: "system:node:n1", organizations: ["system:nodes"] });
    const certificate = new X509Certificate((await signer?.sign(pem, ["client"], hourMs)) ?? "");
    expect(isIssuedBy(certificate, new X509Certificate(certificatePem))).toBe(true);
    expect(Math.abs(Date.parse(certificate.validTo) - clock.now() - hourMs)).toBeLessThan(1000);
    expect(Date.parse(certificate.validFrom)).toBeLessThan(clock.now());
  });

  test("without the authority's key there is no signer", () => {
    expect(createCertificateSigner({ certificatePem: "", key: undefined }, { clock, random: systemRandom })).toBe(
      undefined,
    );
  });
});
