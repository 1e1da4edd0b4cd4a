import { describe, expect, test } from "vitest";
import type { Service } from "#pkg/api/core/v1.ts";
import { serviceStrategy } from "./service.ts";
import {
  created,
  createFaults,
  createMessages,
  updated,
  updateFaults,
  updateMessages,
  withValue,
} from "./testing/judge.ts";

const noPools = { allocate: () => () => {}, release: () => {}, releaseUnused: () => {} };
const strategy = serviceStrategy(noPools);
const good = { metadata: { name: "s", namespace: "n" }, spec: { selector: { a: "b" }, ports: [{ port: 80 }] } };
const named = (ports: readonly object[]) => withValue(good, "spec.ports", ports);

test("a good service is good", () => {
  expect(createMessages(strategy, good)).toEqual([]);
});

test.each<[string, unknown, string[]]>([
  ["spec.ports", [], ["spec.ports: Required"]],
  ["spec.ports.0.port", 0, ["spec.ports[0].port: Invalid", "spec.ports[0].targetPort: Invalid"]],
  ["spec.ports.0.port", 65_536, ["spec.ports[0].port: Invalid", "spec.ports[0].targetPort: Invalid"]],
  ["spec.ports.0.protocol", "HTTP", ["spec.ports[0].protocol: NotSupported"]],
  ["spec.ports.0.targetPort", "not_a_name", ["spec.ports[0].targetPort: Invalid"]],
  ["spec.ports.0.name", "Upper", ["spec.ports[0].name: Invalid"]],
  ["spec.ports.0.appProtocol", "a b", ["spec.ports[0].appProtocol: Invalid"]],
  ["spec.ports.0.nodePort", 30_000, ["spec.ports[0].nodePort: Forbidden"]],
  ["spec.selector", { "a b": "c" }, ["spec.selector: Invalid"]],
  ["spec.type", "Other", ["spec.type: NotSupported"]],
  ["spec.sessionAffinity", "Sometimes", ["spec.sessionAffinity: NotSupported"]],
  ["spec.clusterIP", "1.2.3", ["spec.clusterIPs[0]: Invalid"]],
  ["spec.clusterIPs", ["10.0.0.1"], ["spec.clusterIPs: Invalid"]],
  ["spec.ipFamilies", ["IPv5"], ["spec.ipFamilies[0]: NotSupported"]],
  ["spec.ipFamilies", ["IPv4", "IPv4"], ["spec.ipFamilies[1]: Duplicate"]],
  ["spec.ipFamilyPolicy", "Both", ["spec.ipFamilyPolicy: NotSupported"]],
  ["spec.externalIPs", ["x"], ["spec.externalIPs[0]: Invalid"]],
  ["spec.externalIPs", ["127.0.0.1"], ["spec.externalIPs[0]: Invalid"]],
  ["spec.externalTrafficPolicy", "Local", ["spec.externalTrafficPolicy: Invalid"]],
  ["spec.internalTrafficPolicy", "Remote", ["spec.internalTrafficPolicy: NotSupported"]],
  ["spec.trafficDistribution", "PreferFar", ["spec.trafficDistribution: NotSupported"]],
  ["spec.loadBalancerSourceRanges", ["10.0.0.0/8"], ["spec.LoadBalancerSourceRanges: Forbidden"]],
  ["spec.loadBalancerClass", "a/b", ["spec.loadBalancerClass: Forbidden"]],
  ["spec.allocateLoadBalancerNodePorts", true, ["spec.allocateLoadBalancerNodePorts: Forbidden"]],
  ["spec.healthCheckNodePort", 30_000, ["spec.healthCheckNodePort: Invalid"]],
])("%s = %j", (path, value, faults) => {
  expect(createFaults(strategy, withValue(good, path, value))).toEqual(faults);
});

test("ports are told apart by name, number and protocol", () => {
  expect(createFaults(strategy, named([{ port: 1 }, { port: 2 }]))).toEqual([
    "spec.ports[0].name: Required",
    "spec.ports[1].name: Required",
  ]);
  expect(
    createFaults(
      strategy,
      named([
        { name: "a", port: 1 },
        { name: "a", port: 2 },
      ]),
    ),
  ).toEqual(["spec.ports[1].name: Duplicate"]);
  expect(
    createFaults(
      strategy,
      named([
        { name: "a", port: 1 },
        { name: "b", port: 1 },
      ]),
    ),
  ).toEqual(["spec.ports[1]: Duplicate"]);
  const both = [
    { name: "a", port: 1 },
    { name: "b", port: 1, protocol: "UDP" },
  ];
  expect(createFaults(strategy, named(both))).toEqual([]);
});

describe("types", () => {
  const typed = (type: string, more: object = {}) => ({ ...good, spec: { ...good.spec, type, ...more } });

  test.each<[object, string[]]>([
    [typed("ExternalName", { externalName: "a.example." }), []],
    [typed("ExternalName"), ["spec.externalName: Required"]],
    [typed("ExternalName", { externalName: "a_b" }), ["spec.externalName: Invalid"]],
    [typed("ExternalName", { externalName: "a", clusterIP: "10.0.0.1" }), ["spec.clusterIPs: Forbidden"]],
    [typed("ExternalName", { externalName: "a", ports: undefined }), []],
    [typed("NodePort", { clusterIP: "None" }), ["spec.clusterIPs[0]: Invalid"]],
    [typed("ClusterIP", { clusterIP: "None", ports: undefined }), []],
    [typed("NodePort", { ports: [{ port: 1, nodePort: 30_001 }] }), []],
    [
      typed("NodePort", {
        ports: [
          { name: "a", port: 1, nodePort: 30_001 },
          { name: "b", port: 2, nodePort: 30_001 },
        ],
      }),
      ["spec.ports[1].nodePort: Duplicate"],
    ],
    [typed("LoadBalancer", { loadBalancerClass: "example.com/a", loadBalancerSourceRanges: [" 10.0.0.0/8 "] }), []],
    [typed("LoadBalancer", { loadBalancerSourceRanges: ["10.0.0.0"] }), ["spec.LoadBalancerSourceRanges[0]: Invalid"]],
    [typed("LoadBalancer", { externalTrafficPolicy: "Local", healthCheckNodePort: 30_000 }), []],
    [
      typed("LoadBalancer", { externalTrafficPolicy: "Cluster", healthCheckNodePort: 30_000 }),
      ["spec.healthCheckNodePort: Invalid"],
    ],
  ])("case %#", (object, faults) => expect(createFaults(strategy, object)).toEqual(faults));
});

test("session affinity has its bounds", () => {
  const sticky = (timeoutSeconds: number) => ({
    ...good,
    spec: { ...good.spec, sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds } } },
  });
  expect(created(strategy, withValue(good, "spec.sessionAffinity", "ClientIP")).spec.sessionAffinityConfig).toEqual({
    clientIP: { timeoutSeconds: 10_800 },
  });
  expect(createMessages(strategy, sticky(86_401))).toEqual([
    "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
  ]);
  expect(createFaults(strategy, sticky(86_400))).toEqual([]);
});

describe("updates", () => {
  const given = created(strategy, {
    ...good,
    spec: {
      ...good.spec,
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    },
  });

  test.each<[string, (next: Service) => void, string[]]>([
    ["nothing", () => {}, []],
    ["another address", (next) => (next.spec.clusterIP = "10.0.0.2"), ["spec.clusterIPs[0]: Invalid"]],
    [
      "another family",
      (next) => (next.spec.ipFamilies = ["IPv6"]),
      ["spec.ipFamilies[0]: Invalid", "spec.clusterIPs[0]: Invalid"],
    ],
    ["a selector", (next) => (next.spec.selector = { b: "c" }), []],
    ["a name instead", (next) => Object.assign(next.spec, { type: "ExternalName", externalName: "a.b" }), []],
    ["headless", (next) => (next.spec.clusterIP = "None"), ["spec.clusterIPs[0]: Invalid"]],
  ])("%s", (_, change, faults) => expect(updateFaults(strategy, given, change)).toEqual(faults));

  test("texts are upstream's", () => {
    expect(updateMessages(strategy, given, (next) => (next.spec.clusterIP = "10.0.0.2"))).toEqual([
      'spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set',
    ]);
  });

  test("absent ports of a headless service stay absent", () => {
    const headless = created(strategy, { metadata: good.metadata, spec: { clusterIP: "None" } });
    expect(updated(strategy, headless, () => {}).spec).not.toHaveProperty("ports");
  });

  test("the status of a load balancer goes with its type", () => {
    const balanced: Service = {
      ...given,
      spec: {
        ...given.spec,
        type: "LoadBalancer",
        allocateLoadBalancerNodePorts: true,
        externalTrafficPolicy: "Cluster",
      },
      status: { loadBalancer: { ingress: [{ ip: "1.2.3.4", ipMode: "VIP" }] } },
    };
    expect(updated(strategy, balanced, () => {}).status).toEqual(balanced.status);
    expect(updated(strategy, balanced, (next) => (next.spec.type = "ClusterIP")).status).toEqual({ loadBalancer: {} });
    const badStatus = (next: Service) =>
      (next.status = {
        loadBalancer: { ingress: [{ ip: "x" }, { hostname: "1.2.3.4" }, { ip: "1.1.1.1", ipMode: "A" }] },
      });
    expect(updateFaults(strategy, balanced, badStatus, "status")).toEqual([
      "status.loadBalancer.ingress[0].ip: Invalid",
      "status.loadBalancer.ingress[1].hostname: Invalid",
      "status.loadBalancer.ingress[2].ipMode: NotSupported",
    ]);
    expect(updateFaults(strategy, given, badStatus, "status")).toEqual(["status.loadBalancer.ingress: Forbidden"]);
  });

  test("ports without a use are warned about", () => {
    const headless = created(strategy, withValue(good, "spec.clusterIP", "None"));
    headless.spec.loadBalancerIP = "1.2.3.4";
    expect(strategy.warnings?.(headless)).toEqual(["spec.loadBalancerIP is ignored for headless services"]);
    expect(strategy.selectableFields?.(headless)).toEqual({ "spec.clusterIP": "None", "spec.type": "ClusterIP" });
  });
});
