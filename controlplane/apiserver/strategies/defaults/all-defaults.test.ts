import { describe, expect, test } from "vitest";
import { defaulted } from "../testing/defaulted.ts";

const kinds: readonly [
  title: string,
  typeName: string,
  object: Record<string, unknown>,
  expected: Record<string, unknown>,
][] = [
  [
    "plain text of a secret becomes data",
    "core/v1.Secret",
    { metadata: {}, data: { a: "eA==", b: "eQ==" }, stringData: { b: "ü" } },
    { metadata: {}, type: "Opaque", data: { a: "eA==", b: "w7w=" } },
  ],
  [
    "a namespace is labelled with its name",
    "core/v1.Namespace",
    { metadata: { name: "n", labels: { a: "b" } } },
    { metadata: { labels: { a: "b", "kubernetes.io/metadata.name": "n" } }, status: { phase: "Active" } },
  ],
  [
    "a cluster-internal service",
    "core/v1.Service",
    { metadata: {}, spec: { ports: [{ port: 80 }] } },
    {
      spec: {
        type: "ClusterIP",
        sessionAffinity: "None",
        internalTrafficPolicy: "Cluster",
        ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
      },
      status: { loadBalancer: {} },
    },
  ],
  [
    "a load balancer",
    "core/v1.Service",
    {
      metadata: {},
      spec: { type: "LoadBalancer", ports: [{ port: 80, targetPort: "http" }] },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4" }] } },
    },
    {
      spec: { externalTrafficPolicy: "Cluster", allocateLoadBalancerNodePorts: true, ports: [{ targetPort: "http" }] },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4", ipMode: "VIP" }] } },
    },
  ],
  [
    "client affinity lasts three hours",
    "core/v1.Service",
    { metadata: {}, spec: { sessionAffinity: "ClientIP" } },
    { spec: { sessionAffinityConfig: { clientIP: { timeoutSeconds: 10800 } } } },
  ],
  [
    "external IPs make the external policy mean something",
    "core/v1.Service",
    { metadata: {}, spec: { externalIPs: ["1.2.3.4"] } },
    { spec: { externalTrafficPolicy: "Cluster" } },
  ],
  [
    "limit ranges of containers",
    "core/v1.LimitRange",
    { metadata: {}, spec: { limits: [{ type: "Container", max: { cpu: "2" }, min: { memory: "1Mi" } }] } },
    { spec: { limits: [{ default: { cpu: "2" }, defaultRequest: { cpu: "2", memory: "1Mi" } }] } },
  ],
  [
    "a replication controller takes selector and labels from its template",
    "core/v1.ReplicationController",
    { metadata: {}, spec: { template: { metadata: { labels: { a: "b" } }, spec: {} } } },
    { metadata: { labels: { a: "b" } }, spec: { replicas: 1, selector: { a: "b" } } },
  ],
  [
    "volumes and claims",
    "core/v1.PersistentVolume",
    { metadata: {}, spec: { capacity: { storage: "1024Mi" } } },
    {
      spec: { capacity: { storage: "1Gi" }, persistentVolumeReclaimPolicy: "Retain", volumeMode: "Filesystem" },
      status: { phase: "Pending" },
    },
  ],
  [
    "a claim",
    "core/v1.PersistentVolumeClaim",
    { metadata: {}, spec: {} },
    { spec: { volumeMode: "Filesystem", resources: {} }, status: { phase: "Pending" } },
  ],
  [
    "what a node can allocate",
    "core/v1.Node",
    { metadata: {}, spec: { podCIDRs: ["10.0.0.0/24"] }, status: { capacity: { cpu: "2" } } },
    { spec: { podCIDR: "10.0.0.0/24" }, status: { allocatable: { cpu: "2" } } },
  ],
  [
    "a deployment",
    "apps/v1.Deployment",
    { metadata: {} },
    {
      spec: {
        replicas: 1,
        revisionHistoryLimit: 10,
        progressDeadlineSeconds: 600,
        strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: "25%", maxUnavailable: "25%" } },
      },
    },
  ],
  [
    "a recreating deployment",
    "apps/v1.Deployment",
    { metadata: {}, spec: { replicas: 0, strategy: { type: "Recreate" } } },
    { spec: { replicas: 0, strategy: { type: "Recreate" } } },
  ],
  [
    "a daemon set",
    "apps/v1.DaemonSet",
    { metadata: {} },
    {
      spec: {
        revisionHistoryLimit: 10,
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 0, maxUnavailable: 1 } },
      },
    },
  ],
  [
    "a stateful set",
    "apps/v1.StatefulSet",
    { metadata: {} },
    {
      spec: {
        replicas: 1,
        podManagementPolicy: "OrderedReady",
        revisionHistoryLimit: 10,
        persistentVolumeClaimRetentionPolicy: { whenDeleted: "Retain", whenScaled: "Retain" },
        updateStrategy: { type: "RollingUpdate", rollingUpdate: { partition: 0 } },
      },
    },
  ],
  ["a replica set", "apps/v1.ReplicaSet", { metadata: {} }, { spec: { replicas: 1 } }],
  [
    "a job",
    "batch/v1.Job",
    { metadata: {}, spec: { template: { metadata: { labels: { a: "b" } } } } },
    {
      metadata: { labels: { a: "b" } },
      spec: {
        completions: 1,
        parallelism: 1,
        backoffLimit: 6,
        completionMode: "NonIndexed",
        suspend: false,
        podReplacementPolicy: "TerminatingOrFailed",
        manualSelector: false,
      },
    },
  ],
  [
    "an indexed job with a limit per index",
    "batch/v1.Job",
    {
      metadata: {},
      spec: {
        parallelism: 3,
        backoffLimitPerIndex: 1,
        podFailurePolicy: { rules: [{ action: "Ignore", onPodConditions: [{ type: "x" }] }] },
      },
    },
    {
      spec: {
        parallelism: 3,
        backoffLimit: 2147483647,
        podReplacementPolicy: "Failed",
        podFailurePolicy: { rules: [{ onPodConditions: [{ type: "x", status: "True" }] }] },
      },
    },
  ],
  [
    "a cron job",
    "batch/v1.CronJob",
    { metadata: {} },
    {
      spec: {
        concurrencyPolicy: "Allow",
        suspend: false,
        successfulJobsHistoryLimit: 3,
        failedJobsHistoryLimit: 1,
        jobTemplate: { spec: { template: { spec: { restartPolicy: "Always" } } } },
      },
    },
  ],
  [
    "an autoscaler",
    "autoscaling/v2.HorizontalPodAutoscaler",
    { metadata: {}, spec: { behavior: { scaleDown: { policies: [] } } } },
    {
      spec: {
        minReplicas: 1,
        metrics: [
          { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization: 80 } } },
        ],
        behavior: {
          scaleUp: {
            stabilizationWindowSeconds: 0,
            selectPolicy: "Max",
            policies: [
              { type: "Pods", value: 4, periodSeconds: 15 },
              { type: "Percent", value: 100, periodSeconds: 15 },
            ],
          },
          scaleDown: { selectPolicy: "Max", policies: [] },
        },
      },
    },
  ],
  [
    "a network policy with egress",
    "networking/v1.NetworkPolicy",
    { metadata: {}, spec: { egress: [{ ports: [{ port: 1 }] }] } },
    { spec: { policyTypes: ["Ingress", "Egress"], egress: [{ ports: [{ port: 1, protocol: "TCP" }] }] } },
  ],
  [
    "a network policy without",
    "networking/v1.NetworkPolicy",
    { metadata: {} },
    { spec: { podSelector: {}, policyTypes: ["Ingress"] } },
  ],
  [
    "an ingress class",
    "networking/v1.IngressClass",
    { metadata: {}, spec: { parameters: { kind: "k", name: "n" } } },
    { spec: { parameters: { scope: "Cluster" } } },
  ],
  [
    "an endpoint slice",
    "discovery/v1.EndpointSlice",
    { metadata: {}, ports: [{ port: 1 }] },
    { ports: [{ port: 1, name: "", protocol: "TCP" }] },
  ],
  [
    "a storage class",
    "storage/v1.StorageClass",
    { metadata: {} },
    { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" },
  ],
  [
    "a csi driver",
    "storage/v1.CSIDriver",
    { metadata: {} },
    {
      spec: {
        attachRequired: true,
        podInfoOnMount: false,
        storageCapacity: false,
        fsGroupPolicy: "ReadWriteOnceWithFSType",
        volumeLifecycleModes: ["Persistent"],
        requiresRepublish: false,
        seLinuxMount: false,
      },
    },
  ],
  [
    "a role binding",
    "rbac/v1.RoleBinding",
    {
      metadata: {},
      roleRef: { kind: "Role", name: "r" },
      subjects: [
        { kind: "User", name: "u" },
        { kind: "ServiceAccount", name: "s" },
      ],
    },
    {
      roleRef: { apiGroup: "rbac.authorization.k8s.io" },
      subjects: [{ apiGroup: "rbac.authorization.k8s.io" }, { kind: "ServiceAccount", name: "s" }],
    },
  ],
  ["a priority class", "scheduling/v1.PriorityClass", { metadata: {} }, { preemptionPolicy: "PreemptLowerPriority" }],
  [
    "a webhook",
    "admissionregistration/v1.MutatingWebhookConfiguration",
    { metadata: {}, webhooks: [{ name: "w", clientConfig: { service: { name: "s", namespace: "n" } }, rules: [{}] }] },
    {
      webhooks: [
        {
          failurePolicy: "Fail",
          matchPolicy: "Equivalent",
          namespaceSelector: {},
          objectSelector: {},
          timeoutSeconds: 10,
          reinvocationPolicy: "Never",
          clientConfig: { service: { port: 443 } },
          rules: [{ scope: "*" }],
        },
      ],
    },
  ],
  [
    "an admission policy",
    "admissionregistration/v1.ValidatingAdmissionPolicy",
    { metadata: {}, spec: { matchConstraints: { resourceRules: [{}] } } },
    {
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          matchPolicy: "Equivalent",
          namespaceSelector: {},
          objectSelector: {},
          resourceRules: [{ scope: "*" }],
        },
      },
    },
  ],
  [
    "a custom resource definition",
    "apiextensions/v1.CustomResourceDefinition",
    { metadata: {}, spec: { names: { kind: "Foo", plural: "foos" }, versions: [{ name: "v1", storage: true }] } },
    {
      spec: { names: { singular: "foo", listKind: "FooList" }, conversion: { strategy: "None" } },
      status: { storedVersions: ["v1"] },
    },
  ],
  [
    "priority levels and flow schemas",
    "flowcontrol/v1.PriorityLevelConfiguration",
    { metadata: {}, spec: { type: "Limited", limited: { limitResponse: { type: "Queue", queuing: {} } } } },
    {
      spec: {
        limited: {
          nominalConcurrencyShares: 30,
          lendablePercent: 0,
          limitResponse: { queuing: { handSize: 8, queues: 64, queueLengthLimit: 50 } },
        },
      },
    },
  ],
  ["a flow schema", "flowcontrol/v1.FlowSchema", { metadata: {} }, { spec: { matchingPrecedence: 1000 } }],
  [
    "a resource claim",
    "resource/v1.ResourceClaim",
    { metadata: {}, spec: { devices: { requests: [{ name: "a", exactly: { deviceClassName: "c" } }] } } },
    { spec: { devices: { requests: [{ exactly: { allocationMode: "ExactCount", count: 1 } }] } } },
  ],
];

describe("other kinds", () => {
  test.each(kinds)("%s", (_, typeName, object, expected) =>
    expect(defaulted(typeName, object)).toMatchObject(expected),
  );

  test("leave alone what is set", () => {
    const service = { metadata: {}, spec: { type: "ExternalName", externalName: "a.b", sessionAffinity: "None" } };
    expect(defaulted("core/v1.Service", service)).toEqual({ ...service, status: { loadBalancer: {} } });
  });
});
