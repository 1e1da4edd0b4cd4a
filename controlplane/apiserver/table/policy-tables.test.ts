import { describe, expect, test } from "vitest";
import { rowOf } from "./testing/row-of.ts";

describe("tables of access, admission and devices", () => {
  const rows: [typeName: string, what: string, object: object, cells: unknown[]][] = [
    [
      "rbac/v1.RoleBinding",
      "",
      {
        roleRef: { kind: "Role", name: "r" },
        subjects: [
          { kind: "User", name: "u" },
          { kind: "User", name: "v" },
          { kind: "Group", name: "g" },
          { kind: "ServiceAccount", namespace: "d", name: "s" },
        ],
      },
      ["x", "Role/r", "5m", "u, v", "g", "d/s"],
    ],
    ["rbac/v1.Role", "by its time of creation", {}, ["x", "2026-01-02T11:55:00Z"]],
    [
      "certificates/v1.CertificateSigningRequest",
      "",
      {
        spec: { signerName: "s", username: "u", expirationSeconds: 3600 },
        status: { certificate: "YQ==", conditions: [{ type: "Approved" }] },
      },
      ["x", "5m", "s", "u", "60m", "Approved,Issued"],
    ],
    [
      "certificates/v1.CertificateSigningRequest",
      "denied and failed",
      { spec: {}, status: { conditions: [{ type: "Approved" }, { type: "Denied" }, { type: "Failed" }] } },
      ["x", "5m", "<none>", "", "<none>", "Denied,Failed"],
    ],
    [
      "admissionregistration/v1.ValidatingAdmissionPolicyBinding",
      "",
      { spec: { policyName: "p", paramRef: { name: "n" } } },
      ["x", "p", "*/n", "5m"],
    ],
    [
      "admissionregistration/v1.ValidatingAdmissionPolicy",
      "",
      { spec: { validations: [{}], paramKind: { apiVersion: "v1", kind: "ConfigMap" } } },
      ["x", 1, "v1/ConfigMap", "5m"],
    ],
    [
      "flowcontrol/v1.FlowSchema",
      "",
      {
        spec: {
          priorityLevelConfiguration: { name: "p" },
          matchingPrecedence: 5,
          distinguisherMethod: { type: "ByUser" },
        },
        status: { conditions: [{ type: "Dangling", status: "False" }] },
      },
      ["x", "p", 5, "ByUser", "5m", "False"],
    ],
    [
      "flowcontrol/v1.PriorityLevelConfiguration",
      "",
      {
        spec: {
          type: "Limited",
          limited: {
            nominalConcurrencyShares: 5,
            limitResponse: { queuing: { queues: 1, handSize: 2, queueLengthLimit: 3 } },
          },
        },
      },
      ["x", "Limited", 5, 1, 2, 3, "5m"],
    ],
    [
      "flowcontrol/v1.PriorityLevelConfiguration",
      "without limits",
      { spec: { type: "Exempt" } },
      ["x", "Exempt", "<none>", "<none>", "<none>", "<none>", "5m"],
    ],
    [
      "apiregistration/v1.APIService",
      "of the server itself",
      { spec: {}, status: { conditions: [{ type: "Available", status: "True" }] } },
      ["x", "Local", "True", "5m"],
    ],
    [
      "apiregistration/v1.APIService",
      "that cannot be reached",
      {
        spec: { service: { namespace: "d", name: "s" } },
        status: { conditions: [{ type: "Available", status: "False", reason: "MissingEndpoints" }] },
      },
      ["x", "d/s", "False (MissingEndpoints)", "5m"],
    ],
    [
      "resource/v1.ResourceClaim",
      "",
      { status: { allocation: {}, reservedFor: [{}] } },
      ["x", "allocated,reserved", "5m"],
    ],
  ];

  test.each(rows)("%s %s", (typeName, _, object, cells) => {
    expect(rowOf(typeName, object)).toEqual(cells);
  });

  test("a resource claim that is deleted says so", () => {
    expect(rowOf("resource/v1.ResourceClaim", {}, { deletionTimestamp: "2026-01-02T11:55:00Z" })[1]).toBe("deleted");
  });
});
