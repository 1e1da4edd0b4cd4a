import { describe, expect, test } from "vitest";
import type { ControllerRevision, DaemonSet, Deployment, ReplicaSet } from "#pkg/api/apps/v1.ts";
import type { PodTemplate, ReplicationController } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { decodeValue } from "#pkg/api/schema/decode.ts";
import { controllerRevisionStrategy } from "./controller-revision.ts";
import { daemonSetStrategy } from "./daemon-set.ts";
import { deploymentStrategy } from "./deployment.ts";
import { podTemplateStrategy } from "./pod-template.ts";
import { replicaSetStrategy } from "./replica-set.ts";
import { replicationControllerStrategy } from "./replication-controller.ts";
import {
  created,
  createFaults,
  createMessages,
  updated,
  updateFaults,
  updateMessages,
  withValue,
} from "./testing/judge.ts";
import { type Case, templateCases } from "./testing/template-cases.ts";

const labels = { app: "web" };
const template = { metadata: { labels }, spec: { containers: [{ name: "nginx", image: "nginx:1.27" }] } };
const metadata = { name: "web", namespace: "n", generation: 1 };

function from<T extends KubeObject>(typeName: string, object: object): T {
  return decodeValue(typeName, object).object as unknown as T;
}

describe("Deployment", () => {
  // What `kubectl create deployment web --image=nginx:1.27 --port=80 --replicas=2 --dry-run=client -o json` prints.
  const fromKubectl = {
    kind: "Deployment",
    apiVersion: "apps/v1",
    metadata: { name: "web", labels: { app: "web" } },
    spec: {
      replicas: 2,
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          containers: [{ name: "nginx", image: "nginx:1.27", ports: [{ containerPort: 80 }], resources: {} }],
        },
      },
      strategy: {},
    },
    status: {},
  };
  const good = from<Deployment>("apps/v1.Deployment", fromKubectl);
  const stored = created(deploymentStrategy, withValue(good, "metadata.generation", 1));

  test("from kubectl is good and gets its defaults", () => {
    expect(createMessages(deploymentStrategy, good)).toEqual([]);
    expect(deploymentStrategy.warnings?.(good)).toEqual([]);
    expect(stored.spec).toMatchObject({
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
      revisionHistoryLimit: 10,
      progressDeadlineSeconds: 600,
    });
  });

  test.each<Case>([
    ...templateCases,
    ["spec.strategy", { type: "Replace" }, ["spec.strategy: NotSupported"]],
    ["spec.strategy", { type: "Recreate", rollingUpdate: {} }, ["spec.strategy.rollingUpdate: Forbidden"]],
    [
      "spec.strategy",
      { rollingUpdate: { maxUnavailable: 0, maxSurge: 0 } },
      ["spec.strategy.rollingUpdate.maxUnavailable: Invalid"],
    ],
    [
      "spec.strategy",
      { rollingUpdate: { maxUnavailable: "101%" } },
      ["spec.strategy.rollingUpdate.maxUnavailable: Invalid"],
    ],
    ["spec.strategy", { rollingUpdate: { maxSurge: "200%" } }, []],
    ["spec.strategy", { rollingUpdate: { maxSurge: "some" } }, ["spec.strategy.rollingUpdate.maxSurge: Invalid"]],
    [
      "spec.strategy",
      { rollingUpdate: { maxUnavailable: -1 } },
      ["spec.strategy.rollingUpdate.maxUnavailable: Invalid"],
    ],
    ["spec.revisionHistoryLimit", -1, ["spec.revisionHistoryLimit: Invalid"]],
    ["spec.progressDeadlineSeconds", 0, ["spec.progressDeadlineSeconds: Invalid"]],
    ["spec.minReadySeconds", 600, ["spec.progressDeadlineSeconds: Invalid"]],
  ])("%s = %j", (path, value, faults) => {
    expect(createFaults(deploymentStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("texts are upstream's", () => {
    expect(createMessages(deploymentStrategy, withValue(good, "spec.selector", undefined))).toEqual([
      "spec.selector: Required value",
      'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
    ]);
    expect(
      updateMessages(deploymentStrategy, stored, (next) => {
        next.spec.selector = { matchLabels: { app: "other" } };
        next.spec.template.metadata = { labels: { app: "other" } };
      }),
    ).toEqual(['spec.selector: Invalid value: {"matchLabels":{"app":"other"}}: field is immutable']);
  });

  test("a name that makes no host name is warned about", () => {
    expect(deploymentStrategy.warnings?.(withValue(good, "metadata.name", "a.b"))).toEqual([
      "metadata.name: this is used in Pod names and hostnames, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
    ]);
  });

  test("another annotation counts as another generation", () => {
    const change = (mutate: (next: Deployment) => void) =>
      updated(deploymentStrategy, stored, mutate).metadata.generation;
    expect(change(() => {})).toBe(1);
    expect(change((next) => (next.metadata.annotations = { a: "b" }))).toBe(2);
    expect(change((next) => (next.metadata.labels = { a: "b" }))).toBe(1);
  });

  test("a status has counts that fit each other, and keeps the labels", () => {
    const status = (value: Deployment["status"]) =>
      updateFaults(
        deploymentStrategy,
        { ...stored, status: { collisionCount: 2 } },
        (next) => (next.status = value),
        "status",
      );
    expect(status({ replicas: 3, readyReplicas: 3, availableReplicas: 2, collisionCount: 3 })).toEqual([]);
    expect(status({ replicas: 1, readyReplicas: 2, availableReplicas: 1, collisionCount: 2 })).toEqual([
      "status.readyReplicas: Invalid",
    ]);
    expect(status({ replicas: 2, readyReplicas: 1, availableReplicas: 2, collisionCount: 2 })).toEqual([
      "status.availableReplicas: Invalid",
    ]);
    expect(status({ replicas: -1, collisionCount: 2 })).toEqual([
      "status.replicas: Invalid",
      "status.updatedReplicas: Invalid",
      "status.readyReplicas: Invalid",
      "status.availableReplicas: Invalid",
    ]);
    expect(status({})).toEqual(["status.collisionCount: Invalid"]);
    const relabelled = updated(deploymentStrategy, stored, (next) => (next.metadata.labels = { x: "y" }), "status");
    expect(relabelled.metadata.labels).toEqual({ app: "web" });
  });
});

describe("ReplicaSet", () => {
  const good = from<ReplicaSet>("apps/v1.ReplicaSet", {
    metadata,
    spec: { selector: { matchLabels: labels }, template },
  });
  const stored = created(replicaSetStrategy, good);

  test.each<Case>([["spec.replicas", 3, []], ...templateCases])("%s = %j", (path, value, faults) => {
    expect(createFaults(replicaSetStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("keeps its selector", () => {
    const change = (next: ReplicaSet) =>
      (next.spec.selector = { matchLabels: labels, matchExpressions: [{ key: "app", operator: "Exists" }] });
    expect(updateFaults(replicaSetStrategy, stored, change)).toEqual(["spec.selector: Invalid"]);
    expect(updateFaults(replicaSetStrategy, stored, (next) => (next.spec.replicas = 7))).toEqual([]);
  });

  test("is found by its number of replicas", () => {
    expect(replicaSetStrategy.selectableFields?.({ ...stored, status: { replicas: 2 } })).toEqual({
      "status.replicas": "2",
    });
    expect(replicaSetStrategy.selectableFields?.(stored)).toEqual({ "status.replicas": "0" });
  });

  test("has a status without more ready replicas than replicas", () => {
    const status = (value: ReplicaSet["status"]) =>
      updateFaults(replicaSetStrategy, stored, (next) => (next.status = value), "status");
    expect(status({ replicas: 2, readyReplicas: 2, availableReplicas: 2, fullyLabeledReplicas: 2 })).toEqual([]);
    expect(status({ replicas: 2, fullyLabeledReplicas: 3 })).toEqual(["status.fullyLabeledReplicas: Invalid"]);
  });
});

describe("ReplicationController", () => {
  const good = from<ReplicationController>("core/v1.ReplicationController", { metadata, spec: { template } });

  test.each<Case>([
    ["spec.replicas", 3, []],
    ["spec.replicas", -1, ["spec.replicas: Invalid"]],
    ["spec.selector", { app: "other" }, ["spec.template.metadata.labels: Invalid"]],
    ["spec.template", undefined, ["spec.selector: Required", "spec.template: Required"]],
    ["spec.template.spec.restartPolicy", "OnFailure", ["spec.template.spec.restartPolicy: NotSupported"]],
    ["spec.template.spec.activeDeadlineSeconds", 5, ["spec.template.spec.activeDeadlineSeconds: Forbidden"]],
  ])("%s = %j", (path, value, faults) => {
    expect(createFaults(replicationControllerStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("leaves its pods alone when it goes", () => {
    expect(replicationControllerStrategy.defaultPropagation).toBe("Orphan");
    expect(replicaSetStrategy.defaultPropagation).toBeUndefined();
  });
});

describe("DaemonSet", () => {
  const good = from<DaemonSet>("apps/v1.DaemonSet", {
    metadata,
    spec: { selector: { matchLabels: labels }, template },
  });
  const stored = created(daemonSetStrategy, good);
  const rolling = "spec.updateStrategy.rollingUpdate";

  test.each<Case>([
    ["spec.selector", undefined, ["spec.template.metadata.labels: Invalid"]],
    ["spec.selector", {}, ["spec.selector: Invalid"]],
    ["spec.template.spec.restartPolicy", "Never", ["spec.template.spec.restartPolicy: NotSupported"]],
    ["spec.updateStrategy", { type: "Sometimes" }, ["spec.updateStrategy: NotSupported"]],
    [rolling, { maxUnavailable: 0, maxSurge: 0 }, [`${rolling}.maxUnavailable: Required`]],
    [rolling, { maxUnavailable: 1, maxSurge: "10%" }, [`${rolling}.maxSurge: Invalid`]],
    [rolling, { maxUnavailable: 0, maxSurge: "110%" }, [`${rolling}.maxSurge: Invalid`]],
    [rolling, { maxUnavailable: "x" }, [`${rolling}.maxUnavailable: Invalid`, `${rolling}.maxUnavailable: Required`]],
    ["spec.minReadySeconds", -1, ["spec.minReadySeconds: Invalid"]],
    ["spec.revisionHistoryLimit", -1, ["spec.revisionHistoryLimit: Invalid"]],
  ])("%s = %j", (path, value, faults) => {
    expect(createFaults(daemonSetStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("counts the changes of its template", () => {
    const key = "deprecated.daemonset.template.generation";
    const generation = (next: DaemonSet) => next.metadata.annotations?.[key];
    expect(generation(stored)).toBe("1");
    expect(generation(created(daemonSetStrategy, withValue(good, "metadata.annotations", { [key]: "7" })))).toBe("7");
    const image = (next: DaemonSet) => {
      next.spec.template = withValue(next.spec.template, "spec.containers.0.image", "nginx:2");
    };
    expect(generation(updated(daemonSetStrategy, stored, image))).toBe("2");
    expect(generation(updated(daemonSetStrategy, stored, (next) => (next.metadata.annotations = { [key]: "5" })))).toBe(
      "1",
    );
    expect(generation(updated(daemonSetStrategy, stored, (next) => (next.spec.minReadySeconds = 5)))).toBe("1");
  });

  test("has a status without negative counts", () => {
    const status = (next: DaemonSet) =>
      (next.status = { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: -1 });
    expect(updateFaults(daemonSetStrategy, stored, status, "status")).toEqual(["status.numberReady: Invalid"]);
  });
});

describe("ControllerRevision", () => {
  test.each<[object, string[]]>([
    [{ data: { a: 1 }, revision: 1 }, []],
    [{ data: { a: 1 }, revision: -1 }, ["revision: Invalid"]],
    [{ revision: 1 }, ["data: Required"]],
    [{ data: null, revision: 1 }, ["data: Required"]],
    [{ data: [1], revision: 1 }, ["data: Required"]],
  ])("case %#", (fields, faults) => {
    expect(createFaults(controllerRevisionStrategy, { metadata, ...fields })).toEqual(faults);
  });

  test("only its number changes", () => {
    const stored: ControllerRevision = { metadata, data: { a: 1 }, revision: 1 };
    expect(updateFaults(controllerRevisionStrategy, stored, (next) => (next.revision = 2))).toEqual([]);
    expect(updateFaults(controllerRevisionStrategy, stored, (next) => (next.data = { a: 2 }))).toEqual([
      "data: Invalid",
    ]);
  });
});

test("a PodTemplate is judged like the template of an owner", () => {
  const good = from<PodTemplate>("core/v1.PodTemplate", { metadata, template });
  expect(createFaults(podTemplateStrategy, good)).toEqual([]);
  expect(createFaults(podTemplateStrategy, withValue(good, "template.spec.containers", []))).toEqual([
    "template.spec.containers: Required",
  ]);
  expect(podTemplateStrategy.hasGeneration).toBe(true);
});
