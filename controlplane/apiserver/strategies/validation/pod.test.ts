import { describe, expect, test } from "vitest";
import { podStrategy } from "../pod.ts";
import { createFaults, createMessages, withValue } from "../testing/judge.ts";

const container = { name: "c", image: "nginx:1" };
const good = {
  metadata: { name: "p", namespace: "n" },
  spec: { serviceAccountName: "default", containers: [container] },
};
const faultsOf = (path: string, value: unknown) => createFaults(podStrategy, withValue(good, path, value));
const messagesOf = (path: string, value: unknown) => createMessages(podStrategy, withValue(good, path, value));

describe("validation of a new pod", () => {
  test("a plain pod is good", () => expect(createMessages(podStrategy, good)).toEqual([]));

  const c = "spec.containers.0";
  test.each<[string, unknown, string[]]>([
    ["spec.containers", [], ["spec.containers: Required"]],
    ["spec.containers", [container, container], ["spec.containers[1].name: Duplicate"]],
    ["spec.restartPolicy", "Sometimes", ["spec.restartPolicy: NotSupported"]],
    ["spec.dnsPolicy", "Never", ["spec.dnsPolicy: NotSupported"]],
    ["spec.dnsPolicy", "None", ["spec.dnsConfig: Required"]],
    ["spec.dnsConfig", { nameservers: ["1.2.3"] }, ["spec.dnsConfig.nameservers[0]: Invalid"]],
    ["spec.dnsConfig", { searches: ["a.b.", "A"] }, ["spec.dnsConfig.searches[1]: Invalid"]],
    ["spec.nodeSelector", { "a b": "c" }, ["spec.nodeSelector: Invalid"]],
    ["spec.nodeName", "A_", ["spec.nodeName: Invalid"]],
    ["spec.hostname", "a.b", ["spec.hostname: Invalid"]],
    ["spec.subdomain", "-", ["spec.subdomain: Invalid"]],
    ["spec.activeDeadlineSeconds", 0, ["spec.activeDeadlineSeconds: Invalid"]],
    ["spec.priorityClassName", "-", ["spec.priorityClassName: Invalid"]],
    ["spec.preemptionPolicy", "x", ["spec.preemptionPolicy: NotSupported"]],
    [
      "spec.hostAliases",
      [{ ip: "x", hostnames: ["-"] }],
      ["spec.hostAliases[0].ip: Invalid", "spec.hostAliases[0].hostnames[0]: Invalid"],
    ],
    ["spec.ephemeralContainers", [{ name: "e", image: "i" }], ["spec.ephemeralContainers: Forbidden"]],
    ["spec.readinessGates", [{ conditionType: "a b" }], ["spec.readinessGates[0].conditionType: Invalid"]],
    ["spec.schedulingGates", [{ name: "a.b/c" }, { name: "a.b/c" }], ["spec.schedulingGates[1]: Duplicate"]],
    ["spec.tolerations", [{ operator: "Equal" }], ["spec.tolerations[0].operator: Invalid"]],
    ["spec.tolerations", [{ key: "a", operator: "Exists", value: "b" }], ["spec.tolerations[0].operator: Invalid"]],
    [
      "spec.tolerations",
      [{ key: "a", tolerationSeconds: 1, effect: "NoSchedule" }],
      ["spec.tolerations[0].effect: Invalid"],
    ],
    ["spec.tolerations", [{ key: "a", effect: "x" }], ["spec.tolerations[0].effect: NotSupported"]],
    [
      "spec.topologySpreadConstraints",
      [{ maxSkew: 0, topologyKey: "", whenUnsatisfiable: "x" }],
      [
        "spec.topologySpreadConstraints[0].maxSkew: Invalid",
        "spec.topologySpreadConstraints[0].topologyKey: Required",
        "spec.topologySpreadConstraints[0].whenUnsatisfiable: NotSupported",
      ],
    ],
    [
      "spec.affinity",
      { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
      ["spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required"],
    ],
    [
      "spec.affinity",
      {
        podAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 101, podAffinityTerm: { topologyKey: "k" } }],
        },
      },
      ["spec.affinity.podAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid"],
    ],
    [
      "spec.affinity",
      { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{}] } },
      [
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required",
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid",
        "spec.affinity.podAntiAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid",
      ],
    ],
    [
      "spec.securityContext",
      { runAsUser: -1, sysctls: [{ name: "A", value: "1" }] },
      ["spec.securityContext.runAsUser: Invalid", "spec.securityContext.sysctls[0].name: Invalid"],
    ],
    ["spec.os", { name: "plan9" }, ["spec.os: NotSupported"]],
    ["spec.resources", { limits: { "x.io/y": "1" } }, ["spec.resources.limits[x.io/y]: NotSupported"]],
    ["spec.volumes", [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }], ["spec.volumes[0].hostPath: Forbidden"]],
    ["spec.volumes", [{ name: "v", hostPath: { path: "/a/../b" } }], ["spec.volumes[0].hostPath.path: Invalid"]],
    ["spec.volumes", [{ name: "V" }], ["spec.volumes[0].name: Invalid"]],
    ["spec.volumes", [{ name: "v" }, { name: "v" }], ["spec.volumes[1].name: Duplicate"]],
    [
      "spec.volumes",
      [{ name: "v", configMap: { defaultMode: 0o1000 } }],
      ["spec.volumes[0].configMap.name: Required", "spec.volumes[0].configMap.defaultMode: Invalid"],
    ],
    [
      "spec.volumes",
      [{ name: "v", secret: { secretName: "s", items: [{ key: "k", path: "../x" }] } }],
      ["spec.volumes[0].secret.items[0].path: Invalid"],
    ],
    [
      "spec.volumes",
      [{ name: "v", persistentVolumeClaim: {} }],
      ["spec.volumes[0].persistentVolumeClaim.claimName: Required"],
    ],
    [
      "spec.volumes",
      [{ name: "v", projected: { sources: [{ serviceAccountToken: { path: "t", expirationSeconds: 1 } }] } }],
      ["spec.volumes[0].projected.sources[0].serviceAccountToken.expirationSeconds: Invalid"],
    ],
    [
      "spec.volumes",
      [{ name: "v", downwardAPI: { items: [{ path: "x" }] } }],
      ["spec.volumes[0].downwardAPI: Required"],
    ],
    ["spec.volumes", [{ name: "v", ephemeral: {} }], ["spec.volumes[0].ephemeral.volumeClaimTemplate: Required"]],
    [`${c}.name`, "", ["spec.containers[0].name: Required"]],
    [`${c}.name`, "A", ["spec.containers[0].name: Invalid"]],
    [`${c}.image`, "", ["spec.containers[0].image: Required"]],
    [`${c}.image`, " a", ["spec.containers[0].image: Invalid"]],
    [`${c}.imagePullPolicy`, "x", ["spec.containers[0].imagePullPolicy: NotSupported"]],
    [`${c}.terminationMessagePolicy`, "x", ["spec.containers[0].terminationMessagePolicy: NotSupported"]],
    [`${c}.ports`, [{ containerPort: 0 }], ["spec.containers[0].ports[0].containerPort: Required"]],
    [
      `${c}.ports`,
      [{ containerPort: 65536, name: "UP" }],
      [
        "spec.containers[0].ports[0].name: Invalid",
        "spec.containers[0].ports[0].name: Invalid",
        "spec.containers[0].ports[0].containerPort: Invalid",
      ],
    ],
    [
      `${c}.ports`,
      [
        { containerPort: 1, hostPort: 2 },
        { containerPort: 3, hostPort: 2 },
      ],
      ["spec.containers[0].ports[1].hostPort: Duplicate"],
    ],
    [`${c}.ports`, [{ containerPort: 1, protocol: "x" }], ["spec.containers[0].ports[0].protocol: NotSupported"]],
    [
      `${c}.env`,
      [{ name: "" }, { name: "a=b" }],
      ["spec.containers[0].env[0].name: Required", "spec.containers[0].env[1].name: Invalid"],
    ],
    [
      `${c}.env`,
      [{ name: "a", value: "b", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
      ["spec.containers[0].env[0].valueFrom: Invalid"],
    ],
    [
      `${c}.env`,
      [{ name: "a", valueFrom: { fieldRef: { fieldPath: "metadata.labels" } } }],
      ["spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: NotSupported"],
    ],
    [
      `${c}.env`,
      [{ name: "a", valueFrom: { fieldRef: { fieldPath: "spec.x" } } }],
      ["spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Invalid"],
    ],
    [`${c}.env`, [{ name: "a", valueFrom: { fieldRef: { fieldPath: "metadata.labels['a']" } } }], []],
    [
      `${c}.env`,
      [{ name: "a", valueFrom: { resourceFieldRef: { resource: "limits.cpu", divisor: "1k" } } }],
      ["spec.containers[0].env[0].valueFrom.resourceFieldRef.divisor: Invalid"],
    ],
    [
      `${c}.env`,
      [{ name: "a", valueFrom: { secretKeyRef: { name: "s", key: "" } } }],
      ["spec.containers[0].env[0].valueFrom.secretKeyRef.key: Required"],
    ],
    [`${c}.envFrom`, [{}], ["spec.containers[0].envFrom: Invalid"]],
    [`${c}.envFrom`, [{ configMapRef: {} }], ["spec.containers[0].envFrom[0].configMapRef.name: Required"]],
    [`${c}.volumeMounts`, [{ name: "v", mountPath: "/x" }], ["spec.containers[0].volumeMounts[0].name: NotFound"]],
    [`${c}.livenessProbe`, {}, ["spec.containers[0].livenessProbe: Required"]],
    [
      `${c}.livenessProbe`,
      { exec: { command: ["a"] }, successThreshold: 2 },
      ["spec.containers[0].livenessProbe.successThreshold: Invalid"],
    ],
    [`${c}.readinessProbe`, { tcpSocket: { port: 0 } }, ["spec.containers[0].readinessProbe.tcpSocket.port: Invalid"]],
    [
      `${c}.readinessProbe`,
      { httpGet: { port: "a" }, exec: { command: ["a"] } },
      ["spec.containers[0].readinessProbe.httpGet: Forbidden"],
    ],
    [
      `${c}.lifecycle`,
      { preStop: { sleep: { seconds: 31 } } },
      ["spec.containers[0].lifecycle.preStop.sleep: Invalid"],
    ],
    [
      `${c}.resources`,
      { limits: { cpu: "1" }, requests: { cpu: "2" } },
      ["spec.containers[0].resources.requests: Invalid"],
    ],
    [`${c}.resources`, { requests: { cpu: "-1" } }, ["spec.containers[0].resources.requests[cpu]: Invalid"]],
    [`${c}.resources`, { requests: { pods: "1" } }, ["spec.containers[0].resources.requests[pods]: Invalid"]],
    [`${c}.resources`, { requests: { "x.io/y": "1" } }, ["spec.containers[0].resources.limits: Required"]],
    [
      `${c}.resources`,
      { limits: { "x.io/y": "1.5" } },
      [
        "spec.containers[0].resources.limits[x.io/y]: Invalid",
        "spec.containers[0].resources.requests[x.io/y]: Invalid",
      ],
    ],
    [`${c}.resources`, { limits: { "hugepages-2Mi": "2Mi" } }, ["spec.containers[0].resources: Forbidden"]],
    [`${c}.resources`, { claims: [{ name: "x" }] }, ["spec.containers[0].resources.claims[0]: NotFound"]],
    [
      `${c}.securityContext`,
      { privileged: true, allowPrivilegeEscalation: false },
      ["spec.containers[0].securityContext: Invalid"],
    ],
    [
      `${c}.securityContext`,
      { seccompProfile: { type: "Localhost" } },
      ["spec.containers[0].securityContext.seccompProfile.localhostProfile: Required"],
    ],
    [`${c}.securityContext`, { procMount: "Unmasked" }, ["spec.containers[0].securityContext.procMount: Invalid"]],
    [
      `${c}.restartPolicyRules`,
      [{ action: "Restart" }],
      ["spec.containers[0].restartPolicy: Required", "spec.containers[0].restartPolicyRules[0].exitCodes: Required"],
    ],
    ["spec.initContainers", [{ ...container }], ["spec.initContainers[0].name: Duplicate"]],
    [
      "spec.initContainers",
      [{ name: "i", image: "i", livenessProbe: { exec: { command: ["a"] } } }],
      ["spec.initContainers[0].livenessProbe: Forbidden"],
    ],
    [
      "spec.initContainers",
      [{ name: "i", image: "i", restartPolicy: "Always", livenessProbe: { exec: { command: ["a"] } } }],
      [],
    ],
    ["spec.serviceAccountName", "", []],
    [
      "metadata.annotations",
      { "kubernetes.io/config.mirror": "x" },
      ["metadata.annotations[kubernetes.io/config.mirror]: Invalid"],
    ],
    [
      "metadata.annotations",
      { "controller.kubernetes.io/pod-deletion-cost": "01" },
      ["metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid"],
    ],
    ["metadata.finalizers", ["mine"], ["metadata.finalizers[0]: Invalid"]],
  ])("%s = %j", (path, value, faults) => expect(faultsOf(path, value)).toEqual(faults));

  test.each<[string, unknown, string]>([
    [
      "spec.restartPolicy",
      "Foo",
      'spec.restartPolicy: Unsupported value: "Foo": supported values: "Always", "OnFailure", "Never"',
    ],
    [`${c}.image`, "", "spec.containers[0].image: Required value"],
    [
      `${c}.resources`,
      { limits: { memory: "1Gi" }, requests: { memory: "2Gi" } },
      'spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi',
    ],
    [`${c}.volumeMounts`, [{ name: "v", mountPath: "/x" }], 'spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    [
      "spec.tolerations",
      [{ key: "a", operator: "Maybe" }],
      'spec.tolerations[0].operator: Unsupported value: "Maybe": supported values: "Equal", "Exists"',
    ],
  ])("the text for %s = %j is upstream's", (path, value, text) => expect(messagesOf(path, value)).toEqual([text]));

  test("tokens need a service account", () => {
    const pod = withValue(good, "spec.volumes", [
      { name: "v", projected: { sources: [{ serviceAccountToken: { path: "t" } }] } },
    ]);
    expect(createFaults(podStrategy, withValue(pod, "spec.serviceAccountName", undefined))).toEqual([
      "spec.volumes[0].projected.sources[0].serviceAccountToken: Forbidden",
    ]);
  });
});
