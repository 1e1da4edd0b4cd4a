import { describe, expect, test } from "vitest";
import { categorizeEndpoints } from "./categorize-endpoints.ts";
import { buildEndpoints, type EndpointInfo } from "./endpoint-map.ts";
import { buildServicePorts, type ServicePortInfo } from "./service-map.ts";
import { endpoint, nodeName, service, slice } from "./testing/service-fixtures.ts";

const cluster = buildServicePorts(service("web", { clusterIP: "10.96.0.1" }), "IPv4")[0] as ServicePortInfo;
const local: ServicePortInfo = { ...cluster, isInternalLocal: true };
const externalLocal: ServicePortInfo = { ...cluster, isExternalLocal: true, nodePort: 30_000 };
const topology = { nodeName, zone: "zone-a" };

function info(address: string, change: Partial<EndpointInfo> = {}): EndpointInfo {
  return {
    address,
    port: 80,
    isReady: true,
    isServing: true,
    isTerminating: false,
    isLocal: false,
    nodeName: "node-2",
    zoneHints: undefined,
    nodeHints: undefined,
    ...change,
  };
}
const ending = { isReady: false, isTerminating: true };
const here = { isLocal: true, nodeName };

interface Case {
  readonly port?: ServicePortInfo;
  readonly endpoints: readonly EndpointInfo[];
  readonly cluster?: readonly string[];
  readonly local?: readonly string[];
  readonly hasAny?: boolean;
}

const cases: Record<string, Case> = {
  "nothing is nothing": { endpoints: [], hasAny: false },
  "all ready ones are used": { endpoints: [info("a", here), info("b")], cluster: ["a", "b"] },
  "hints for zones are heeded when all have one": {
    endpoints: [info("a", { zoneHints: ["zone-a"] }), info("b", { zoneHints: ["zone-b"] })],
    cluster: ["a"],
  },
  "one missing hint turns zones off": {
    endpoints: [info("a", { zoneHints: ["zone-a"] }), info("b")],
    cluster: ["a", "b"],
  },
  "hints that leave this zone out are ignored": {
    endpoints: [info("a", { zoneHints: ["zone-b"] }), info("b", { zoneHints: ["zone-c"] })],
    cluster: ["a", "b"],
  },
  "hints for nodes go before hints for zones": {
    endpoints: [
      info("a", { zoneHints: ["zone-a"], nodeHints: ["node-2"] }),
      info("b", { zoneHints: ["zone-b"], nodeHints: [nodeName] }),
    ],
    cluster: ["b"],
  },
  "hints of those that are not ready do not count": {
    endpoints: [info("a", { zoneHints: ["zone-a"] }), info("b", { ...ending }), info("c", { zoneHints: ["zone-b"] })],
    cluster: ["a"],
  },
  "those that terminate are the last resort, whatever their hints": {
    endpoints: [info("a", { ...ending, zoneHints: ["zone-a"] }), info("b", { ...ending, zoneHints: ["zone-b"] })],
    cluster: ["a", "b"],
  },
  "what does not serve is never used": {
    endpoints: [info("a", { ...ending, isServing: false }), info("b", { isReady: false, isServing: false })],
    hasAny: false,
  },
  "internal Local has no use for other nodes": {
    port: local,
    endpoints: [info("a", here), info("b")],
    local: ["a"],
  },
  "internal Local knows of other nodes all the same": { port: local, endpoints: [info("b")], hasAny: true },
  "external Local has both": {
    port: externalLocal,
    endpoints: [info("a", here), info("b")],
    cluster: ["a", "b"],
    local: ["a"],
  },
  "the last resort is chosen for each list by itself": {
    port: externalLocal,
    endpoints: [info("a", { ...here, ...ending }), info("b")],
    cluster: ["b"],
    local: ["a"],
  },
};

describe("categorizeEndpoints", () => {
  test.each(Object.entries(cases))("%s", (_, { port = cluster, endpoints, hasAny = true, ...want }) => {
    const got = categorizeEndpoints(port, endpoints, topology);
    expect({
      cluster: got.cluster.map(({ address }) => address),
      local: got.local.map(({ address }) => address),
      hasAny: got.hasAny,
    }).toEqual({ cluster: want.cluster ?? [], local: want.local ?? [], hasAny });
  });
});

describe("buildEndpoints", () => {
  const options = { family: "IPv4", nodeName } as const;

  test("unset conditions mean ready and serving", () => {
    const [found] = buildEndpoints([slice("web", [{ addresses: ["10.0.0.1"] }])], options).get("tcp/") ?? [];
    expect(found).toMatchObject({ isReady: true, isServing: true, isTerminating: false, isLocal: false });
  });

  test("an endpoint of two slices is one, of this node if either says so", () => {
    const slices = [
      slice("web", [endpoint("10.0.0.2", "node-2"), endpoint("10.0.0.1", "node-2")]),
      slice("web", [endpoint("10.0.0.2", nodeName)]),
    ];
    const found = buildEndpoints(slices, options).get("tcp/") ?? [];
    expect(found.map(({ address, isLocal }) => [address, isLocal])).toEqual([
      ["10.0.0.1", false],
      ["10.0.0.2", true],
    ]);
  });

  test("slices of another family, names, and ports without a number are left out", () => {
    const found = buildEndpoints(
      [
        slice("web", [endpoint("fd00::1", nodeName)], undefined, "IPv6"),
        { ...slice("web", [endpoint("example.org", nodeName)]), addressType: "FQDN" },
        slice("web", [endpoint("10.0.0.1", nodeName)], [{ name: "all", protocol: "TCP" }]),
      ],
      options,
    );
    expect([...found.values()].flat()).toEqual([]);
  });
});

describe("buildServicePorts", () => {
  test("takes addresses of its family only, and those that the load balancer leaves to nodes", () => {
    const one = service("web", {
      type: "LoadBalancer",
      clusterIP: "10.96.0.1",
      clusterIPs: ["10.96.0.1", "fd00:20::1"],
      externalIPs: ["198.51.100.1", "2001:db8::1"],
      externalTrafficPolicy: "Local",
      healthCheckNodePort: 31_000,
      loadBalancerSourceRanges: [" 203.0.113.0/24 ", "2001:db8::/32"],
      ports: [{ name: "web", port: 80, nodePort: 30_080 }],
    });
    one.status = { loadBalancer: { ingress: [{ ip: "198.51.100.2" }, { ip: "198.51.100.3", ipMode: "Proxy" }] } };
    const [four] = buildServicePorts(one, "IPv4");
    expect(four).toMatchObject({
      name: "default/web:web",
      clusterIp: "10.96.0.1",
      externalIps: ["198.51.100.1"],
      loadBalancerIps: ["198.51.100.2"],
      sourceRanges: ["203.0.113.0/24"],
      healthCheckNodePort: 31_000,
    });
    expect(buildServicePorts(one, "IPv6")[0]).toMatchObject({ clusterIp: "fd00:20::1", externalIps: ["2001:db8::1"] });
  });

  test("a cluster IP alone does not serve the other family", () => {
    expect(buildServicePorts(service("web", { clusterIP: "10.96.0.1" }), "IPv6")).toEqual([]);
  });
});
