import { describe, expect, test } from "vitest";
import { applyStrategicMergePatch } from "./strategic-merge-patch.ts";
import { structSchema } from "./table-schema.ts";

const bytes = (value: unknown) => new TextEncoder().encode(typeof value === "string" ? value : JSON.stringify(value));
const patched = (typeName: string, current: object, patch: unknown): unknown =>
  applyStrategicMergePatch(current, bytes(patch), structSchema(typeName));

const named = (...names: string[]) => names.map((name) => ({ name }));
const pod = (...names: string[]) => ({ containers: names.map((name) => ({ name, image: `${name}:1` })) });

describe("applyStrategicMergePatch", () => {
  const cases: [title: string, type: string, current: object, patch: object, expected: object][] = [
    [
      "merges a container by name",
      "core/v1.PodSpec",
      pod("a", "b"),
      { containers: [{ name: "b", image: "b:2" }] },
      {
        containers: [
          { name: "a", image: "a:1" },
          { name: "b", image: "b:2" },
        ],
      },
    ],
    [
      "puts a new container in front of those it does not speak of",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ name: "new", image: "n" }] },
      {
        containers: [
          { name: "new", image: "n" },
          { name: "a", image: "a:1" },
        ],
      },
    ],
    [
      "deletes a container",
      "core/v1.PodSpec",
      pod("a", "b"),
      { containers: [{ name: "a", $patch: "delete" }] },
      pod("b"),
    ],
    [
      "deletes what is not there",
      "core/v1.PodSpec",
      pod("a"),
      { containers: [{ name: "x", $patch: "delete" }] },
      pod("a"),
    ],
    [
      "replaces the list when an item says so",
      "core/v1.PodSpec",
      pod("a", "b"),
      { containers: [{ name: "c", image: "c:1" }, { $patch: "replace" }] },
      pod("c"),
    ],
    [
      "replaces a map when it says so",
      "core/v1.PodTemplateSpec",
      { metadata: { labels: { a: "1" } }, spec: { nodeSelector: { disk: "ssd" } } },
      { metadata: { labels: { $patch: "replace", b: "2" } } },
      { metadata: { labels: { b: "2" } }, spec: { nodeSelector: { disk: "ssd" } } },
    ],
    [
      "empties a map when it says delete",
      "core/v1.PodSpec",
      { nodeSelector: { a: "1" } },
      { nodeSelector: { $patch: "delete" } },
      { nodeSelector: {} },
    ],
    [
      "replaces lists without a strategy",
      "core/v1.PodSpec",
      { tolerations: [{ key: "a" }, { key: "b" }] },
      { tolerations: [{ key: "c" }] },
      { tolerations: [{ key: "c" }] },
    ],
    [
      "removes fields with null",
      "core/v1.PodSpec",
      { nodeName: "n", containers: [{ name: "a", command: ["x"] }] },
      { nodeName: null, containers: [{ name: "a", command: null }], hostname: null },
      { containers: [{ name: "a" }] },
    ],
    [
      "takes no nulls and no directives into what is new",
      "core/v1.PodSpec",
      {},
      { dnsConfig: { nameservers: null, searches: ["a"] }, volumes: [{ name: "v" }, { name: "w", $patch: "delete" }] },
      { dnsConfig: { searches: ["a"] }, volumes: [{ name: "v" }] },
    ],
    [
      "merges nested lists, each by its own key",
      "core/v1.PodSpec",
      {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "2" },
            ],
            ports: [{ containerPort: 80, name: "http" }],
            volumeMounts: [{ mountPath: "/a", name: "v" }],
          },
        ],
      },
      {
        containers: [
          {
            name: "a",
            env: [{ name: "Y", value: "3" }],
            ports: [{ containerPort: 443 }],
            volumeMounts: [{ mountPath: "/a", readOnly: true }],
          },
        ],
      },
      {
        containers: [
          {
            name: "a",
            env: [
              { name: "X", value: "1" },
              { name: "Y", value: "3" },
            ],
            ports: [{ containerPort: 443 }, { containerPort: 80, name: "http" }],
            volumeMounts: [{ mountPath: "/a", name: "v", readOnly: true }],
          },
        ],
      },
    ],
    [
      "keeps what $retainKeys names and drops the other sources of a volume",
      "core/v1.PodSpec",
      { volumes: [{ name: "v", emptyDir: {} }] },
      { volumes: [{ name: "v", $retainKeys: ["name", "configMap"], configMap: { name: "c" } }] },
      { volumes: [{ name: "v", configMap: { name: "c" } }] },
    ],
    [
      "drops rollingUpdate when kubectl switches a Deployment to Recreate",
      "apps/v1.DeploymentSpec",
      { replicas: 1, strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } } },
      { strategy: { $retainKeys: ["type"], type: "Recreate" } },
      { replicas: 1, strategy: { type: "Recreate" } },
    ],
    [
      "merges the scalars of finalizers",
      "meta/v1.ObjectMeta",
      { finalizers: ["a", "b"] },
      { finalizers: ["c", "a"] },
      { finalizers: ["c", "a", "b"] },
    ],
    [
      "deletes from a list of scalars",
      "meta/v1.ObjectMeta",
      { finalizers: ["a", "b", "c", "b"] },
      { "$deleteFromPrimitiveList/finalizers": ["b", "z"] },
      { finalizers: ["a", "c"] },
    ],
    [
      "does not invent a list to delete from",
      "meta/v1.ObjectMeta",
      { name: "a" },
      { "$deleteFromPrimitiveList/finalizers": ["b"] },
      { name: "a" },
    ],
    [
      "orders scalars",
      "core/v1.NodeSpec",
      { podCIDRs: ["1", "2", "3"] },
      { "$setElementOrder/podCIDRs": ["3", "4", "1"], podCIDRs: ["4"] },
      { podCIDRs: ["2", "3", "4", "1"] },
    ],
    [
      "orders containers without changing any",
      "core/v1.PodSpec",
      pod("a", "b", "c"),
      { "$setElementOrder/containers": named("c", "a") },
      {
        containers: [
          { name: "b", image: "b:1" },
          { name: "c", image: "c:1" },
          { name: "a", image: "a:1" },
        ],
      },
    ],
    [
      "keeps containers of others in their places among ordered ones",
      "core/v1.PodSpec",
      pod("a", "sidecar", "b"),
      { "$setElementOrder/containers": named("a", "b"), containers: [{ name: "b", image: "b:2" }] },
      {
        containers: [
          { name: "a", image: "a:1" },
          { name: "sidecar", image: "sidecar:1" },
          { name: "b", image: "b:2" },
        ],
      },
    ],
    [
      "lets a new container take the place that a deleted one left at the end",
      "core/v1.PodSpec",
      pod("old", "mine", "theirs"),
      {
        "$setElementOrder/containers": named("mine", "new"),
        containers: [
          { name: "new", image: "new:1" },
          { name: "old", $patch: "delete" },
        ],
      },
      pod("mine", "theirs", "new"),
    ],
    [
      "orders a list that is new",
      "core/v1.PodSpec",
      {},
      { "$setElementOrder/containers": named("a", "b"), containers: [{ name: "a" }, { name: "b" }] },
      { containers: [{ name: "a" }, { name: "b" }] },
    ],
    [
      "takes an order for a list that nobody has",
      "core/v1.PodSpec",
      {},
      { "$setElementOrder/containers": named("a") },
      {},
    ],
    [
      "merges the ports of a Service by port",
      "core/v1.ServiceSpec",
      { ports: [{ port: 80, protocol: "TCP", targetPort: 8080, nodePort: 30080 }] },
      { "$setElementOrder/ports": [{ port: 80 }], ports: [{ port: 80, targetPort: "http" }] },
      { ports: [{ port: 80, protocol: "TCP", targetPort: "http", nodePort: 30080 }] },
    ],
    [
      "merges the secrets of a ServiceAccount by name",
      "core/v1.ServiceAccount",
      { secrets: named("a") },
      { secrets: named("b") },
      { secrets: named("b", "a") },
    ],
    [
      "merges conditions and addresses of a Node by type",
      "core/v1.NodeStatus",
      {
        conditions: [{ type: "Ready", status: "True", reason: "x" }],
        addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
      },
      {
        "$setElementOrder/conditions": [{ type: "Ready" }],
        conditions: [{ type: "Ready", status: "False" }],
        addresses: [{ type: "Hostname", address: "n" }],
      },
      {
        conditions: [{ type: "Ready", status: "False", reason: "x" }],
        addresses: [
          { type: "Hostname", address: "n" },
          { type: "InternalIP", address: "10.0.0.1" },
        ],
      },
    ],
    [
      "replaces the taints of a Node",
      "core/v1.NodeSpec",
      { taints: [{ key: "a", effect: "NoSchedule" }] },
      { taints: null, unschedulable: true },
      { unschedulable: true },
    ],
    [
      "replaces the selector of a PodDisruptionBudget",
      "policy/v1.PodDisruptionBudgetSpec",
      { minAvailable: 1, selector: { matchLabels: { a: "1", b: "2" } } },
      { selector: { matchLabels: { a: "1" }, matchExpressions: null } },
      { minAvailable: 1, selector: { matchLabels: { a: "1" } } },
    ],
    [
      "what kubectl apply sends when image, env, containers, volume source and strategy change at once",
      "apps/v1.DeploymentSpec",
      {
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: "25%" } },
        template: {
          spec: {
            containers: [
              {
                name: "web",
                image: "nginx:1",
                env: [
                  { name: "A", value: "1" },
                  { name: "B", value: "2" },
                ],
                ports: [{ containerPort: 80, protocol: "TCP" }],
                imagePullPolicy: "IfNotPresent",
              },
              { name: "side", image: "busybox:1" },
              { name: "injected", image: "proxy:1" },
            ],
            volumes: [{ name: "v", emptyDir: {} }],
          },
        },
      },
      {
        strategy: { $retainKeys: ["type"], rollingUpdate: null, type: "Recreate" },
        template: {
          spec: {
            "$setElementOrder/containers": [{ name: "web" }],
            "$setElementOrder/volumes": [{ name: "v" }],
            containers: [
              {
                "$setElementOrder/env": [{ name: "A" }, { name: "C" }],
                env: [
                  { name: "C", value: "3" },
                  { $patch: "delete", name: "B" },
                ],
                image: "nginx:2",
                name: "web",
              },
              { $patch: "delete", name: "side" },
            ],
            volumes: [{ $retainKeys: ["configMap", "name"], configMap: { name: "c" }, emptyDir: null, name: "v" }],
          },
        },
      },
      {
        strategy: { type: "Recreate" },
        template: {
          spec: {
            containers: [
              {
                name: "web",
                image: "nginx:2",
                env: [
                  { name: "A", value: "1" },
                  { name: "C", value: "3" },
                ],
                ports: [{ containerPort: 80, protocol: "TCP" }],
                imagePullPolicy: "IfNotPresent",
              },
              { name: "injected", image: "proxy:1" },
            ],
            volumes: [{ name: "v", configMap: { name: "c" } }],
          },
        },
      },
    ],
    [
      "replaces a scalar by a map and a map by a scalar",
      "core/v1.Container",
      { livenessProbe: { httpGet: { port: 80 } } },
      { livenessProbe: { httpGet: { port: "http" }, $patch: "replace" } },
      { livenessProbe: { httpGet: { port: "http" } } },
    ],
  ];

  test.each(cases)("%s", (_, type, current, patch, expected) => {
    expect(patched(type, current, patch)).toEqual(expected);
  });

  test.each(cases)("applied twice is applied once: %s", (_, type, current, patch) => {
    const once = patched(type, current, patch) as object;
    expect(patched(type, once, patch)).toEqual(once);
  });

  test.each(cases)("leaves the object it was given alone: %s", (_, type, current, patch) => {
    const before = structuredClone(current);
    patched(type, current, patch);
    expect(current).toEqual(before);
  });
});
