import { describe, expect, test } from "vitest";
import { defaulted } from "./testing/defaulted.ts";

const pod = (spec: object) => ({ metadata: { name: "p" }, spec });
const containerDefaults = {
  terminationMessagePath: "/dev/termination-log",
  terminationMessagePolicy: "File",
  resources: {},
};

describe("pods", () => {
  test("get everything a plain pod gets", () => {
    expect(defaulted("core/v1.Pod", pod({ containers: [{ name: "c", image: "nginx" }] }))).toEqual({
      metadata: { name: "p" },
      spec: {
        containers: [{ name: "c", image: "nginx", imagePullPolicy: "Always", ...containerDefaults }],
        dnsPolicy: "ClusterFirst",
        enableServiceLinks: true,
        restartPolicy: "Always",
        schedulerName: "default-scheduler",
        securityContext: {},
        terminationGracePeriodSeconds: 30,
      },
      status: {},
    });
  });

  test("requests follow limits, in canonical text and whole thousandths", () => {
    const resources = { limits: { cpu: "0.5", memory: "1024Mi", "x.io/y": "1" }, requests: { cpu: "0.1234567" } };
    const { spec } = defaulted("core/v1.Pod", pod({ containers: [{ name: "c", resources }] })) as never as {
      spec: { containers: [{ resources: object }] };
    };
    expect(spec.containers[0].resources).toEqual({
      limits: { cpu: "500m", memory: "1Gi", "x.io/y": "1" },
      requests: { cpu: "124m", memory: "1Gi", "x.io/y": "1" },
    });
  });

  test("templates keep requests, service links and host ports open", () => {
    const template = {
      spec: {
        hostNetwork: true,
        containers: [{ name: "c", ports: [{ containerPort: 80 }], resources: { limits: { cpu: 1 } } }],
      },
    };
    const result = defaulted("apps/v1.Deployment", { metadata: {}, spec: { template } }) as never as {
      spec: { template: { spec: { enableServiceLinks?: boolean; containers: [object] } } };
    };
    expect(result.spec.template.spec.enableServiceLinks).toBeUndefined();
    expect(result.spec.template.spec.containers[0]).toMatchObject({
      ports: [{ containerPort: 80, protocol: "TCP" }],
      resources: { limits: { cpu: "1" } },
    });
    expect(result.spec.template.spec.containers[0]).not.toHaveProperty("resources.requests");
    expect(result.spec.template.spec.containers[0]).not.toHaveProperty("ports.0.hostPort");
  });

  test.each<[string, object, object]>([
    [
      "host ports follow container ports on the host network",
      { hostNetwork: true, containers: [{ name: "c", ports: [{ containerPort: 80 }] }] },
      { containers: [{ ports: [{ containerPort: 80, hostPort: 80, protocol: "TCP" }] }] },
    ],
    [
      "a volume without a source is an emptyDir",
      { containers: [], volumes: [{ name: "v" }] },
      { volumes: [{ name: "v", emptyDir: {} }] },
    ],
    [
      "secret, config map and downward volumes are 0644",
      {
        containers: [],
        volumes: [
          { name: "s", secret: { secretName: "x" } },
          { name: "c", configMap: { name: "x", defaultMode: 0 } },
          { name: "d", downwardAPI: { items: [{ path: "p", fieldRef: { fieldPath: "metadata.name" } }] } },
        ],
      },
      {
        volumes: [
          { secret: { defaultMode: 420 } },
          { configMap: { defaultMode: 0 } },
          { downwardAPI: { defaultMode: 420, items: [{ fieldRef: { apiVersion: "v1" } }] } },
        ],
      },
    ],
    [
      "projected tokens live an hour",
      { containers: [], volumes: [{ name: "t", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } }] },
      {
        volumes: [
          {
            projected: { defaultMode: 420, sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 3600 } }] },
          },
        ],
      },
    ],
    [
      "host paths have the empty type",
      { containers: [], volumes: [{ name: "h", hostPath: { path: "/x" } }] },
      { volumes: [{ hostPath: { path: "/x", type: "" } }] },
    ],
    [
      "image volumes pull as containers do",
      { containers: [], volumes: [{ name: "i", image: { reference: "a:1" } }] },
      { volumes: [{ image: { reference: "a:1", pullPolicy: "IfNotPresent" } }] },
    ],
    [
      "ephemeral claims have a volume mode",
      {
        containers: [],
        volumes: [
          {
            name: "e",
            ephemeral: { volumeClaimTemplate: { spec: { resources: { requests: { storage: "1024Ki" } } } } },
          },
        ],
      },
      {
        volumes: [
          {
            ephemeral: {
              volumeClaimTemplate: { spec: { volumeMode: "Filesystem", resources: { requests: { storage: "1Mi" } } } },
            },
          },
        ],
      },
    ],
    [
      "probes have their numbers, http probes a path and a scheme, grpc probes a service",
      {
        containers: [
          {
            name: "c",
            livenessProbe: { httpGet: { port: 80 } },
            readinessProbe: { grpc: { port: 1 }, periodSeconds: 3 },
          },
        ],
      },
      {
        containers: [
          {
            livenessProbe: {
              httpGet: { port: 80, path: "/", scheme: "HTTP" },
              timeoutSeconds: 1,
              periodSeconds: 10,
              successThreshold: 1,
              failureThreshold: 3,
            },
            readinessProbe: { grpc: { port: 1, service: "" }, periodSeconds: 3 },
          },
        ],
      },
    ],
    [
      "the old name of the service account is kept in step",
      { containers: [], serviceAccount: "sa" },
      { serviceAccount: "sa", serviceAccountName: "sa" },
    ],
    [
      "pod-level requests follow the containers, then the pod-level limits",
      {
        resources: { limits: { cpu: "2", memory: "1Gi" } },
        containers: [
          { name: "a", resources: { requests: { cpu: "300m" } } },
          { name: "b", resources: { requests: { cpu: "200m" } } },
        ],
      },
      { resources: { limits: { cpu: "2", memory: "1Gi" }, requests: { cpu: "500m", memory: "1Gi" } } },
    ],
    [
      "pod-level hugepage limits follow the containers",
      {
        resources: { limits: { cpu: "1" } },
        containers: [{ name: "a", resources: { limits: { "hugepages-2Mi": "4Mi" } } }],
      },
      { resources: { limits: { cpu: "1", "hugepages-2Mi": "4Mi" } } },
    ],
  ])("%s", (_, spec, expected) => expect(defaulted("core/v1.Pod", pod(spec))).toMatchObject({ spec: expected }));
});
