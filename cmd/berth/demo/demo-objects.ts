/** The demo: a web front end that counts visits in Redis, as Kubernetes objects in the order they are applied. Pure. */
import type { Deployment } from "#pkg/api/apps/v1.ts";
import type { SecurityContext, Service } from "#pkg/api/core/v1.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { redisImage, visitsImage } from "../images/cluster-images.ts";

export const demoNamespace = "demo";
export const demoNodePort = 30_080;
export const demoDeployments = ["redis", "web"] as const;

const inDemo = (name: string) => ({ name, namespace: demoNamespace, labels: { app: name } });

export function buildDemo(): readonly KubeObject[] {
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: { name: demoNamespace } },
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: inDemo("web"),
      data: { greeting: "Hello from Berth", style: "plain" },
    } as KubeObject,
    { apiVersion: "v1", kind: "Secret", metadata: inDemo("web"), stringData: { token: "not-so-secret" } } as KubeObject,
    { apiVersion: "v1", kind: "ServiceAccount", metadata: inDemo("web") },
    buildService("redis", { ports: [{ name: "redis", port: 6379 }] }),
    buildService("web", {
      type: "NodePort",
      ports: [{ name: "http", port: 80, targetPort: "http", nodePort: demoNodePort }],
    }),
    buildRedis(),
    buildWeb(),
  ];
}

function buildService(name: string, spec: NonNullable<Service["spec"]>): Service {
  return { apiVersion: "v1", kind: "Service", metadata: inDemo(name), spec: { selector: { app: name }, ...spec } };
}

/** What every container of the demo gives up. */
const restricted: SecurityContext = {
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  runAsNonRoot: true,
  runAsUser: 65_534,
  capabilities: { drop: ["ALL"] },
  seccompProfile: { type: "RuntimeDefault" },
};

function buildRedis(): Deployment {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: inDemo("redis"),
    spec: {
      replicas: 1,
      strategy: { type: "Recreate" },
      selector: { matchLabels: { app: "redis" } },
      template: {
        metadata: { labels: { app: "redis" } },
        spec: {
          automountServiceAccountToken: false,
          securityContext: { fsGroup: 65_534 },
          containers: [
            {
              name: "redis",
              image: redisImage,
              ports: [{ name: "redis", containerPort: 6379 }],
              readinessProbe: { exec: { command: ["redis-cli", "ping"] }, periodSeconds: 5 },
              livenessProbe: { tcpSocket: { port: "redis" }, periodSeconds: 10 },
              resources: {
                requests: { cpu: "50m", memory: "32Mi" },
                limits: { cpu: "500m", memory: "64Mi" },
              },
              securityContext: restricted,
              volumeMounts: [{ name: "data", mountPath: "/data" }],
            },
          ],
          volumes: [{ name: "data", emptyDir: {} }],
        },
      },
    },
  };
}

function buildWeb(): Deployment {
  const probe = (path: string) => ({ httpGet: { path, port: "http" } });
  const keyOf = (key: string) => ({ name: "web", key });
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: inDemo("web"),
    spec: {
      replicas: 3,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: 1, maxSurge: 1 } },
      selector: { matchLabels: { app: "web" } },
      template: {
        metadata: { labels: { app: "web" } },
        spec: {
          serviceAccountName: "web",
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: "web",
              image: visitsImage,
              ports: [{ name: "http", containerPort: 8080 }],
              env: [
                // Not REDIS_…: a Service named redis brings variables of that prefix.
                { name: "STORE_HOST", value: "redis" },
                { name: "GREETING", valueFrom: { configMapKeyRef: keyOf("greeting") } },
                { name: "TOKEN", valueFrom: { secretKeyRef: keyOf("token") } },
              ],
              startupProbe: { ...probe("/live"), periodSeconds: 1, failureThreshold: 30 },
              livenessProbe: { ...probe("/live"), periodSeconds: 10 },
              readinessProbe: { ...probe("/ready"), periodSeconds: 2, timeoutSeconds: 2 },
              resources: {
                requests: { cpu: "50m", memory: "48Mi" },
                limits: { cpu: "500m", memory: "128Mi" },
              },
              securityContext: restricted,
              volumeMounts: [
                { name: "style", mountPath: "/etc/visits/style" },
                { name: "secret", mountPath: "/etc/visits/secret", readOnly: true },
              ],
            },
          ],
          volumes: [
            { name: "style", configMap: { name: "web" } },
            { name: "secret", secret: { secretName: "web", defaultMode: 0o444 } },
          ],
        },
      },
    },
  };
}
