/** Certificate requests on a fake API, with a signer that reads JSON in place of PKCS#10. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CertificateSigningRequestSpec } from "#pkg/api/certificates/v1.ts";
import { resources } from "#pkg/kube/resources.ts";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { ControllerHarness } from "../testing/controller-harness.ts";
import { startCertificateController } from "./certificate-controllers.ts";
import type { CertificateSigner, RequestedCertificate } from "./certificate-signer.ts";
import { approvalSubresource, lifetimeMs, whyRefused } from "./compute-signing.ts";

const signer: CertificateSigner = {
  async parse(pem) {
    if (!pem.startsWith("{")) throw new BerthError("Invalid", "no request");
    return JSON.parse(pem) as RequestedCertificate;
  },
  sign: async (pem, usages, lifetime) => JSON.stringify({ pem, usages, lifetime }),
};

const asNode: RequestedCertificate = {
  commonName: "system:node:n1",
  organizations: ["system:nodes"],
  dnsNames: [],
  ipAddresses: [],
  emailAddresses: [],
  uris: [],
};
const nodeSpec: CertificateSigningRequestSpec = {
  request: "",
  signerName: "kubernetes.io/kube-apiserver-client-kubelet",
  usages: ["digital signature", "client auth"],
  username: "system:bootstrap:abc",
};
const csrOf = (
  spec: Partial<CertificateSigningRequestSpec> = {},
  asked: Partial<RequestedCertificate> | string = {},
) => {
  const text = typeof asked === "string" ? asked : JSON.stringify({ ...asNode, ...asked });
  return {
    apiVersion: "certificates.k8s.io/v1" as const,
    kind: "CertificateSigningRequest" as const,
    metadata: { name: "c" },
    spec: { ...nodeSpec, request: Buffer.from(text).toString("base64"), ...spec },
  };
};

describe("startCertificateController", () => {
  let harness: ControllerHarness;
  let isAllowed: boolean;

  beforeEach(async () => {
    isAllowed = true;
    harness = new ControllerHarness((clock) => new FakeApi({ clock, review: () => ({ allowed: isAllowed }) }));
    await harness.run((context) => startCertificateController(context, signer));
  });
  afterEach(() => harness[Symbol.asyncDispose]());

  const stored = () => harness.api.peek(resources.certificateSigningRequests, "", "c");
  const reasons = () => stored()?.status?.conditions?.map(({ type, reason }) => `${type} ${reason}`) ?? [];
  const make = async (...args: Parameters<typeof csrOf>) => {
    await harness.client.certificateSigningRequests.create(csrOf(...args));
    await harness.settle();
  };
  const approve = async () => {
    const csr = await harness.client.certificateSigningRequests.get("c");
    const conditions = [{ type: "Approved", status: "True", reason: "Person" }];
    await harness.client.certificateSigningRequests.putSubresource("c", "approval", { ...csr, status: { conditions } });
    await harness.settle();
  };

  test("a node's client certificate is approved and signed when its requester may have it", async () => {
    await make();
    expect(reasons()).toEqual(["Approved AutoApproved"]);
    const certificate = Buffer.from(stored()?.status?.certificate ?? "", "base64").toString();
    expect(JSON.parse(certificate)).toMatchObject({ usages: ["client"], lifetime: 365 * 24 * 3600_000 });
  });

  test("others wait for a person", async () => {
    isAllowed = false;
    await make();
    expect([reasons(), stored()?.status?.certificate]).toEqual([[], undefined]);
    await approve();
    expect(stored()?.status?.certificate).toBeDefined();
  });

  test("a serving certificate is never approved by itself", async () => {
    const usages = ["digital signature", "server auth"] as const;
    await make({ signerName: "kubernetes.io/kubelet-serving", usages: [...usages] }, { dnsNames: ["n1"] });
    expect(reasons()).toEqual([]);
    await approve();
    expect(stored()?.status?.certificate).toBeDefined();
  });

  test("what was approved and may not be signed fails, and says why", async () => {
    await make({ usages: ["digital signature", "server auth"] });
    await approve();
    expect(reasons()).toEqual(["Approved Person", "Failed SignerValidationFailure"]);
    expect(stored()?.status?.certificate).toBeUndefined();
  });

  test("requests of other signers are left alone, and every request goes in time", async () => {
    await make({ signerName: "example.com/mine" });
    await approve();
    expect(stored()?.status?.certificate).toBeUndefined();
    await harness.settle(25 * 3600_000);
    expect(stored()).toBeUndefined();
  });
});

describe("whyRefused", () => {
  test.each<[string, Partial<CertificateSigningRequestSpec>, Partial<RequestedCertificate>]>([
    ["another group", {}, { organizations: ["system:masters"] }],
    ["one group more", {}, { organizations: ["system:nodes", "system:masters"] }],
    ["another name", {}, { commonName: "admin" }],
    ["a host name", {}, { dnsNames: ["n1"] }],
    ["an address", {}, { ipAddresses: ["10.0.0.1"] }],
    ["an e-mail address", {}, { emailAddresses: ["a@b"] }],
    ["a URI", {}, { uris: ["spiffe://x"] }],
    ["a usage more", { usages: ["digital signature", "client auth", "server auth"] }, {}],
  ])("a node's client certificate with %s is refused, and never approved by itself", (_what, spec, asked) => {
    const whole = { ...asNode, ...asked };
    expect(whyRefused(csrOf(spec, asked), whole)).toBeDefined();
    expect(approvalSubresource(csrOf(spec, asked), whole)).toBeUndefined();
  });

  test("a node that asks for itself needs another permission than one that asks for the first time", () => {
    expect(approvalSubresource(csrOf(), asNode)).toBe("nodeclient");
    expect(approvalSubresource(csrOf({ username: "system:node:n1" }), asNode)).toBe("selfnodeclient");
  });
});

describe("lifetimeMs", () => {
  test.each([
    [undefined, 365 * 24 * 3600],
    [3600, 3600],
    [1, 600],
    [10 ** 9, 365 * 24 * 3600],
  ])("%s seconds asked give %s", (asked, given) => {
    expect(lifetimeMs(csrOf({ expirationSeconds: asked }))).toBe(given * 1000);
  });
});
