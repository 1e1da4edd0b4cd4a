import { describe, expect, test } from "vitest";
import type { APIService } from "#pkg/api/apiregistration/v1.ts";
import type { Strategy } from "../registry/strategy.ts";
import * as admission from "./admission-kinds.ts";
import { apiServiceStrategy } from "./api-service.ts";
import { created, createFaults, createMessages, withValue } from "./testing/judge.ts";

const metadata = { name: "x" };
const rule = { operations: ["CREATE"], apiGroups: [""], apiVersions: ["v1"], resources: ["pods"] };

describe.each([
  ["ValidatingWebhookConfiguration", admission.validatingWebhookConfigurationStrategy as Strategy],
  ["MutatingWebhookConfiguration", admission.mutatingWebhookConfigurationStrategy as Strategy],
])("%s", (_, strategy) => {
  const good = {
    metadata,
    webhooks: [
      {
        name: "a.example.com",
        clientConfig: { service: { name: "s", namespace: "n" } },
        rules: [rule],
        sideEffects: "None",
        admissionReviewVersions: ["v1"],
      },
    ],
  };
  const hook = good.webhooks[0];
  const resources = "webhooks.0.rules.0.resources";
  const url = (text: string) => ({ url: text });

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["webhooks", [], []],
    ["webhooks", [hook, hook], ["webhooks[1].name: Duplicate"]],
    ["webhooks.0.name", "", ["webhooks[0].name: Required"]],
    ["webhooks.0.name", "a.b", ["webhooks[0].name: Invalid"]],
    ["webhooks.0.clientConfig", {}, ["webhooks[0].clientConfig: Required"]],
    ["webhooks.0.clientConfig", url("https://h/p"), []],
    ["webhooks.0.clientConfig", url("http://h"), ["webhooks[0].clientConfig.url: Invalid"]],
    ["webhooks.0.clientConfig", url("https:///p"), ["webhooks[0].clientConfig.url: Invalid"]],
    [
      "webhooks.0.clientConfig",
      url("https://u@h/p?q#f"),
      [
        "webhooks[0].clientConfig.url: Invalid",
        "webhooks[0].clientConfig.url: Invalid",
        "webhooks[0].clientConfig.url: Invalid",
      ],
    ],
    ["webhooks.0.clientConfig.service.name", "", ["webhooks[0].clientConfig.service.name: Required"]],
    [
      "webhooks.0.clientConfig.service.path",
      "a",
      ["webhooks[0].clientConfig.service.path: Invalid", "webhooks[0].clientConfig.service.path: Invalid"],
    ],
    ["webhooks.0.clientConfig.service.path", "/a//b", ["webhooks[0].clientConfig.service.path: Invalid"]],
    ["webhooks.0.clientConfig.service.port", 70_000, ["webhooks[0].clientConfig.service.port: Invalid"]],
    ["webhooks.0.sideEffects", undefined, ["webhooks[0].sideEffects: Required"]],
    ["webhooks.0.sideEffects", "Some", ["webhooks[0].sideEffects: NotSupported"]],
    ["webhooks.0.failurePolicy", "Retry", ["webhooks[0].failurePolicy: NotSupported"]],
    ["webhooks.0.timeoutSeconds", 31, ["webhooks[0].timeoutSeconds: Invalid"]],
    ["webhooks.0.admissionReviewVersions", [], ["webhooks[0].admissionReviewVersions: Required"]],
    ["webhooks.0.admissionReviewVersions", ["v2"], ["webhooks[0].admissionReviewVersions: Invalid"]],
    ["webhooks.0.admissionReviewVersions", ["v1", "v1"], ["webhooks[0].admissionReviewVersions[1]: Invalid"]],
    [
      "webhooks.0.matchConditions",
      [
        { name: "a", expression: "true" },
        { name: "a", expression: " " },
      ],
      ["webhooks[0].matchConditions[1].expression: Required", "webhooks[0].matchConditions[1].name: Duplicate"],
    ],
    ["webhooks.0.rules.0.operations", [], ["webhooks[0].rules[0].operations: Required"]],
    ["webhooks.0.rules.0.operations", ["*", "CREATE"], ["webhooks[0].rules[0].operations: Invalid"]],
    ["webhooks.0.rules.0.operations", ["READ"], ["webhooks[0].rules[0].operations[0]: NotSupported"]],
    ["webhooks.0.rules.0.apiVersions", [""], ["webhooks[0].rules[0].apiVersions[0]: Required"]],
    ["webhooks.0.rules.0.scope", "Here", ["webhooks[0].rules[0].scope: NotSupported"]],
    [resources, ["*/*", "pods"], ["webhooks[0].rules[0].resources: Invalid"]],
    [resources, ["*", "pods"], ["webhooks[0].rules[0].resources: Invalid"]],
    [resources, ["*", "pods/status"], []],
    [resources, ["pods/*", "pods/status"], ["webhooks[0].rules[0].resources[1]: Invalid"]],
    [resources, ["*/scale", "pods/scale"], ["webhooks[0].rules[0].resources[1]: Invalid"]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(strategy, withValue(good, path, value))).toEqual(faults);
  });

  test("says what is allowed", () => {
    expect(createMessages(strategy, withValue(good, "webhooks.0.sideEffects", "Some"))).toEqual([
      'webhooks[0].sideEffects: Unsupported value: "Some": supported values: "None", "NoneOnDryRun"',
    ]);
    expect(createMessages(strategy, withValue(good, "webhooks.0.clientConfig", url("http://h")))).toEqual([
      "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired format: https://host[/path]",
    ]);
  });

  test("counts its changes", () => expect(strategy.hasGeneration).toBe(true));
});

describe("ValidatingAdmissionPolicy", () => {
  const good = {
    metadata,
    spec: { matchConstraints: { resourceRules: [rule] }, validations: [{ expression: "true" }] },
  };

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.matchConstraints", undefined, ["spec.matchConstraints: Required"]],
    ["spec.matchConstraints", {}, ["spec.matchConstraints.resourceRules: Required"]],
    [
      "spec.matchConstraints.resourceRules.0.resourceNames",
      ["a", "a"],
      ["spec.matchConstraints.resourceRules[0].resourceNames[1]: Duplicate"],
    ],
    ["spec.validations", [], ["spec.validations: Required", "spec.auditAnnotations: Required"]],
    ["spec.validations.0.expression", " ", ["spec.validations[0].expression: Required"]],
    ["spec.validations.0.message", "a\nb", ["spec.validations[0].message: Invalid"]],
    ["spec.validations.0.reason", "Because", ["spec.validations[0].reason: NotSupported"]],
    ["spec.paramKind", { apiVersion: "v1", kind: "ConfigMap" }, []],
    [
      "spec.paramKind",
      { apiVersion: "a/b/c", kind: "-" },
      ["spec.paramKind.apiVersion: Invalid", "spec.paramKind.kind: Invalid"],
    ],
    [
      "spec.variables",
      [{ name: "a-b", expression: "" }],
      ["spec.variables[0].name: Invalid", "spec.variables[0].expression: Required"],
    ],
    ["spec.auditAnnotations", [{ key: "k", valueExpression: "'v'" }], []],
    ["spec.auditAnnotations", [{ key: "k l", valueExpression: "'v'" }], ["spec.auditAnnotations[0].key: Invalid"]],
    ["spec.failurePolicy", "Retry", ["spec.failurePolicy: NotSupported"]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(admission.validatingAdmissionPolicyStrategy, withValue(good, path, value))).toEqual(faults);
  });
});

describe("MutatingAdmissionPolicy", () => {
  const good = {
    metadata,
    spec: {
      matchConstraints: { resourceRules: [rule] },
      mutations: [{ patchType: "JSONPatch", jsonPatch: { expression: "[]" } }],
      reinvocationPolicy: "Never",
    },
  };

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.mutations", [], ["spec.mutations: Required"]],
    ["spec.mutations.0.patchType", "", ["spec.mutations[0].patchType: Required"]],
    [
      "spec.mutations.0.patchType",
      "ApplyConfiguration",
      ["spec.mutations[0].applyConfiguration: Required", "spec.mutations[0].jsonPatch: Invalid"],
    ],
    ["spec.reinvocationPolicy", "", ["spec.reinvocationPolicy: Required"]],
    [
      "spec.matchConstraints.resourceRules.0.operations",
      ["DELETE"],
      ["spec.matchConstraints.resourceRules.operations: NotSupported"],
    ],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(admission.mutatingAdmissionPolicyStrategy, withValue(good, path, value))).toEqual(faults);
  });
});

describe("bindings of policies", () => {
  const spec = { policyName: "p", validationActions: ["Deny"] };
  const paramRef = { name: "a", parameterNotFoundAction: "Deny" };

  test.each<[object, string[]]>([
    [spec, []],
    [{ ...spec, paramRef }, []],
    [{ ...spec, policyName: "" }, ["spec.policyName: Required"]],
    [{ ...spec, validationActions: [] }, ["spec.validationActions: Required"]],
    [{ ...spec, validationActions: ["Deny", "Warn"] }, ["spec.validationActions: Invalid"]],
    [{ ...spec, validationActions: ["Deny", "Deny"] }, ["spec.validationActions[1]: Duplicate"]],
    [{ ...spec, paramRef: {} }, ["spec.paramRef: Required", "spec.paramRef.parameterNotFoundAction: Required"]],
    [
      { ...spec, paramRef: { ...paramRef, selector: {} } },
      ["spec.paramRef.name: Forbidden", "spec.paramRef.selector: Forbidden"],
    ],
  ])("%j", (fields, faults) => {
    const strategy = admission.validatingAdmissionPolicyBindingStrategy;
    expect(createFaults(strategy, { metadata, spec: fields })).toEqual(faults);
  });

  test("of mutating policies have no actions", () => {
    const strategy = admission.mutatingAdmissionPolicyBindingStrategy;
    expect(createFaults(strategy, { metadata, spec: { policyName: "p" } })).toEqual([]);
    expect(createFaults(strategy, { metadata, spec: {} })).toEqual(["spec.policyName: Required"]);
  });
});

describe("APIService", () => {
  const good = {
    metadata: { name: "v1.example.com" },
    spec: { group: "example.com", version: "v1", groupPriorityMinimum: 100, versionPriority: 10 },
  };
  const service = { name: "s", namespace: "n" };

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["metadata.name", "v2.example.com", ["metadata.name: Invalid"]],
    ["spec.groupPriorityMinimum", 0, ["spec.groupPriorityMinimum: Invalid"]],
    ["spec.versionPriority", 1001, ["spec.versionPriority: Invalid"]],
    ["spec.caBundle", "QQ==", ["spec.caBundle: Invalid"]],
    ["spec.insecureSkipTLSVerify", true, ["spec.insecureSkipTLSVerify: Invalid"]],
    ["spec.service", service, []],
    ["spec.service", {}, ["spec.service.namespace: Required", "spec.service.name: Required"]],
    ["spec.service", { ...service, port: 70_000 }, ["spec.service.port: Invalid"]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(apiServiceStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("served here is available from the start, served elsewhere is not", () => {
    expect(created<APIService>(apiServiceStrategy, good).status).toEqual({
      conditions: [
        {
          type: "Available",
          status: "True",
          reason: "Local",
          message: "Local APIServices are always available",
          lastTransitionTime: "2026-01-02T03:04:05Z",
        },
      ],
    });
    expect(created<APIService>(apiServiceStrategy, withValue(good, "spec.service", service)).status).toEqual({});
  });
});
