import { describe, expect, test } from "vitest";
import type { StatefulSet } from "#pkg/api/apps/v1.ts";
import { decodeValue } from "#pkg/api/schema/decode.ts";
import { statefulSetStrategy } from "./stateful-set.ts";
import { created, createFaults, updateFaults, updateMessages, withValue } from "./testing/judge.ts";
import { type Case, templateCases } from "./testing/template-cases.ts";

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx:1.27" }] } };
const metadata = { name: "web", namespace: "n", generation: 1 };

describe("StatefulSet", () => {
  const claim = {
    metadata: { name: "data" },
    spec: { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } },
  };
  const good = decodeValue("apps/v1.StatefulSet", {
    metadata,
    spec: { serviceName: "web", selector: { matchLabels: labels }, template, volumeClaimTemplates: [claim] },
  }).object as unknown as StatefulSet;
  const stored = created(statefulSetStrategy, good);

  test.each<Case>([
    ...templateCases,
    ["spec.podManagementPolicy", "Random", ["spec.podManagementPolicy: Invalid"]],
    ["spec.updateStrategy", { type: "Recreate" }, ["spec.updateStrategy: Invalid"]],
    [
      "spec.updateStrategy",
      { type: "OnDelete", rollingUpdate: { partition: 1 } },
      ["spec.updateStrategy.rollingUpdate: Invalid"],
    ],
    ["spec.updateStrategy.rollingUpdate.partition", -1, ["spec.updateStrategy.rollingUpdate.partition: Invalid"]],
    [
      "spec.persistentVolumeClaimRetentionPolicy.whenScaled",
      "Keep",
      ["spec.persistentVolumeClaimRetentionPolicy.whenScaled: NotSupported"],
    ],
    ["spec.volumeClaimTemplates.0.spec.accessModes", [], ["spec.volumeClaimTemplates[0].spec.accessModes: Required"]],
    ["spec.ordinals", { start: -1 }, ["spec.ordinals.start: Invalid"]],
    ["spec.serviceName", "a.b", ["spec.serviceName: Invalid"]],
    ["spec.serviceName", undefined, []],
    ["spec.template.spec.subdomain", "not valid", []],
    ["spec.template.spec.containers.0.volumeMounts", [{ name: "data", mountPath: "/data" }], []],
    [
      "spec.template.spec.containers.0.volumeMounts",
      [{ name: "other", mountPath: "/data" }],
      ["spec.template.spec.containers[0].volumeMounts[0].name: NotFound"],
    ],
  ])("%s = %j", (path, value, faults) => {
    expect(createFaults(statefulSetStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test.each<[string, (spec: StatefulSet["spec"]) => void, string[]]>([
    ["replicas", (spec) => (spec.replicas = 5), []],
    ["image", (spec) => (spec.template = withValue(spec.template, "spec.containers.0.image", "x")), []],
    ["partition", (spec) => (spec.updateStrategy = { type: "RollingUpdate", rollingUpdate: { partition: 2 } }), []],
    ["limit", (spec) => (spec.revisionHistoryLimit = 2), []],
    [
      "policy",
      (spec) => (spec.persistentVolumeClaimRetentionPolicy = { whenDeleted: "Delete", whenScaled: "Retain" }),
      [],
    ],
    ["ordinals", (spec) => (spec.ordinals = { start: 3 }), []],
    ["service", (spec) => (spec.serviceName = "other"), ["spec: Forbidden"]],
    [
      "selector",
      (spec) => (spec.selector = { matchLabels: { app: "web", x: "y" } }),
      ["spec.template.metadata.labels: Invalid", "spec: Forbidden"],
    ],
    ["claims", (spec) => delete spec.volumeClaimTemplates, ["spec: Forbidden"]],
    ["management", (spec) => (spec.podManagementPolicy = "Parallel"), ["spec: Forbidden"]],
    [
      "same claim in other words",
      (spec) =>
        (spec.volumeClaimTemplates = withValue(
          spec.volumeClaimTemplates ?? [],
          "0.spec.resources.requests.storage",
          "1024Mi",
        )),
      [],
    ],
  ])("an update of the %s", (_, change, faults) => {
    expect(updateFaults(statefulSetStrategy, stored, (next) => change(next.spec))).toEqual(faults);
  });

  test("says which fields may change", () => {
    expect(updateMessages(statefulSetStrategy, stored, (next) => (next.spec.serviceName = "other"))).toEqual([
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', " +
        "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ]);
  });

  test("faults it has already do not keep it from being scaled", () => {
    const faulty = withValue(stored, "spec.template.spec.containers.0.image", "");
    expect(updateFaults(statefulSetStrategy, faulty, (next) => (next.spec.replicas = 0))).toEqual([]);
  });

  test("fields of features that are off are dropped", () => {
    const asked = withValue(good, "spec.updateStrategy", {
      type: "RollingUpdate",
      rollingUpdate: { maxUnavailable: 2 },
    });
    expect(created(statefulSetStrategy, asked).spec.updateStrategy?.rollingUpdate).toEqual({ partition: 0 });
  });

  test("is named like a host", () => {
    expect(statefulSetStrategy.validateName?.("a.b", false)).toHaveLength(1);
  });

  test("warns of limits without end", () => {
    expect(statefulSetStrategy.warnings?.(withValue(stored, "spec.revisionHistoryLimit", -1))).toEqual([
      "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended",
    ]);
  });
});
