import { describe, expect, test } from "vitest";
import type { Ingress, IngressClass, IPAddress, NetworkPolicy, ServiceCIDR } from "#pkg/api/networking/v1.ts";
import { ingressClassStrategy, ingressStrategy } from "./ingress.ts";
import { networkPolicyStrategy } from "./network-policy.ts";
import { ipAddressStrategy, serviceCIDRStrategy } from "./service-ranges.ts";
import { created, createFaults, createMessages, updateFaults, updateMessages, withValue } from "./testing/judge.ts";

const metadata = { name: "x", namespace: "n" };

describe("Ingress", () => {
  const service = { service: { name: "s", port: { number: 80 } } };
  const good = {
    metadata,
    spec: {
      ingressClassName: "c",
      rules: [{ host: "a.example.com", http: { paths: [{ path: "/", pathType: "Prefix", backend: service }] } }],
      tls: [{ hosts: ["a.example.com"], secretName: "t" }],
    },
  };
  const path = "spec.rules[0].http.paths[0]";
  const at = "spec.rules.0.http.paths.0";

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["spec.rules", [], ["spec: Invalid"]],
    ["spec.defaultBackend", service, []],
    ["spec.defaultBackend", {}, ["spec.defaultBackend: Invalid"]],
    ["spec.rules.0.host", "10.0.0.1", ["spec.rules[0].host: Invalid"]],
    ["spec.rules.0.host", "*.example.com", []],
    ["spec.rules.0.host", "a.*.com", ["spec.rules[0].host: Invalid"]],
    ["spec.rules.0.http.paths", [], ["spec.rules[0].http.paths: Required"]],
    [`${at}.pathType`, undefined, [`${path}.pathType: Required`]],
    [`${at}.pathType`, "Regex", [`${path}.pathType: NotSupported`]],
    [`${at}.path`, "a", [`${path}.path: Invalid`]],
    [`${at}.path`, "/a//b", [`${path}.path: Invalid`]],
    [`${at}.path`, "/a/..", [`${path}.path: Invalid`]],
    [at, { pathType: "ImplementationSpecific", path: "/a//b", backend: service }, []],
    [at, { pathType: "ImplementationSpecific", path: "a", backend: service }, [`${path}.path: Invalid`]],
    [`${at}.backend.resource`, { kind: "K", name: "r" }, [`${path}.backend: Invalid`]],
    [`${at}.backend`, { resource: { kind: "K", name: "r" } }, []],
    [
      `${at}.backend`,
      { resource: { kind: "K/", name: "" } },
      [`${path}.backend.resource.kind: Invalid`, `${path}.backend.resource.name: Required`],
    ],
    [`${at}.backend.service.name`, "1a", []],
    [`${at}.backend.service.name`, "a.b", [`${path}.backend.service.name: Invalid`]],
    [`${at}.backend.service.port`, {}, [`${path}.backend: Required`]],
    [`${at}.backend.service.port`, { name: "a", number: 1 }, [`${path}.backend: Invalid`]],
    [`${at}.backend.service.port`, { name: "Http" }, [`${path}.backend.service.port.name: Invalid`]],
    [`${at}.backend.service.port`, { number: 70_000 }, [`${path}.backend.service.port.number: Invalid`]],
    ["spec.tls.0.hosts", ["A"], ["spec.tls[0].hosts[0]: Invalid"]],
    ["spec.tls.0.secretName", "A", ["spec.tls[0].secretName: Invalid"]],
    ["spec.ingressClassName", "A", ["spec.ingressClassName: Invalid"]],
    ["metadata.annotations", { "kubernetes.io/ingress.class": "c" }, []],
    [
      "metadata.annotations",
      { "kubernetes.io/ingress.class": "d" },
      ["annotations.kubernetes.io/ingress.class: Invalid"],
    ],
  ])("with %s = %j", (where, value, faults) => {
    expect(createFaults(ingressStrategy, withValue(good, where, value))).toEqual(faults);
  });

  test("an update keeps secret names older servers took", () => {
    const current = created<Ingress>(ingressStrategy, withValue(good, "spec.tls.0.secretName", "A"));
    expect(updateFaults(ingressStrategy, current, (next) => (next.metadata.labels = {}))).toEqual([]);
  });

  test("a status holds addresses as addresses and names as names", () => {
    const current = created<Ingress>(ingressStrategy, good);
    const change = (next: Ingress) =>
      (next.status = { loadBalancer: { ingress: [{ ip: "x" }, { hostname: "10.0.0.1" }] } });
    expect(updateFaults(ingressStrategy, current, change, "status")).toEqual([
      "status.loadBalancer.ingress[0].ip: Invalid",
      "status.loadBalancer.ingress[1].hostname: Invalid",
    ]);
  });

  test("warns of the old annotation", () => {
    const annotations = { "kubernetes.io/ingress.class": "c" };
    const old: Ingress = { metadata: { annotations }, spec: { defaultBackend: {} } };
    expect(ingressStrategy.warnings?.(old)).toEqual([
      "annotation \"kubernetes.io/ingress.class\" is deprecated, please use 'spec.ingressClassName' instead",
    ]);
    expect(ingressStrategy.warnings?.(old, old)).toEqual([]);
  });
});

describe("IngressClass", () => {
  const parameters = { kind: "K", name: "p" };

  test.each<[object, string[]]>([
    [{ controller: "example.com/any/path" }, []],
    [{}, ["spec.controller: Required"]],
    [{ controller: "example.com" }, ["spec.controller: Invalid"]],
    [{ controller: "Example.com/a" }, ["spec.controller: Invalid"]],
    [{ controller: `a.b/${"c".repeat(250)}` }, ["spec.controller: TooLong"]],
    [{ controller: "a.b/c", parameters }, []],
    [{ controller: "a.b/c", parameters: { ...parameters, namespace: "n" } }, ["spec.parameters.namespace: Forbidden"]],
    [
      { controller: "a.b/c", parameters: { ...parameters, scope: "Namespace" } },
      ["spec.parameters.namespace: Required"],
    ],
    [{ controller: "a.b/c", parameters: { ...parameters, scope: "Pod" } }, ["spec.parameters.scope: NotSupported"]],
  ])("%j", (spec, faults) => expect(createFaults(ingressClassStrategy, { metadata, spec })).toEqual(faults));

  test("keeps its controller", () => {
    const current: IngressClass = { metadata, spec: { controller: "a.b/c" } };
    expect(updateMessages(ingressClassStrategy, current, (next) => (next.spec.controller = "a.b/d"))).toEqual([
      'spec.controller: Invalid value: "a.b/d": field is immutable',
    ]);
  });
});

describe("NetworkPolicy", () => {
  const policy = (ingress: object, egress?: object) => ({
    metadata,
    spec: { podSelector: {}, ingress: [ingress], ...(egress ? { egress: [egress] } : {}) },
  });
  const port = (one: object) => policy({ ports: [one] });
  const block = (ipBlock: object) => policy({}, { to: [{ ipBlock }] });
  const blockPath = "spec.egress[0].to[0].ipBlock";
  const portPath = "spec.ingress[0].ports[0]";

  test.each<[object, string[]]>([
    [policy({}), []],
    [port({ port: 80, endPort: 90 }), []],
    [port({ port: "http" }), []],
    [port({ protocol: "ICMP" }), [`${portPath}.protocol: NotSupported`]],
    [port({ port: 0 }), [`${portPath}.port: Invalid`]],
    [port({ port: "Http" }), [`${portPath}.port: Invalid`]],
    [port({ endPort: 1 }), [`${portPath}.endPort: Invalid`]],
    [port({ port: "http", endPort: 1 }), [`${portPath}.endPort: Invalid`]],
    [port({ port: 80, endPort: 79 }), [`${portPath}.endPort: Invalid`]],
    [policy({ from: [{}] }), ["spec.ingress[0].from[0]: Required"]],
    [policy({ from: [{ podSelector: {}, namespaceSelector: {} }] }), []],
    [policy({ from: [{ podSelector: {}, ipBlock: { cidr: "10.0.0.0/8" } }] }), ["spec.ingress[0].from[0]: Forbidden"]],
    [block({ cidr: "10.0.0.0/8", except: ["10.1.0.0/16"] }), []],
    [block({}), [`${blockPath}.cidr: Required`]],
    [block({ cidr: "10.0.0.1" }), [`${blockPath}.cidr: Invalid`]],
    [block({ cidr: "10.0.0.0/8", except: ["11.0.0.0/16"] }), [`${blockPath}.except[0]: Invalid`]],
    [block({ cidr: "10.0.0.0/8", except: ["10.0.0.0/8"] }), [`${blockPath}.except[0]: Invalid`]],
    [withValue(policy({}), "spec.policyTypes", ["Both"]), ["spec.policyTypes[0]: NotSupported"]],
    [withValue(policy({}), "spec.policyTypes", ["Ingress", "Egress", "Ingress"]), ["spec.policyTypes: Invalid"]],
  ])("%j", (object, faults) => expect(createFaults(networkPolicyStrategy, object)).toEqual(faults));

  test("ranges from before the rules stay", () => {
    const current = created<NetworkPolicy>(networkPolicyStrategy, block({ cidr: "010.0.0.0/8" }));
    const messages = createMessages(networkPolicyStrategy, current);
    expect(messages).toEqual([
      `${blockPath}.cidr: Invalid value: "010.0.0.0/8": must not have leading 0s in IP or prefix length`,
    ]);
    expect(updateFaults(networkPolicyStrategy, current, (next) => (next.metadata.labels = {}))).toEqual([]);
  });

  test("warns of ranges that can be read in two ways", () => {
    const current = created<NetworkPolicy>(networkPolicyStrategy, block({ cidr: "10.0.0.1/8" }));
    expect(networkPolicyStrategy.warnings?.(current)).toEqual([
      `${blockPath}.cidr: CIDR value "10.0.0.1/8" is ambiguous in this context (should be "10.0.0.0/8" or "10.0.0.1/32"?)`,
    ]);
  });
});

describe("ServiceCIDR", () => {
  const both = "spec.cidrs: Invalid";

  test.each<[string[], string[]]>([
    [["10.0.0.0/24"], []],
    [["10.0.0.0/24", "fd00::/112"], []],
    [[], ["spec.cidrs: Required"]],
    [["10.0.0.1/24"], ["spec.cidrs[0]: Invalid"]],
    [["10.0.0.0/24", "10.0.1.0/24"], [both]],
    [["10.0.0.0/24", "fd00::/112", "fd01::/112"], [both]],
  ])("%j", (cidrs, faults) => expect(createFaults(serviceCIDRStrategy, { metadata, spec: { cidrs } })).toEqual(faults));

  test.each<[string[], string[], string[]]>([
    [["10.0.0.0/24"], ["10.0.0.0/24"], []],
    [["10.0.0.0/24"], ["10.0.0.0/24", "fd00::/112"], []],
    [["10.0.0.0/24"], ["10.0.1.0/24"], ["spec.cidrs[0]: Invalid"]],
    [["10.0.0.0/24"], ["fd00::/112", "10.0.0.0/24"], ["spec.cidrs[0]: Invalid"]],
    [["10.0.0.0/24", "fd00::/112"], ["10.0.0.0/24"], [both]],
  ])("from %j to %j", (before, after, faults) => {
    const current: ServiceCIDR = { metadata, spec: { cidrs: before } };
    expect(updateFaults(serviceCIDRStrategy, current, (next) => (next.spec.cidrs = after))).toEqual(faults);
  });
});

describe("IPAddress", () => {
  const parentRef = { resource: "services", namespace: "n", name: "s" };

  test.each<[object, string[]]>([
    [{ parentRef }, []],
    [{}, ["spec.parentRef: Required"]],
    [{ parentRef: { ...parentRef, group: "A" } }, ["spec.parentRef.group: Invalid"]],
    [{ parentRef: { resource: "a/b" } }, ["spec.parentRef.resource: Invalid", "spec.parentRef.name: Required"]],
  ])("%j", (spec, faults) => expect(createFaults(ipAddressStrategy, { metadata, spec })).toEqual(faults));

  test("is named by the address, written in one way", () => {
    expect(ipAddressStrategy.validateName?.("10.0.0.1", false)).toEqual([]);
    expect(ipAddressStrategy.validateName?.("FD00::1", false)).toEqual(['must be in canonical form ("fd00::1")']);
    expect(ipAddressStrategy.validateName?.("x", false)).toHaveLength(1);
  });

  test("keeps what it is for", () => {
    const current: IPAddress = { metadata, spec: { parentRef } };
    expect(updateFaults(ipAddressStrategy, current, (next) => (next.spec.parentRef.name = "t"))).toEqual([
      "spec.parentRef: Invalid",
    ]);
  });
});
