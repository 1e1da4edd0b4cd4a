import { beforeAll, describe, expect, test } from "vitest";
import type { AuthorizationAttributes, Authorizer } from "../authz/authorizer.ts";
import { makeEncodedRequest } from "../pki/testing/make-request.ts";
import { certificateApproval, certificateSigning, certificateSubjectRestriction } from "./certificates.ts";
import { whyRefused } from "./testing/request.ts";

const requests = "certificatesigningrequests.certificates.k8s.io";
const csr = (signerName: string, status: object = {}) => ({ spec: { signerName }, status });

/** Allows "verb signer". */
function allowing(...rights: readonly string[]): Authorizer {
  const has = ({ verb, resource, apiGroup, name }: AuthorizationAttributes): boolean =>
    resource === "signers" && apiGroup === "certificates.k8s.io" && rights.includes(`${verb} ${name}`);
  return { authorize: async (one) => ({ decision: has(one) ? "allow" : "noOpinion", reason: "" }) };
}

describe("CertificateApproval", () => {
  const approve = (authorizer: Authorizer, signer = "example.com/web", next = signer) =>
    whyRefused(certificateApproval(authorizer), {
      what: `UPDATE ${requests}/approval csr`,
      oldObject: csr(signer),
      object: csr(next),
    });

  test.each([
    ["the signer", ["approve example.com/web"], ""],
    ["all signers of the domain", ["approve example.com/*"], ""],
    [
      "another signer",
      ["approve example.com/other"],
      'user not permitted to approve requests with signerName "example.com/web"',
    ],
    ["signing", ["sign example.com/web"], 'user not permitted to approve requests with signerName "example.com/web"'],
  ])("with the right for %s", async (_what, rights, why) => {
    expect(await approve(allowing(...rights))).toBe(why);
  });

  test("goes by the signer that is stored", async () => {
    expect(await approve(allowing("approve mine/x"), "theirs/x", "mine/x")).toMatch(/signerName "theirs\/x"$/);
  });

  test("does not concern other updates", async () => {
    const what = `UPDATE ${requests} csr`;
    expect(await whyRefused(certificateApproval(allowing()), { what, oldObject: csr("a/b"), object: csr("a/b") })).toBe(
      "",
    );
  });
});

describe("CertificateSigning", () => {
  const update = (status: object, old: object = {}) =>
    whyRefused(certificateSigning(allowing()), {
      what: `UPDATE ${requests}/status csr`,
      oldObject: csr("example.com/web", old),
      object: csr("example.com/web", status),
    });

  test("wants the right for a new certificate or condition, and for nothing else", async () => {
    const refusal = 'user not permitted to sign requests with signerName "example.com/web"';
    expect(await update({ certificate: "abc" })).toBe(refusal);
    expect(await update({ conditions: [{ type: "Failed" }] })).toBe(refusal);
    expect(await update({ certificate: "abc" }, { certificate: "abc", conditions: [] })).toBe("");
    const what = `UPDATE ${requests}/status csr`;
    const signing = { what, oldObject: csr("a/b"), object: csr("a/b", { certificate: "x" }) };
    expect(await whyRefused(certificateSigning(allowing("sign a/b")), signing)).toBe("");
  });
});

describe("CertificateSubjectRestriction", () => {
  let masters: string;
  let others: string;
  beforeAll(async () => {
    masters = await makeEncodedRequest("root", ["dev", "system:masters"]);
    others = await makeEncodedRequest("jane", ["dev"]);
  });

  const create = (signerName: string, request: string) =>
    whyRefused(certificateSubjectRestriction, {
      what: `CREATE ${requests} csr`,
      object: { spec: { signerName, request } },
    });

  test("keeps system:masters out of client certificates", async () => {
    const signer = "kubernetes.io/kube-apiserver-client";
    expect(await create(signer, masters)).toBe(`use of ${signer} signer with system:masters group is not allowed`);
    expect(await create(signer, others)).toBe("");
    expect(await create(signer, "junk")).toBe("failed to parse CSR: PEM block type must be CERTIFICATE REQUEST");
    expect(await create("example.com/web", masters)).toBe("");
  });
});
