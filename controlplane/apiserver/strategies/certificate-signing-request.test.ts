import { describe, expect, test } from "vitest";
import type { CertificateSigningRequest } from "#pkg/api/certificates/v1.ts";
import { makeEncodedRequest } from "../pki/testing/make-request.ts";
import { certificateSigningRequestStrategy as strategy } from "./certificate-signing-request.ts";
import {
  context,
  created,
  createFaults,
  createMessages,
  updated,
  updateFaults,
  updateMessages,
} from "./testing/judge.ts";

const request = await makeEncodedRequest("system:node:n", ["system:nodes"]);
const spec = { request, signerName: "example.com/signer", usages: ["client auth"] };
const metadata = { name: "x" };
const make = () => created<CertificateSigningRequest>(strategy, { metadata, spec });
const approved = { type: "Approved", status: "True", reason: "r" };

describe("CertificateSigningRequest", () => {
  const tampered = () => {
    const pem = Buffer.from(request, "base64").toString();
    const body = pem.replaceAll(/-----[^-]+-----/g, "");
    const der = Buffer.from(body, "base64");
    // A letter of the common name, behind the sequence, version and name headers.
    const at = der.indexOf("system:node:n");
    der.write("S", at);
    const text = `-----BEGIN CERTIFICATE REQUEST-----\n${der.toString("base64")}\n-----END CERTIFICATE REQUEST-----\n`;
    return Buffer.from(text).toString("base64");
  };

  test.each<[object, string[]]>([
    [{}, []],
    [{ request: "" }, ["spec.request: Invalid"]],
    [
      {
        request: Buffer.from("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----").toString(
          "base64",
        ),
      },
      ["spec.request: Invalid"],
    ],
    [{ request: tampered() }, ["spec.request: Invalid"]],
    [{ usages: [] }, ["spec.usages: Required"]],
    [{ usages: ["any thing"] }, ["spec.usages[0]: NotSupported"]],
    [{ usages: ["any", "any"] }, ["spec.usages[1]: Duplicate"]],
    [{ signerName: "" }, ["spec.signerName: Required"]],
    [{ signerName: "nodomain" }, ["spec.signerName: Invalid"]],
    [{ signerName: "kubernetes.io/legacy-unknown" }, ["spec.signerName: Invalid"]],
    [{ expirationSeconds: 599 }, ["spec.expirationSeconds: Invalid"]],
  ])("case %#", (change, faults) => {
    expect(createFaults(strategy, { metadata, spec: { ...spec, ...change } })).toEqual(faults);
  });

  test("says what is wrong with a request that was changed after it was signed", () => {
    const [message] = createMessages(strategy, { metadata, spec: { ...spec, request: tampered() } });
    expect(message).toMatch(/the request is not signed by its own key$/);
  });

  test("writes down who asks, not who they say they are", () => {
    const asker = { name: "u", uid: "1", groups: ["g"], extra: { k: ["v"] } };
    const object = { metadata, spec: { ...spec, username: "root", groups: ["system:masters"] }, status: {} };
    const copy = structuredClone(object) as unknown as CertificateSigningRequest;
    strategy.prepareForCreate?.(copy, { ...context, user: asker });
    expect(copy.spec).toEqual({ ...spec, username: "u", uid: "1", groups: ["g"], extra: { k: ["v"] } });
    expect(make().spec).toEqual({ ...spec, username: "u" });
  });

  test("its spec stays", () => {
    const next = updated(strategy, make(), (one) => (one.spec.usages = ["any"]));
    expect(next.spec.usages).toEqual(["client auth"]);
  });

  test("is approved through approval, which notes the time and leaves the rest", () => {
    const approve = (next: CertificateSigningRequest) =>
      (next.status = { conditions: [{ ...approved }], certificate: "QQ==" });
    expect(updateFaults(strategy, make(), approve, "approval")).toEqual([]);
    expect(updated(strategy, make(), approve, "approval").status).toEqual({
      conditions: [{ ...approved, lastUpdateTime: "2026-01-02T03:04:05Z", lastTransitionTime: "2026-01-02T03:04:05Z" }],
    });
    const both = (next: CertificateSigningRequest) =>
      (next.status = { conditions: [approved, { type: "Denied", status: "True" }] });
    expect(updateMessages(strategy, make(), both, "approval")).toEqual([
      'status.conditions: Invalid value: "Denied": Approved and Denied conditions are mutually exclusive',
    ]);
    const unsure = (next: CertificateSigningRequest) =>
      (next.status = { conditions: [{ type: "Approved", status: "False" }] });
    expect(updateFaults(strategy, make(), unsure, "approval")).toEqual(["status.conditions[0].status: NotSupported"]);
  });

  test("a decision stays", () => {
    const current: CertificateSigningRequest = { ...make(), status: { conditions: [approved] } };
    const clear = (next: CertificateSigningRequest) => (next.status = { conditions: [] });
    const text = 'status.conditions: Forbidden: updates may not remove a condition of type "Approved"';
    expect(updateMessages(strategy, current, clear, "approval")).toEqual([text]);
    const approve = (next: CertificateSigningRequest) => (next.status = { conditions: [approved] });
    expect(updateMessages(strategy, make(), approve, "status")).toEqual([
      'status.conditions: Forbidden: updates may not add a condition of type "Approved"',
    ]);
  });

  test("its certificate is issued once, through status", () => {
    const issue = (certificate: string) => (next: CertificateSigningRequest) => (next.status = { certificate });
    expect(updateMessages(strategy, make(), issue("QQ=="), "status")).toEqual([
      'status.certificate: Invalid value: "<certificate data>": must contain at least one CERTIFICATE PEM block',
    ]);
    const issued: CertificateSigningRequest = { ...make(), status: { certificate: "QQ==" } };
    expect(updateMessages(strategy, issued, issue(""), "status")).toEqual([
      "status.certificate: Forbidden: updates may not modify existing certificate content",
    ]);
  });

  test("can be selected by its signer, and have a name with capitals", () => {
    expect(strategy.selectableFields?.(make())).toEqual({ "spec.signerName": "example.com/signer" });
    expect(strategy.validateName?.("CSR:1", false)).toEqual([]);
  });
});
