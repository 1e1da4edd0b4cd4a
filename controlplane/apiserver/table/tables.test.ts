import { describe, expect, test } from "vitest";
import { resources } from "#pkg/api/schema/resources.ts";
import { gvkOfType } from "#pkg/api/schema/schema.ts";
import { tableColumns, tableConverter, tableRow } from "./tables.ts";

const now = Date.UTC(2026, 0, 2, 12);
const created = "2026-01-02T11:55:00Z";

function keyOf(typeName: string) {
  const gvk = gvkOfType(typeName);
  if (!gvk) throw new Error(`${typeName} is no kind`);
  return gvk;
}

function row(typeName: string, object: object, metadata: object = {}) {
  const whole = { metadata: { name: "x", creationTimestamp: created, ...metadata }, ...object };
  return tableRow(keyOf(typeName), whole, now);
}

const columnText = (typeName: string) =>
  tableColumns(keyOf(typeName))
    .map((one) => `${one.name}${one.priority ? "*" : ""}`)
    .join(" | ");

const template = {
  metadata: { labels: { app: "x" } },
  spec: {
    containers: [
      { name: "a", image: "a:1" },
      { name: "b", image: "b:2" },
    ],
    nodeSelector: { disk: "ssd" },
  },
};
const selector = { matchLabels: { app: "x" }, matchExpressions: [{ key: "tier", operator: "In", values: ["b", "a"] }] };

describe("tableColumns", () => {
  // Names and order are those of upstream's printers.
  test.each([
    ["core/v1.PodTemplate", "Name | Containers | Images | Pod Labels"],
    ["policy/v1.PodDisruptionBudget", "Name | Min Available | Max Unavailable | Allowed Disruptions | Age"],
    ["apps/v1.ReplicaSet", "Name | Desired | Current | Ready | Age | Containers* | Images* | Selector*"],
    [
      "apps/v1.DaemonSet",
      "Name | Desired | Current | Ready | Up-to-date | Available | Node Selector | Age | Containers* | Images* | Selector*",
    ],
    ["batch/v1.Job", "Name | Status | Completions | Duration | Age | Containers* | Images* | Selector*"],
    [
      "batch/v1.CronJob",
      "Name | Schedule | Timezone | Suspend | Active | Last Schedule | Age | Containers* | Images* | Selector*",
    ],
    ["core/v1.Service", "Name | Type | Cluster-IP | External-IP | Port(s) | Age | Selector*"],
    [
      "core/v1.Event",
      "Last Seen | Type | Reason | Object | Subobject* | Source* | Message | First Seen* | Count* | Name*",
    ],
    [
      "core/v1.Node",
      "Name | Status | Roles | Age | Version | Internal-IP* | External-IP* | OS-Image* | Kernel-Version* | Container-Runtime*",
    ],
    [
      "core/v1.PersistentVolume",
      "Name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age | VolumeMode*",
    ],
    ["scheduling/v1.PriorityClass", "Name | Value | Global-Default | Age | PreemptionPolicy"],
    ["rbac/v1.Role", "Name | Created At"],
    ["core/v1.LimitRange", "Name | Created At"],
    ["apiextensions/v1.CustomResourceDefinition", "Name | Created At"],
    ["apiregistration/v1.APIService", "Name | Service | Available | Age"],
  ])("%s: %s", (typeName, expected) => {
    expect(columnText(typeName)).toBe(expected);
  });

  test("every kind that is stored has as many cells as columns, even for an empty object", () => {
    for (const resource of resources) {
      const converter = tableConverter(resource, { now: () => now });
      const cells = converter.cells({ metadata: { name: "x" } });
      expect(cells, resource.kind).toHaveLength(converter.columns.length);
      expect(cells, resource.kind).not.toContain(undefined);
      expect(
        converter.columns.some((one) => one.format === "name"),
        resource.kind,
      ).toBe(true);
    }
  });

  test("the kinds of the same name in two groups are told apart", () => {
    expect(tableColumns({ group: "example.com", version: "v1", kind: "Pod" }).map((one) => one.name)).toEqual([
      "Name",
      "Created At",
    ]);
    expect(tableColumns({ group: "constructor", version: "v1", kind: "toString" })).toHaveLength(2);
  });
});

describe("tableRow", () => {
  const rows: [string, string, object, unknown[]][] = [
    [
      "core/v1.ReplicationController",
      "with the labels of its selector",
      { spec: { replicas: 3, selector: { b: "2", a: "1" }, template }, status: { replicas: 2, readyReplicas: 1 } },
      ["x", 3, 2, 1, "5m", "a,b", "a:1,b:2", "a=1,b=2"],
    ],
    [
      "apps/v1.ReplicaSet",
      "with the text of its selector",
      { spec: { replicas: 3, selector, template }, status: { replicas: 2 } },
      ["x", 3, 2, 0, "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "apps/v1.Deployment",
      "",
      {
        spec: { replicas: 3, selector, template },
        status: { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
      },
      ["x", "2/3", 1, 2, "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "apps/v1.Deployment",
      "with a broken selector",
      { spec: { selector: { matchExpressions: [{ key: "a", operator: "Zap" }] } } },
      ["x", "0/0", 0, 0, "5m", "", "", "<invalid>"],
    ],
    [
      "apps/v1.StatefulSet",
      "",
      { spec: { replicas: 3, template }, status: { readyReplicas: 1 } },
      ["x", "1/3", "5m", "a,b", "a:1,b:2"],
    ],
    [
      "apps/v1.DaemonSet",
      "",
      {
        spec: { selector, template },
        status: {
          desiredNumberScheduled: 5,
          currentNumberScheduled: 4,
          numberReady: 3,
          updatedNumberScheduled: 2,
          numberAvailable: 1,
        },
      },
      ["x", 5, 4, 3, 2, 1, "disk=ssd", "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "batch/v1.Job",
      "running",
      { spec: { completions: 3, template, selector }, status: { succeeded: 1, startTime: "2026-01-02T11:58:00Z" } },
      ["x", "Running", "1/3", "2m", "5m", "a,b", "a:1,b:2", "app=x,tier in (a,b)"],
    ],
    [
      "batch/v1.Job",
      "complete",
      {
        spec: {},
        status: {
          succeeded: 1,
          startTime: "2026-01-02T11:58:00Z",
          completionTime: "2026-01-02T11:58:30Z",
          conditions: [{ type: "Complete", status: "True" }],
        },
      },
      ["x", "Complete", "1/1", "30s", "5m", "", "", "<none>"],
    ],
    [
      "batch/v1.Job",
      "with a work queue, failed",
      { spec: { parallelism: 4 }, status: { conditions: [{ type: "Failed", status: "True" }] } },
      ["x", "Failed", "0/1 of 4", "", "5m", "", "", "<none>"],
    ],
    [
      "batch/v1.CronJob",
      "",
      {
        spec: { schedule: "* * * * *", suspend: false, jobTemplate: { spec: { template } } },
        status: { active: [{}], lastScheduleTime: "2026-01-02T11:59:30Z" },
      },
      ["x", "* * * * *", "<none>", "False", 1, "30s", "5m", "a,b", "a:1,b:2", "<none>"],
    ],
    [
      "policy/v1.PodDisruptionBudget",
      "",
      { spec: { minAvailable: "50%" }, status: { disruptionsAllowed: 2 } },
      ["x", "50%", "N/A", 2, "5m"],
    ],
    [
      "core/v1.Service",
      "of type ClusterIP",
      {
        spec: {
          type: "ClusterIP",
          clusterIPs: ["10.0.0.1"],
          ports: [{ port: 80, protocol: "TCP" }],
          selector: { a: "b" },
        },
      },
      ["x", "ClusterIP", "10.0.0.1", "<none>", "80/TCP", "5m", "a=b"],
    ],
    [
      "core/v1.Service",
      "of type NodePort with external addresses",
      {
        spec: {
          type: "NodePort",
          externalIPs: ["1.1.1.1", "2.2.2.2"],
          ports: [
            { port: 80, nodePort: 30080, protocol: "TCP" },
            { port: 53, protocol: "UDP" },
          ],
        },
      },
      ["x", "NodePort", "<none>", "1.1.1.1,2.2.2.2", "80:30080/TCP,53/UDP", "5m", "<none>"],
    ],
    [
      "core/v1.Service",
      "that waits for its load balancer",
      { spec: { type: "LoadBalancer", clusterIPs: ["None"] } },
      ["x", "LoadBalancer", "None", "<pending>", "<none>", "5m", "<none>"],
    ],
    [
      "core/v1.Service",
      "that has its load balancer",
      {
        spec: { type: "LoadBalancer", externalIPs: ["9.9.9.9"] },
        status: { loadBalancer: { ingress: [{ hostname: "lb.example.com" }, { ip: "3.3.3.3" }, { ip: "3.3.3.3" }] } },
      },
      ["x", "LoadBalancer", "<none>", "3.3.3.3,lb.example.com,9.9.9.9", "<none>", "5m", "<none>"],
    ],
    [
      "core/v1.Service",
      "that is a name elsewhere",
      { spec: { type: "ExternalName", externalName: "example.com" } },
      ["x", "ExternalName", "<none>", "example.com", "<none>", "5m", "<none>"],
    ],
    [
      "networking/v1.Ingress",
      "",
      {
        spec: {
          ingressClassName: "haproxy",
          rules: [{ host: "a" }, { host: "b" }, { host: "c" }, { host: "d" }],
          tls: [{}],
        },
        status: { loadBalancer: { ingress: [{ ip: "1.1.1.1" }] } },
      },
      ["x", "haproxy", "a,b,c + 1 more...", "1.1.1.1", "80, 443", "5m"],
    ],
    ["networking/v1.Ingress", "for every host", { spec: { rules: [{}] } }, ["x", "<none>", "*", "", "80", "5m"]],
    [
      "networking/v1.IngressClass",
      "",
      { spec: { controller: "c", parameters: { apiGroup: "g.io", kind: "P", name: "p" } } },
      ["x", "c", "P.g.io/p", "5m"],
    ],
    ["networking/v1.NetworkPolicy", "", { spec: { podSelector: {} } }, ["x", "<none>", "5m"]],
    [
      "networking/v1.ServiceCIDR",
      "",
      { spec: { cidrs: ["10.0.0.0/16", "fd00::/64"] } },
      ["x", "10.0.0.0/16,fd00::/64", "5m"],
    ],
    [
      "networking/v1.IPAddress",
      "",
      { spec: { parentRef: { group: "", resource: "services", namespace: "d", name: "s" } } },
      ["x", "services/d/s"],
    ],
    [
      "core/v1.Endpoints",
      "",
      { subsets: [{ addresses: [{ ip: "1.1.1.1" }, { ip: "fd00::1" }], ports: [{ port: 80 }, { port: 81 }] }] },
      ["x", "1.1.1.1:80,[fd00::1]:80,1.1.1.1:81 + 1 more...", "5m"],
    ],
    ["core/v1.Endpoints", "without ports", { subsets: [{ addresses: [{ ip: "1.1.1.1" }] }] }, ["x", "1.1.1.1", "5m"]],
    ["core/v1.Endpoints", "without addresses", {}, ["x", "<none>", "5m"]],
    [
      "discovery/v1.EndpointSlice",
      "",
      {
        addressType: "IPv4",
        ports: [{ port: 80 }, { name: "x" }, {}, { port: 1 }],
        endpoints: [{ addresses: ["1.1.1.1"] }],
      },
      ["x", "IPv4", "80,x,* + 1 more...", "1.1.1.1", "5m"],
    ],
    [
      "discovery/v1.EndpointSlice",
      "that is empty",
      { addressType: "IPv6", endpoints: [] },
      ["x", "IPv6", "<unset>", "<unset>", "5m"],
    ],
    ["core/v1.Secret", "", { type: "Opaque", data: { a: "", b: "" } }, ["x", "Opaque", 2, "5m"]],
    ["core/v1.ConfigMap", "", { data: { a: "" }, binaryData: { b: "" } }, ["x", 2, "5m"]],
    ["core/v1.Namespace", "", { status: { phase: "Active" } }, ["x", "Active", "5m"]],
    [
      "core/v1.ResourceQuota",
      "",
      { status: { hard: { pods: "5", "limits.cpu": "2", cpu: "1" }, used: { pods: "1", cpu: "500m" } } },
      ["x", "cpu: 500m/1, pods: 1/5", "limits.cpu: 0/2", "5m"],
    ],
    [
      "core/v1.PersistentVolume",
      "",
      {
        spec: {
          capacity: { storage: "1Gi" },
          accessModes: ["ReadWriteMany", "ReadWriteOnce"],
          persistentVolumeReclaimPolicy: "Retain",
          claimRef: { namespace: "d", name: "c" },
          storageClassName: "fast",
          volumeMode: "Filesystem",
        },
        status: { phase: "Bound" },
      },
      ["x", "1Gi", "RWO,RWX", "Retain", "Bound", "d/c", "fast", "<unset>", "", "5m", "Filesystem"],
    ],
    [
      "core/v1.PersistentVolumeClaim",
      "that is bound",
      {
        spec: { volumeName: "v", storageClassName: "fast" },
        status: { phase: "Bound", capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOncePod"] },
      },
      ["x", "Bound", "v", "1Gi", "RWOP", "fast", "<unset>", "5m", "<unset>"],
    ],
    [
      "core/v1.PersistentVolumeClaim",
      "that waits",
      { spec: {}, status: { phase: "Pending" } },
      ["x", "Pending", "", "", "", "", "<unset>", "5m", "<unset>"],
    ],
    [
      "storage/v1.VolumeAttachment",
      "",
      { spec: { attacher: "a", nodeName: "n", source: { persistentVolumeName: "v" } }, status: { attached: true } },
      ["x", "a", "v", "n", true, "5m"],
    ],
    [
      "storage/v1.CSIDriver",
      "",
      {
        spec: {
          attachRequired: false,
          tokenRequests: [{ audience: "a" }, { audience: "b" }],
          volumeLifecycleModes: ["Persistent"],
        },
      },
      ["x", false, false, false, "a,b", false, "Persistent", "5m"],
    ],
    ["storage/v1.CSINode", "", { spec: { drivers: [{}, {}] } }, ["x", 2, "5m"]],
    ["coordination/v1.Lease", "", { spec: { holderIdentity: "me" } }, ["x", "me", "5m"]],
    ["scheduling/v1.PriorityClass", "", { value: 10, preemptionPolicy: "Never" }, ["x", 10, false, "5m", "Never"]],
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
    ["rbac/v1.Role", "by its time of creation", {}, ["x", created]],
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
    [
      "core/v1.ComponentStatus",
      "",
      { conditions: [{ type: "Healthy", status: "False", message: "m", error: "e" }] },
      ["x", "Unhealthy", "m", "e"],
    ],
    [
      "autoscaling/v1.HorizontalPodAutoscaler",
      "",
      {
        spec: { scaleTargetRef: { kind: "Deployment", name: "d" }, maxReplicas: 5, targetCPUUtilizationPercentage: 80 },
        status: { currentReplicas: 2, currentCPUUtilizationPercentage: 40 },
      },
      ["x", "Deployment/d", "cpu: 40%/80%", "<unset>", 5, 2, "5m"],
    ],
    [
      "autoscaling/v2.HorizontalPodAutoscaler",
      "of many metrics",
      {
        spec: {
          scaleTargetRef: { kind: "Deployment", name: "d" },
          minReplicas: 1,
          maxReplicas: 5,
          metrics: [
            { type: "Resource", resource: { name: "memory", target: { type: "AverageValue", averageValue: "1Gi" } } },
            { type: "External", external: { target: { averageValue: "5" } } },
            { type: "Pods", pods: { target: { averageValue: "5" } } },
          ],
        },
        status: { currentMetrics: [{ type: "Resource", resource: { current: { averageValue: "2Gi" } } }] },
      },
      ["x", "Deployment/d", "memory: 2Gi/1Gi, <unknown>/5 (avg) + 1 more...", "1", 5, 0, "5m"],
    ],
  ];

  test.each(rows)("%s %s", (typeName, _, object, expected) => {
    expect(row(typeName, object)).toEqual(expected);
  });

  test("nodes: condition, cordon, roles, addresses", () => {
    const labels = {
      "node-role.kubernetes.io/worker": "",
      "node-role.kubernetes.io/control-plane": "",
      "kubernetes.io/role": "gpu",
    };
    const object = {
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "False" }],
        addresses: [
          { type: "Hostname", address: "n" },
          { type: "InternalIP", address: "10.0.0.1" },
        ],
        nodeInfo: {
          kubeletVersion: "v1.36.0",
          osImage: "Debian",
          kernelVersion: "6.1",
          containerRuntimeVersion: "containerd://2",
        },
      },
    };
    expect(row("core/v1.Node", object, { labels })).toEqual([
      "x",
      "NotReady,SchedulingDisabled",
      "control-plane,gpu,worker",
      "5m",
      "v1.36.0",
      "10.0.0.1",
      "<none>",
      "Debian",
      "6.1",
      "containerd://2",
    ]);
    expect(row("core/v1.Node", {}).slice(1, 3)).toEqual(["Unknown", "<none>"]);
  });

  test("events of both groups show the same", () => {
    const about = { kind: "Pod", name: "p", fieldPath: "spec.containers{a}" };
    const expected = ["60s", "Normal", "Pulled", "pod/p", "spec.containers{a}", "kubelet, n1", "done", "2m", 3, "x"];
    const old = {
      involvedObject: about,
      firstTimestamp: "2026-01-02T11:58:00Z",
      lastTimestamp: "2026-01-02T11:59:00Z",
      count: 3,
      type: "Normal",
      reason: "Pulled",
      message: " done\n",
      source: { component: "kubelet", host: "n1" },
    };
    expect(row("core/v1.Event", old)).toEqual(expected);
    const fresh = {
      regarding: about,
      eventTime: "2026-01-02T11:58:00.000000Z",
      series: { count: 3, lastObservedTime: "2026-01-02T11:59:00.000000Z" },
      type: "Normal",
      reason: "Pulled",
      note: "done",
      reportingController: "kubelet",
      reportingInstance: "n1",
    };
    expect(row("events/v1.Event", fresh)).toEqual(expected);
  });

  test("a class that is the default says so, and an object that goes is terminating", () => {
    const annotations = { "storageclass.kubernetes.io/is-default-class": "true" };
    expect(row("storage/v1.StorageClass", { provisioner: "p" }, { annotations })).toEqual([
      "x (default)",
      "p",
      "Delete",
      "Immediate",
      false,
      "5m",
    ]);
    const metadata = { deletionTimestamp: created };
    expect(row("core/v1.PersistentVolumeClaim", { status: { phase: "Bound" } }, metadata)[1]).toBe("Terminating");
    expect(row("resource/v1.ResourceClaim", {}, metadata)[1]).toBe("deleted");
    expect(row("batch/v1.Job", {}, metadata)[1]).toBe("Terminating");
  });

  test("a revision names its controller with kind and group", () => {
    const ownerReferences = [{ apiVersion: "apps/v1", kind: "StatefulSet", name: "s", uid: "u", controller: true }];
    expect(row("apps/v1.ControllerRevision", { revision: 2 }, { ownerReferences })).toEqual([
      "x",
      "statefulset.apps/s",
      2,
      "5m",
    ]);
  });
});
