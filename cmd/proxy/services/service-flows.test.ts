/** Packets through the generated rules: named flows, then random services against an independent opinion. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { type Outcome, type Packet, tracePacket } from "#pkg/network/testing/trace.ts";
import { endpointChain } from "./chain-names.ts";
import { evaluateFlow, type World } from "./testing/evaluate-flow.ts";
import {
  endpoint,
  ipv6RuleOptions,
  nodeAddress,
  nodeName,
  ruleOptions,
  service,
  slice,
  writtenRules,
} from "./testing/service-fixtures.ts";

const pod = "10.244.0.9";
const outside = "203.0.113.9";
const here = "10.244.0.5";
const there = "10.244.1.5";

/** "ACCEPT 10.0.0.1:80", with " masq" behind it, each once. */
function summarize(outcomes: readonly Outcome[]): readonly string[] {
  const lines = outcomes.map(({ verdict, destination, isMasqueraded }) =>
    verdict === "ACCEPT" ? `${destination}${isMasqueraded ? " masq" : ""}` : verdict,
  );
  return [...new Set(lines)].sort();
}

async function flows(
  services: readonly Service[],
  slices: readonly EndpointSlice[],
  from: string,
  to: string,
  protocol = "tcp",
): Promise<readonly string[]> {
  const [destination = "", port] = to.split(":");
  const packet: Packet = { source: from, destination, port: Number(port), protocol };
  return summarize(tracePacket(await writtenRules(services, slices), packet, { addresses: [nodeAddress] }));
}

const both = [slice("web", [endpoint(here, nodeName), endpoint(there, "node-2")])];
const onlyThere = [slice("web", [endpoint(there, "node-2")])];
const nodePort: ServiceSpec = { clusterIP: "10.96.0.20", type: "NodePort", ports: [{ port: 80, nodePort: 30_080 }] };
const balanced: ServiceSpec = { ...nodePort, type: "LoadBalancer" };

interface Case {
  readonly spec: ServiceSpec;
  readonly slices: readonly EndpointSlice[];
  readonly from: string;
  readonly to: string;
  readonly want: readonly string[];
  readonly ips?: readonly string[];
}

const clusterIp: ServiceSpec = { clusterIP: "10.96.0.20" };
const cases: Record<string, Case> = {
  "a pod reaches every endpoint": {
    spec: clusterIp,
    slices: both,
    from: pod,
    to: "10.96.0.20:80",
    want: ["10.244.0.5:8080", "10.244.1.5:8080"],
  },
  "the node itself is masqueraded": {
    spec: clusterIp,
    slices: onlyThere,
    from: nodeAddress,
    to: "10.96.0.20:80",
    want: ["10.244.1.5:8080 masq"],
  },
  "a pod that reaches itself is masqueraded": {
    spec: clusterIp,
    slices: both,
    from: here,
    to: "10.96.0.20:80",
    want: ["10.244.0.5:8080 masq", "10.244.1.5:8080"],
  },
  "another port of a service is not its": {
    spec: clusterIp,
    slices: both,
    from: pod,
    to: "10.96.0.20:81",
    want: ["10.96.0.20:81"],
  },
  "no endpoint is refused": { spec: clusterIp, slices: [], from: pod, to: "10.96.0.20:80", want: ["REJECT"] },
  "no endpoint is refused on a node port": {
    spec: nodePort,
    slices: [],
    from: outside,
    to: `${nodeAddress}:30080`,
    want: ["REJECT"],
  },
  "internal Local without an endpoint here is dropped": {
    spec: { ...clusterIp, internalTrafficPolicy: "Local" },
    slices: onlyThere,
    from: pod,
    to: "10.96.0.20:80",
    want: ["DROP"],
  },
  "internal Local stays here": {
    spec: { ...clusterIp, internalTrafficPolicy: "Local" },
    slices: both,
    from: pod,
    to: "10.96.0.20:80",
    want: ["10.244.0.5:8080"],
  },
  "a node port masquerades": {
    spec: nodePort,
    slices: both,
    from: outside,
    to: `${nodeAddress}:30080`,
    want: ["10.244.0.5:8080 masq", "10.244.1.5:8080 masq"],
  },
  "a node port is served on localhost": {
    spec: nodePort,
    slices: onlyThere,
    from: "127.0.0.1",
    to: "127.0.0.1:30080",
    want: ["10.244.1.5:8080 masq"],
  },
  "external Local keeps the client's address": {
    spec: { ...nodePort, externalTrafficPolicy: "Local" },
    slices: both,
    from: outside,
    to: `${nodeAddress}:30080`,
    want: ["10.244.0.5:8080"],
  },
  "external Local without an endpoint here is dropped": {
    spec: { ...nodePort, externalTrafficPolicy: "Local" },
    slices: onlyThere,
    from: outside,
    to: `${nodeAddress}:30080`,
    want: ["DROP"],
  },
  "external Local is no matter to pods": {
    spec: { ...nodePort, externalTrafficPolicy: "Local" },
    slices: onlyThere,
    from: pod,
    to: `${nodeAddress}:30080`,
    want: ["10.244.1.5:8080"],
  },
  "an external address is served": {
    spec: { ...clusterIp, externalIPs: ["198.51.100.7"] },
    slices: onlyThere,
    from: outside,
    to: "198.51.100.7:80",
    want: ["10.244.1.5:8080 masq"],
  },
  "a load balancer lets its source ranges in": {
    spec: { ...balanced, loadBalancerSourceRanges: ["203.0.113.0/24"] },
    ips: ["198.51.100.8"],
    slices: onlyThere,
    from: outside,
    to: "198.51.100.8:80",
    want: ["10.244.1.5:8080 masq"],
  },
  "a load balancer keeps others out": {
    spec: { ...balanced, loadBalancerSourceRanges: ["192.0.2.0/24"] },
    ips: ["198.51.100.8"],
    slices: onlyThere,
    from: outside,
    to: "198.51.100.8:80",
    want: ["DROP"],
  },
  "what terminates serves when nothing else does": {
    spec: clusterIp,
    slices: [slice("web", [endpoint(here, nodeName, "serving"), endpoint(there, "node-2", "gone")])],
    from: pod,
    to: "10.96.0.20:80",
    want: ["10.244.0.5:8080"],
  },
  "what terminates does not serve beside what is ready": {
    spec: clusterIp,
    slices: [slice("web", [endpoint(here, nodeName, "serving"), endpoint(there, "node-2")])],
    from: pod,
    to: "10.96.0.20:80",
    want: ["10.244.1.5:8080"],
  },
  "a cluster IP outside the service CIDRs works": {
    spec: { clusterIP: "172.30.0.20" },
    slices: onlyThere,
    from: outside,
    to: "172.30.0.20:80",
    want: ["10.244.1.5:8080 masq"],
  },
};

describe("packet flows", () => {
  test.each(Object.entries(cases))("%s", async (_, { spec, slices, from, to, want, ips }) => {
    expect(await flows([service("web", spec, ips)], slices, from, to)).toEqual(want);
  });

  test("headless and ExternalName services have no rules", async () => {
    const services = [
      service("web", { clusterIP: "None", clusterIPs: ["None"] }),
      service("web", { type: "ExternalName", externalName: "example.org" }),
    ];
    const rules = await writtenRules(services, both);
    expect(rules.dump("nat", "KUBE-SVC")).toBe("");
    expect(rules.dump("filter", "KUBE-SERVICES")).toBe("");
  });

  test("every endpoint gets the same share", async () => {
    const many = Array.from({ length: 7 }, (_, index) => endpoint(`10.244.1.${index + 1}`, "node-2"));
    const rules = await writtenRules([service("web", clusterIp)], [slice("web", many)]);
    const packet = { source: pod, destination: "10.96.0.20", port: 80, protocol: "tcp" };
    const outcomes = tracePacket(rules, packet, { addresses: [nodeAddress] });
    expect(outcomes).toHaveLength(7);
    for (const { probability } of outcomes) expect(probability).toBeCloseTo(1 / 7, 8);
  });

  test("with affinity a client stays with the endpoint that remembers it", async () => {
    const spec: ServiceSpec = { ...clusterIp, sessionAffinity: "ClientIP" };
    const rules = await writtenRules([service("web", spec)], both);
    const packet = { source: pod, destination: "10.96.0.20", port: 80, protocol: "tcp" };
    const first = tracePacket(rules, packet, { addresses: [nodeAddress] });
    const list = endpointChain("default/web", "tcp", "10.244.1.5:8080");
    expect(first.map(({ destination }) => destination).sort()).toEqual(["10.244.0.5:8080", "10.244.1.5:8080"]);
    expect(first.find(({ destination }) => destination === "10.244.1.5:8080")?.remembered).toEqual([list]);
    const again = tracePacket(rules, packet, { addresses: [nodeAddress], recent: new Map([[list, [pod]]]) });
    expect(summarize(again)).toEqual(["10.244.1.5:8080"]);
  });

  test("TCP and UDP of one port are services of their own, by the names of their ports", async () => {
    const dns = service("dns", {
      clusterIP: "10.96.0.10",
      ports: [
        { name: "tcp", port: 53, protocol: "TCP" },
        { name: "udp", port: 53, protocol: "UDP" },
      ],
    });
    const slices = [
      slice(
        "dns",
        [endpoint(there, "node-2")],
        [
          { name: "tcp", port: 5301, protocol: "TCP" },
          { name: "udp", port: 5302, protocol: "UDP" },
        ],
      ),
    ];
    expect(await flows([dns], slices, pod, "10.96.0.10:53")).toEqual(["10.244.1.5:5301"]);
    expect(await flows([dns], slices, pod, "10.96.0.10:53", "udp")).toEqual(["10.244.1.5:5302"]);
    expect(await flows([dns], slices, pod, "10.96.0.10:53", "sctp")).toEqual(["10.96.0.10:53"]);
  });

  test("IPv6 services have IPv6 rules", async () => {
    const six = service("web", { clusterIP: "fd00:20::5", clusterIPs: ["fd00:20::5"] });
    const slices = [slice("web", [endpoint("fd00:10::7", "node-2")], undefined, "IPv6")];
    const packet = { source: "fd00:10::9", destination: "fd00:20::5", port: 80, protocol: "tcp" };
    const rules = await writtenRules([six], slices, ipv6RuleOptions);
    expect(summarize(tracePacket(rules, packet, { addresses: ["fd00::1"] }))).toEqual(["[fd00:10::7]:8080"]);
    const refused = await writtenRules([six], [], ipv6RuleOptions);
    expect(summarize(tracePacket(refused, packet, { addresses: ["fd00::1"] }))).toEqual(["REJECT"]);
    expect(refused.dump("filter", "KUBE-SERVICES")).toContain("icmp6-port-unreachable");
  });

  test("node ports are served on the chosen addresses only", async () => {
    const rules = await writtenRules([service("web", nodePort)], both, {
      ...ruleOptions,
      nodePortAddresses: ["192.168.0.0/24"],
    });
    const addresses = [nodeAddress, "172.16.0.1"];
    const packet = { source: outside, destination: "172.16.0.1", port: 30_080, protocol: "tcp" };
    expect(summarize(tracePacket(rules, packet, { addresses }))).toEqual(["172.16.0.1:30080"]);
    expect(summarize(tracePacket(rules, { ...packet, destination: nodeAddress }, { addresses }))).toHaveLength(2);
  });
});

const policy = fc.constantFrom("Cluster" as const, "Local" as const);
const anyService = fc.record({
  type: fc.constantFrom("ClusterIP" as const, "NodePort" as const, "LoadBalancer" as const),
  protocol: fc.constantFrom("TCP" as const, "UDP" as const),
  internal: policy,
  external: policy,
  hasExternalIp: fc.boolean(),
  hasAffinity: fc.boolean(),
  ranges: fc.constantFrom<readonly string[]>([], ["203.0.113.0/24"], ["10.244.0.0/16", "192.168.0.1/32"]),
  endpoints: fc.uniqueArray(
    fc.record({
      address: fc.constantFrom(here, there, "10.244.0.6", "10.244.1.6", "10.244.2.6"),
      state: fc.constantFrom("ready" as const, "serving" as const, "gone" as const),
    }),
    { selector: ({ address }) => address, maxLength: 4 },
  ),
});

const nodeOf = (address: string): string => (address.startsWith("10.244.0.") ? nodeName : "node-2");

function makeWorld(drawn: readonly (typeof anyService extends fc.Arbitrary<infer T> ? T : never)[]): World {
  const services = drawn.map((one, index) =>
    service(
      `s${index}`,
      {
        type: one.type,
        clusterIP: `10.96.${index % 2}.${index + 10}`,
        internalTrafficPolicy: one.internal,
        externalTrafficPolicy: one.external,
        sessionAffinity: one.hasAffinity ? "ClientIP" : "None",
        loadBalancerSourceRanges: [...one.ranges],
        ...(one.hasExternalIp ? { externalIPs: [`198.51.100.${index + 1}`] } : {}),
        ports: [{ port: 80, protocol: one.protocol, nodePort: 30_000 + index * 40 }],
      },
      one.type === "LoadBalancer" ? [`198.51.101.${index + 1}`] : [],
    ),
  );
  const slices = drawn.map((one, index) =>
    slice(
      `s${index}`,
      one.endpoints.map(({ address, state }) => endpoint(address, nodeOf(address), state)),
      [{ name: "", port: 8000 + index, protocol: one.protocol }],
    ),
  );
  return { services, slices, nodeName, nodeAddresses: [nodeAddress], podCidr: "10.244.0.0/16" };
}

describe("buildServiceRules", () => {
  test("does with any packet what the services say", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyService, { minLength: 1, maxLength: 4 }), async (drawn) => {
        const world = makeWorld(drawn);
        const rules = await writtenRules(world.services, world.slices);
        for (const source of [pod, here, outside, nodeAddress]) {
          for (const index of drawn.keys()) {
            const targets = [
              [`10.96.${index % 2}.${index + 10}`, 80],
              [`198.51.100.${index + 1}`, 80],
              [`198.51.101.${index + 1}`, 80],
              [nodeAddress, 30_000 + index * 40],
              [there, 80],
            ] as const;
            for (const [destination, port] of targets) {
              for (const protocol of ["tcp", "udp"]) check(rules, { source, destination, port, protocol }, world);
            }
          }
        }
      }),
      { numRuns: 60 },
    );
  });
});

function check(rules: Awaited<ReturnType<typeof writtenRules>>, packet: Packet, world: World): void {
  const outcomes = tracePacket(rules, packet, { addresses: world.nodeAddresses });
  const { verdict, destinations } = evaluateFlow(packet, world);
  const label = JSON.stringify({ packet, outcomes });
  expect(new Set(outcomes.map((one) => one.verdict)), label).toEqual(new Set([verdict]));
  // To an address in the service CIDR that serves no such port: leads nowhere, whoever it comes from.
  if (verdict !== "ACCEPT" || destinations.has(`${packet.destination}:${packet.port}`)) return;
  const got = new Map(outcomes.map((one) => [one.destination, one.isMasqueraded]));
  expect([...got].sort(), label).toEqual([...destinations].sort());
  for (const { probability } of outcomes) expect(probability, label).toBeCloseTo(1 / destinations.size, 6);
}
