import { describe, expect, test } from "vitest";
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import { parseBlock } from "#pkg/api/ip-address.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { serviceStrategy } from "../strategies/service.ts";
import { context, created } from "../strategies/testing/judge.ts";
import { ServiceAllocator } from "./service-allocator.ts";

const four = "10.96.0.0/24";
const six = "fd00:10:96::/112";

function allocator(blocks: readonly string[] = [four], stored: readonly KubeObject[] = [], isSynced = true) {
  const services = new ServiceAllocator({
    blocks: blocks.map((text) => {
      const block = parseBlock(text);
      if (!block) throw new Error(text);
      return block;
    }),
    nodePorts: { first: 30_000, last: 30_019 },
    random: new SeededRandom(1),
  });
  services.readFrom({ hasSynced: () => isSynced, list: () => stored });
  return services;
}

function newService(spec: Partial<ServiceSpec>): Service {
  const full = { ports: [{ port: 80 }], ...spec };
  return created(serviceStrategy(allocator()), { metadata: { name: "s", namespace: "n" }, spec: full });
}

/** A service as it is stored. */
function given(services: ServiceAllocator, spec: Partial<ServiceSpec>): Service {
  const service = newService(spec);
  services.allocate(service, undefined);
  return service;
}

function changed(services: ServiceAllocator, current: Service, change: (spec: ServiceSpec) => void): Service {
  const next = structuredClone(current);
  change(next.spec);
  const strategy = serviceStrategy(services);
  strategy.applyDefaults?.(next);
  const before = structuredClone(current);
  strategy.prepareForUpdate?.(next, current, context);
  expect((strategy.validateUpdate?.(next, current) ?? []).map((error) => error.message)).toEqual([]);
  strategy.allocate?.(next, current, context);
  strategy.releaseUnused?.(next, current);
  expect(current).toEqual(before);
  return next;
}

function messageOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof StatusError) return error.message;
    throw error;
  }
  return "";
}

describe("a new service", () => {
  test("gets an address and a family", () => {
    const services = allocator();
    const { spec } = given(services, {});
    expect(spec.clusterIP).toMatch(/^10\.96\.0\.\d+$/);
    expect(spec).toMatchObject({
      clusterIPs: [spec.clusterIP],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
      internalTrafficPolicy: "Cluster",
      ports: [{ port: 80, protocol: "TCP", targetPort: 80 }],
    });
    expect(spec.ports?.[0]).not.toHaveProperty("nodePort");
    expect(services.held).toEqual({ addresses: 1, ports: 0 });
  });

  test("may ask for an address, once", () => {
    const services = allocator();
    expect(given(services, { clusterIP: "10.96.0.10" }).spec.clusterIPs).toEqual(["10.96.0.10"]);
    expect(messageOf(() => given(services, { clusterIP: "10.96.0.10" }))).toBe(
      'Service "s" is invalid: spec.clusterIPs: Invalid value: ["10.96.0.10"]: ' +
        "failed to allocate IP 10.96.0.10: provided IP is already allocated",
    );
    expect(messageOf(() => given(services, { clusterIP: "10.97.0.10" }))).toBe(
      'Service "s" is invalid: spec.clusterIPs: Invalid value: ["10.97.0.10"]: failed to allocate IP 10.97.0.10: ' +
        "the provided IP (10.97.0.10) is not in the valid range. The range of valid IPs is 10.96.0.0/24",
    );
    expect(services.held.addresses).toBe(1);
  });

  test("of both families gets both addresses", () => {
    const services = allocator([four, six]);
    const { spec } = given(services, { ipFamilyPolicy: "RequireDualStack" });
    expect(spec.ipFamilies).toEqual(["IPv4", "IPv6"]);
    expect(spec.clusterIPs?.[1]).toMatch(/^fd00:10:96::/);
    expect(given(services, { ipFamilies: ["IPv6"] }).spec).toMatchObject({
      ipFamilyPolicy: "SingleStack",
      ipFamilies: ["IPv6"],
    });
    expect(given(services, { ipFamilies: ["IPv6"], ipFamilyPolicy: "PreferDualStack" }).spec.ipFamilies).toEqual([
      "IPv6",
      "IPv4",
    ]);
    expect(given(services, { clusterIP: "fd00:10:96::a" }).spec.ipFamilies).toEqual(["IPv6"]);
  });

  test("cannot have what the cluster does not have", () => {
    const services = allocator();
    expect(given(services, { ipFamilyPolicy: "PreferDualStack" }).spec.ipFamilies).toEqual(["IPv4"]);
    expect(messageOf(() => given(services, { ipFamilyPolicy: "RequireDualStack" }))).toBe(
      'Service "s" is invalid: spec.ipFamilyPolicy: Invalid value: "RequireDualStack": ' +
        "this cluster is not configured for dual-stack services",
    );
    expect(messageOf(() => given(services, { ipFamilies: ["IPv6"] }))).toBe(
      'Service "s" is invalid: spec.ipFamilies[0]: Invalid value: "IPv6": not configured on this cluster',
    );
    expect(messageOf(() => given(services, { clusterIP: "fd00::1" }))).toContain(
      "IPv6 is not configured on this cluster",
    );
  });

  test("that is headless has families but no address", () => {
    const services = allocator();
    expect(given(services, { clusterIP: "None", selector: { a: "b" } }).spec).toMatchObject({
      clusterIPs: ["None"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    });
    expect(given(services, { clusterIP: "None" }).spec).toMatchObject({
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "RequireDualStack",
    });
    expect(services.held.addresses).toBe(0);
  });

  test("that is only a name has nothing", () => {
    const services = allocator();
    const { spec } = given(services, { type: "ExternalName", externalName: "a.example" });
    expect(spec).not.toHaveProperty("clusterIP");
    expect(spec).not.toHaveProperty("ipFamilies");
    expect(services.held).toEqual({ addresses: 0, ports: 0 });
  });

  test("gets node ports, shared by protocols of one port", () => {
    const services = allocator();
    const ports = [
      { name: "t", port: 53, protocol: "TCP" },
      { name: "u", port: 53, protocol: "UDP" },
      { name: "w", port: 80, protocol: "TCP", nodePort: 30_005 },
    ] as ServiceSpec["ports"];
    const [tcp, udp, web] = given(services, { type: "NodePort", ports }).spec.ports ?? [];
    expect(tcp?.nodePort).toBeGreaterThanOrEqual(30_000);
    expect(udp?.nodePort).toBe(tcp?.nodePort);
    expect(web?.nodePort).toBe(30_005);
    expect(services.held.ports).toBe(2);
    expect(
      messageOf(() =>
        given(services, { type: "NodePort", ports: [{ port: 1, nodePort: 30_005 }] as ServiceSpec["ports"] }),
      ),
    ).toBe('Service "s" is invalid: spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated');
    expect(services.held).toEqual({ addresses: 1, ports: 2 });
  });

  test("balanced by node-local endpoints gets a health check port", () => {
    const services = allocator();
    const { spec } = given(services, { type: "LoadBalancer", externalTrafficPolicy: "Local" });
    expect(spec.healthCheckNodePort).toBeGreaterThanOrEqual(30_000);
    expect(spec.healthCheckNodePort).not.toBe(spec.ports?.[0]?.nodePort);
    expect(services.held.ports).toBe(2);
  });

  test("may do without node ports", () => {
    const services = allocator();
    const { spec } = given(services, { type: "LoadBalancer", allocateLoadBalancerNodePorts: false });
    expect(spec.ports?.[0]).not.toHaveProperty("nodePort");
    expect(services.held.ports).toBe(0);
  });

  test("takes nothing when its write fails", () => {
    const services = allocator([four, six]);
    const release = services.allocate(newService({ type: "NodePort", ipFamilyPolicy: "PreferDualStack" }), undefined);
    expect(services.held).toEqual({ addresses: 2, ports: 1 });
    release();
    expect(services.held).toEqual({ addresses: 0, ports: 0 });
    release();
    expect(services.held).toEqual({ addresses: 0, ports: 0 });
  });

  test("fails when everything is taken, and takes nothing", () => {
    const services = allocator(["10.96.0.0/29"]);
    for (let count = 0; count < 6; count++) given(services, {});
    expect(messageOf(() => given(services, {}))).toContain(
      'failed to allocate a serviceIP for Service "s": range is full',
    );
    const ports = Array.from({ length: 21 }, (_, index) => ({ name: `p${index}`, port: index + 1 }));
    const wide = allocator();
    const act = () => given(wide, { type: "NodePort", ports: ports as ServiceSpec["ports"] });
    expect(messageOf(act)).toContain("failed to allocate a nodePort: range is full");
    expect(wide.held).toEqual({ addresses: 0, ports: 0 });
  });
});

describe("a changed service", () => {
  test("keeps what an update leaves out", () => {
    const services = allocator();
    const current = given(services, { type: "NodePort" });
    const next = changed(services, current, (spec) => {
      delete spec.clusterIP;
      delete spec.clusterIPs;
      delete spec.ipFamilies;
      delete spec.ipFamilyPolicy;
      spec.ports = [{ port: 80 }] as NonNullable<ServiceSpec["ports"]>;
    });
    expect(next.spec).toEqual(current.spec);
    expect(services.held).toEqual({ addresses: 1, ports: 1 });
  });

  test("gives up its node ports with its type", () => {
    const services = allocator();
    const current = given(services, { type: "LoadBalancer", externalTrafficPolicy: "Local" });
    const next = changed(services, current, (spec) => (spec.type = "ClusterIP"));
    expect(next.spec.ports?.[0]).not.toHaveProperty("nodePort");
    expect(next.spec).not.toHaveProperty("healthCheckNodePort");
    expect(next.spec).not.toHaveProperty("allocateLoadBalancerNodePorts");
    expect(next.spec).not.toHaveProperty("externalTrafficPolicy");
    expect(next.spec.clusterIP).toBe(current.spec.clusterIP);
    expect(services.held).toEqual({ addresses: 1, ports: 0 });
  });

  test("becomes a mere name and back", () => {
    const services = allocator();
    const current = given(services, { type: "NodePort" });
    const name = changed(services, current, (spec) => {
      spec.type = "ExternalName";
      spec.externalName = "a.example";
    });
    expect(name.spec).not.toHaveProperty("clusterIP");
    expect(name.spec).not.toHaveProperty("clusterIPs");
    expect(name.spec).not.toHaveProperty("ipFamilies");
    expect(services.held).toEqual({ addresses: 0, ports: 0 });
    const back = changed(services, name, (spec) => {
      spec.type = "NodePort";
      delete spec.externalName;
    });
    expect(back.spec.clusterIP).toMatch(/^10\.96\.0\./);
    expect(back.spec.ports?.[0]?.nodePort).toBeGreaterThanOrEqual(30_000);
    expect(services.held).toEqual({ addresses: 1, ports: 1 });
  });

  test("gains and loses a second family", () => {
    const services = allocator([four, six]);
    const current = given(services, {});
    const both = changed(services, current, (spec) => (spec.ipFamilyPolicy = "PreferDualStack"));
    expect(both.spec.clusterIPs).toHaveLength(2);
    expect(both.spec.clusterIPs?.[0]).toBe(current.spec.clusterIP);
    expect(services.held.addresses).toBe(2);
    const one = changed(services, both, (spec) => (spec.ipFamilyPolicy = "SingleStack"));
    expect(one.spec.clusterIPs).toEqual(current.spec.clusterIPs);
    expect(one.spec.ipFamilies).toEqual(["IPv4"]);
    expect(services.held.addresses).toBe(1);
  });

  test("moves a node port between its ports", () => {
    const services = allocator();
    const current = given(services, {
      type: "NodePort",
      ports: [{ port: 80, nodePort: 30_001 }] as ServiceSpec["ports"],
    });
    const next = changed(services, current, (spec) => {
      spec.ports = [{ name: "a", port: 80, nodePort: 30_002 }] as NonNullable<ServiceSpec["ports"]>;
    });
    expect(next.spec.ports?.[0]?.nodePort).toBe(30_002);
    expect(services.held.ports).toBe(1);
    expect(
      given(services, { type: "NodePort", ports: [{ port: 80, nodePort: 30_001 }] as ServiceSpec["ports"] }),
    ).toBeTruthy();
  });
});

describe("what is taken", () => {
  test("is learnt from the services there are", () => {
    const first = allocator([four]);
    const stored = [given(first, { type: "NodePort" }), given(first, { clusterIP: "None" }), given(first, {})];
    const second = allocator([four], stored);
    given(second, {});
    expect(second.held).toEqual({ addresses: 3, ports: 1 });
    second.release(stored[0] as Service);
    expect(second.held).toEqual({ addresses: 2, ports: 0 });
  });

  test("is not known before they are read", () => {
    const services = allocator([four], [], false);
    expect(messageOf(() => given(services, {}))).toContain("not loaded yet");
    services.release(newService({ clusterIP: "10.96.0.1" }));
    expect(services.held.addresses).toBe(0);
  });
});
