import { describe, expect, test } from "vitest";
import type { CustomResourceDefinition } from "#pkg/api/apiextensions/v1.ts";
import { bootstrapFlowSchemas, bootstrapPriorityLevels } from "../bootstrap/flow-control.ts";
import { customResourceDefinitionStrategy } from "./custom-resource-definition.ts";
import { flowSchemaStrategy, priorityLevelConfigurationStrategy } from "./flow-control.ts";
import { created, createFaults, updated, updateFaults, withValue } from "./testing/judge.ts";

describe("CustomResourceDefinition", () => {
  const version = { name: "v1", served: true, storage: true, schema: { openAPIV3Schema: { type: "object" } } };
  const good = {
    metadata: { name: "things.example.com" },
    spec: {
      group: "example.com",
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [version],
    },
    status: {},
  };
  const strategy = customResourceDefinitionStrategy;
  const make = () => created<CustomResourceDefinition>(strategy, good);
  const second = { ...version, name: "v2", storage: false };
  const webhook = { clientConfig: { url: "https://h" }, conversionReviewVersions: ["v1"] };
  const scale = { specReplicasPath: ".spec.n", statusReplicasPath: ".status.n" };

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["metadata.name", "things.example.org", ["metadata.name: Invalid"]],
    ["spec.scope", "", ["spec.scope: Required"]],
    ["spec.scope", "Galaxy", ["spec.scope: NotSupported"]],
    [
      "spec.names.kind",
      "",
      ["spec.names.singular: Required", "spec.names.kind: Required", "spec.names.listKind: Required"],
    ],
    ["spec.names.listKind", "Thing", ["spec.names.listKind: Invalid"]],
    ["spec.names.shortNames", ["T"], ["spec.names.shortNames[0]: Invalid"]],
    ["spec.versions", [version, second], []],
    ["spec.versions", [version, version], ["spec.versions: Invalid", "spec.versions: Invalid"]],
    ["spec.versions.0.storage", false, ["spec.versions: Invalid", "status.storedVersions: Invalid"]],
    ["spec.versions.0.name", "V1", ["spec.versions[0].name: Invalid"]],
    ["spec.versions.0.schema", undefined, ["spec.versions[0].schema.openAPIV3Schema: Required"]],
    ["spec.versions.0.deprecationWarning", "old", ["spec.versions[0].deprecationWarning: Invalid"]],
    ["spec.versions.0.subresources", { scale }, []],
    [
      "spec.versions.0.subresources",
      { scale: { ...scale, specReplicasPath: ".status.n" } },
      ["spec.subresources.scale.specReplicasPath: Invalid"],
    ],
    ["spec.versions.0.additionalPrinterColumns", [{ name: "a", type: "date", jsonPath: ".a" }], []],
    [
      "spec.versions.0.additionalPrinterColumns",
      [{ name: "", type: "x", jsonPath: "a" }],
      [
        "spec.additionalPrinterColumns[0].name: Required",
        "spec.additionalPrinterColumns[0].type: Invalid",
        "spec.additionalPrinterColumns[0].JSONPath: Invalid",
      ],
    ],
    [
      "spec.versions",
      [{ ...version, subresources: { scale: {} } }, second],
      [
        "spec.versions[0].subresources.scale.specReplicasPath: Required",
        "spec.versions[0].subresources.scale.statusReplicasPath: Required",
      ],
    ],
    [
      "spec.versions.0.selectableFields",
      [{ jsonPath: ".metadata.name" }],
      ["spec.selectableFields[0].jsonPath: Invalid"],
    ],
    ["spec.conversion", { strategy: "Webhook", webhook }, []],
    [
      "spec.conversion",
      { strategy: "Webhook" },
      ["spec.conversion.webhookClientConfig: Required", "spec.conversion.conversionReviewVersions: Required"],
    ],
    [
      "spec.conversion",
      { strategy: "None", webhook },
      ["spec.conversion.webhookClientConfig: Forbidden", "spec.conversion.conversionReviewVersions: Forbidden"],
    ],
    ["spec.preserveUnknownFields", true, ["spec.preserveUnknownFields: Invalid"]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(strategy, withValue(good, path, value))).toEqual(faults);
  });

  test("of a community group needs a review", () => {
    const crd = withValue(withValue(good, "spec.group", "x.k8s.io"), "metadata.name", "things.x.k8s.io");
    const path = "metadata.annotations[api-approved.kubernetes.io]";
    const faults = (text: string) =>
      createFaults(strategy, withValue(crd, "metadata.annotations", { "api-approved.kubernetes.io": text }));
    expect(createFaults(strategy, crd)).toEqual([`${path}: Required`]);
    expect(faults("https://github.com/kubernetes/x")).toEqual([]);
    expect(faults("unapproved, a test")).toEqual([]);
    expect(faults("yes")).toEqual([`${path}: Invalid`]);
  });

  test("notes every version objects were stored in", () => {
    expect(make().status?.storedVersions).toEqual(["v1"]);
    const move = (next: CustomResourceDefinition) => {
      next.spec.versions = [
        { ...version, storage: false },
        { ...version, name: "v2" },
      ] as never;
    };
    expect(updated(strategy, make(), move).status?.storedVersions).toEqual(["v1", "v2"]);
    expect(updateFaults(strategy, make(), move)).toEqual([]);
    const drop = (next: CustomResourceDefinition) => (next.spec.versions = [{ ...version, name: "v2" }] as never);
    expect(updateFaults(strategy, make(), drop)).toEqual(["status.storedVersions[0]: Invalid"]);
  });

  test("keeps its group, and once served its scope and kind", () => {
    const change = (next: CustomResourceDefinition) => {
      next.spec.scope = "Cluster";
      next.spec.names.kind = "Other";
    };
    const status = { conditions: [{ type: "Established", status: "True" }], storedVersions: ["v1"] };
    expect(updateFaults(strategy, make(), change)).toEqual([]);
    expect(updateFaults(strategy, { ...make(), status }, change)).toEqual([
      "spec.scope: Invalid",
      "spec.names.kind: Invalid",
    ]);
    expect(updateFaults(strategy, make(), (next) => (next.spec.group = "example.org"))).toEqual([
      "spec.group: Invalid",
    ]);
  });
});

describe("FlowSchema", () => {
  const resourceRules = [{ verbs: ["get"], apiGroups: ["*"], resources: ["*"], namespaces: ["n"] }];
  const good = {
    metadata: { name: "x" },
    spec: {
      priorityLevelConfiguration: { name: "p" },
      rules: [{ subjects: [{ kind: "User", user: { name: "u" } }], resourceRules }],
    },
  };
  const at = "spec.rules[0]";
  const url = (text: string) => [
    { subjects: good.spec.rules[0]?.subjects, nonResourceRules: [{ verbs: ["*"], nonResourceURLs: [text] }] },
  ];

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.matchingPrecedence", -1, ["spec.matchingPrecedence: Invalid"]],
    ["spec.matchingPrecedence", 1, ["spec.matchingPrecedence: Invalid"]],
    ["spec.matchingPrecedence", 10_001, ["spec.matchingPrecedence: Invalid"]],
    ["spec.distinguisherMethod", { type: "ByHat" }, ["spec.distinguisherMethod.type: NotSupported"]],
    ["spec.priorityLevelConfiguration", {}, ["spec.priorityLevelConfiguration.name: Required"]],
    ["spec.rules", [{}], [`${at}.subjects: Required`, `${at}: Required`]],
    ["spec.rules.0.subjects.0", { kind: "Robot" }, [`${at}.subjects[0].kind: NotSupported`]],
    [
      "spec.rules.0.subjects.0",
      { kind: "User", group: { name: "g" } },
      [`${at}.subjects[0].user: Required`, `${at}.subjects[0].group: Forbidden`],
    ],
    [
      "spec.rules.0.subjects.0",
      { kind: "ServiceAccount", serviceAccount: { name: "*" } },
      [`${at}.subjects[0].serviceAccount.namespace: Required`],
    ],
    ["spec.rules.0.resourceRules.0.verbs", ["*", "get"], [`${at}.resourceRules[0].verbs: Invalid`]],
    ["spec.rules.0.resourceRules.0.verbs", ["eat"], [`${at}.resourceRules[0].verbs: NotSupported`]],
    ["spec.rules.0.resourceRules.0.namespaces", [], [`${at}.resourceRules[0].namespaces: Required`]],
    ["spec.rules.0.resourceRules.0.namespaces", ["N"], [`${at}.resourceRules[0].namespaces[0]: Invalid`]],
    ["spec.rules", url("/metrics/*"), []],
    ["spec.rules", url("/a*"), [`${at}.nonResourceRules[0].nonResourceURLs[0]: Invalid`]],
    ["spec.rules", url("a"), [`${at}.nonResourceRules[0].nonResourceURLs[0]: Invalid`]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(flowSchemaStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test.each(bootstrapFlowSchemas().map((schema) => [schema.metadata.name, schema] as const))(
    "the cluster's own %s is good",
    (_, schema) => expect(createFaults(flowSchemaStrategy, schema)).toEqual([]),
  );

  test("what every server relies on is fixed", () => {
    const exempt = bootstrapFlowSchemas().find(({ metadata }) => metadata.name === "exempt");
    expect(createFaults(flowSchemaStrategy, withValue(exempt, "spec.matchingPrecedence", 2))).toEqual([
      "spec: Invalid",
    ]);
  });
});

describe("PriorityLevelConfiguration", () => {
  const queuing = { queues: 64, handSize: 8, queueLengthLimit: 50 };
  const good = {
    metadata: { name: "x" },
    spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing } } },
  };
  const path = "spec.limited.limitResponse.queuing";

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.type", "Exempt", ["spec.type: Invalid", "spec.limited: Forbidden"]],
    ["spec.type", "Open", ["spec.type: NotSupported"]],
    ["spec.limited", undefined, ["spec.limited: Required"]],
    ["spec.limited.nominalConcurrencyShares", -1, ["spec.limited.nominalConcurrencyShares: Invalid"]],
    ["spec.limited.lendablePercent", 101, ["spec.limited.lendablePercent: Invalid"]],
    ["spec.limited.borrowingLimitPercent", -1, ["spec.limited.borrowingLimitPercent: Invalid"]],
    ["spec.limited.limitResponse.type", "Reject", ["spec.limited.limitResponse.queuing: Forbidden"]],
    ["spec.limited.limitResponse.type", "Wait", ["spec.limited.limitResponse.type: NotSupported"]],
    [path, { ...queuing, queues: -1 }, [`${path}.queues: Invalid`, `${path}.handSize: Invalid`]],
    [path, { ...queuing, handSize: 65 }, [`${path}.handSize: Invalid`]],
    [path, { ...queuing, queues: 1000 }, [`${path}.handSize: Invalid`]],
  ])("with %s = %j", (where, value, faults) => {
    expect(createFaults(priorityLevelConfigurationStrategy, withValue(good, where, value))).toEqual(faults);
  });

  test.each(bootstrapPriorityLevels().map((level) => [level.metadata.name, level] as const))(
    "the cluster's own %s is good",
    (_, level) => expect(createFaults(priorityLevelConfigurationStrategy, level)).toEqual([]),
  );

  test("what every server relies on is fixed, but for the shares of what is exempt", () => {
    const [exempt, catchAll] = bootstrapPriorityLevels();
    const faults = (level: unknown, where: string) =>
      createFaults(priorityLevelConfigurationStrategy, withValue(level, where, 7));
    expect(faults(exempt, "spec.exempt.nominalConcurrencyShares")).toEqual([]);
    expect(faults(catchAll, "spec.limited.nominalConcurrencyShares")).toEqual(["spec: Invalid"]);
  });
});
