import { describe, expect, test } from "vitest";
import type { Endpoints } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { endpointSliceStrategy } from "./endpoint-slice.ts";
import { endpointsStrategy } from "./endpoints.ts";
import {
  created,
  createFaults,
  createMessages,
  updated,
  updateFaults,
  updateMessages,
  withValue,
} from "./testing/judge.ts";

const metadata = { name: "x", namespace: "n" };

describe("Endpoints", () => {
  const good = {
    metadata,
    subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ name: "a", port: 80 }] }],
  };
  const ip = "subsets[0].addresses[0].ip: Invalid";

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["subsets", undefined, []],
    ["subsets.0.addresses", [], ["subsets[0]: Required"]],
    ["subsets.0.addresses.0.ip", "x", [ip, ip]],
    ["subsets.0.addresses.0.ip", "127.0.0.1", [ip]],
    ["subsets.0.addresses.0.ip", "169.254.1.1", [ip]],
    ["subsets.0.addresses.0.ip", "0.0.0.0", [ip]],
    ["subsets.0.addresses.0.hostname", "a.b", ["subsets[0].addresses[0].hostname: Invalid"]],
    ["subsets.0.addresses.0.nodeName", "A", ["subsets[0].addresses[0].nodeName: Invalid"]],
    ["subsets.0.ports", [{ port: 1 }], []],
    ["subsets.0.ports", [{ port: 1 }, { port: 2, name: "b" }], ["subsets[0].ports[0].name: Required"]],
    ["subsets.0.ports.0.port", 0, ["subsets[0].ports[0].port: Invalid"]],
    ["subsets.0.ports.0.protocol", "ICMP", ["subsets[0].ports[0].protocol: NotSupported"]],
    ["subsets.0.ports.0.appProtocol", "a/b/c", ["subsets[0].ports[0].appProtocol: Invalid"]],
  ])("with %s = %j", (path, value, faults) => {
    expect(createFaults(endpointsStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test("subsets from before a rule stay", () => {
    const old = created<Endpoints>(endpointsStrategy, withValue(good, "subsets.0.addresses.0.ip", "010.0.0.1"));
    expect(updateFaults(endpointsStrategy, old, (next) => (next.metadata.labels = { a: "b" }))).toEqual([]);
    expect(updateFaults(endpointsStrategy, old, (next) => next.subsets?.push({}))).toHaveLength(2);
  });

  test("warns of addresses nobody else will read alike, but not its own controller", () => {
    const slanted = { metadata, subsets: [{ notReadyAddresses: [{ ip: "FD00::1" }] }] };
    expect(endpointsStrategy.warnings?.(slanted)).toEqual([
      'subsets[0].notReadyAddresses[0].ip: IPv6 address "FD00::1" should be in RFC 5952 canonical format ("fd00::1")',
    ]);
    const labels = { "endpoints.kubernetes.io/managed-by": "endpoint-controller" };
    expect(endpointsStrategy.warnings?.({ ...slanted, metadata: { ...metadata, labels } })).toEqual([]);
  });
});

describe("EndpointSlice", () => {
  const good = {
    metadata,
    addressType: "IPv4",
    endpoints: [{ addresses: ["10.0.0.1"], hints: { forZones: [{ name: "z" }] } }],
    ports: [{ name: "a", port: 80 }],
  };
  const address = "endpoints[0].addresses[0]: Invalid";
  const many = (count: number, item: unknown) => Array.from({ length: count }, () => item);

  test.each<[string, unknown, string[]]>([
    ["metadata.labels", {}, []],
    ["addressType", "", ["addressType: Required"]],
    ["addressType", "IPX", ["addressType: NotSupported"]],
    ["addressType", "IPv6", ["endpoints[0].addresses: Invalid"]],
    ["endpoints.0.addresses", [], ["endpoints[0].addresses: Required"]],
    ["endpoints.0.addresses", many(101, "10.0.0.1"), ["endpoints[0].addresses: TooMany"]],
    ["endpoints.0.addresses", ["fd00::1"], ["endpoints[0].addresses: Invalid"]],
    ["endpoints.0.addresses", ["010.0.0.1"], [address]],
    ["endpoints.0.addresses", ["127.0.0.1"], [address]],
    ["endpoints.0.nodeName", "N", ["endpoints[0].nodeName: Invalid"]],
    ["endpoints.0.hostname", "a.b", ["endpoints[0].hostname: Invalid"]],
    ["endpoints.0.hints.forZones", many(9, { name: "z" }), ["endpoints[0].hints.forZones: TooMany"]],
    ["endpoints.0.hints.forZones", [{ name: "z" }, { name: "z" }], ["endpoints[0].hints.forZones[1].name: Duplicate"]],
    ["endpoints.0.hints.forNodes", [{ name: "N" }], ["endpoints[0].hints.forNodes[0].name: Invalid"]],
    ["endpoints", many(1001, { addresses: [] }), ["endpoints: TooMany"]],
    ["ports", [{ port: 1 }, { port: 2 }], ["ports[1].name: Duplicate"]],
    ["ports.0.name", "A", ["ports[0].name: Invalid"]],
    ["ports.0.port", undefined, []],
    ["ports.0.protocol", "ICMP", ["ports[0].protocol: NotSupported"]],
    ["ports.0.appProtocol", "a b", ["ports[0].appProtocol: Invalid"]],
  ])("with %s = %#", (path, value, faults) => {
    expect(createFaults(endpointSliceStrategy, withValue(good, path, value))).toEqual(faults);
  });

  test.each<[string, string[]]>([
    ["fd00::1", []],
    ["FD00::1", ['must be in canonical form ("fd00::1")']],
  ])("newer addresses are written in one way: %s", (text, problems) => {
    const slice = { ...good, addressType: "IPv6", endpoints: [{ addresses: [text] }] };
    expect(createMessages(endpointSliceStrategy, slice)).toEqual(
      problems.map((problem) => `endpoints[0].addresses[0]: Invalid value: ${JSON.stringify(text)}: ${problem}`),
    );
  });

  test.each<[string, string[]]>([
    ["example.com", []],
    ["example.com.", []],
    ["", ["Required value"]],
    ["example", ['Invalid value: "example": should be a domain with at least two segments separated by dots']],
  ])("domain %j", (text, messages) => {
    const slice = { ...good, addressType: "FQDN", endpoints: [{ addresses: [text] }] };
    const expected = messages.map((message) => `endpoints[0].addresses[0]: ${message}`);
    expect(createMessages(endpointSliceStrategy, slice)).toEqual(expected);
  });

  test("keeps its address type", () => {
    const current = created<EndpointSlice>(endpointSliceStrategy, { metadata, addressType: "IPv4" });
    expect(updateMessages(endpointSliceStrategy, current, (next) => (next.addressType = "IPv6"))).toEqual([
      'addressType: Invalid value: "IPv6": field is immutable',
    ]);
  });

  test("counts a change of labels in its generation, and of nothing else of the metadata", () => {
    const current = created<EndpointSlice>(endpointSliceStrategy, {
      ...good,
      metadata: { ...metadata, generation: 3 },
    });
    const generation = (change: (next: EndpointSlice) => void) =>
      updated(endpointSliceStrategy, current, change).metadata.generation;
    expect(generation((next) => (next.metadata.labels = { a: "b" }))).toBe(4);
    expect(generation((next) => (next.metadata.annotations = { a: "b" }))).toBe(3);
  });

  test("warns of names instead of addresses when it is made", () => {
    const slice: EndpointSlice = { metadata, addressType: "FQDN", endpoints: [] };
    expect(endpointSliceStrategy.warnings?.(slice)).toEqual(["spec.addressType: FQDN endpoints are deprecated"]);
    expect(endpointSliceStrategy.warnings?.(slice, slice)).toEqual([]);
  });
});
