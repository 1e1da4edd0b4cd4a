/** Endpoints, EndpointSlices and mirrored slices on a fake API. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Endpoints, Pod, PodSpec, Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import { resources } from "#pkg/kube/resources.ts";
import { ControllerHarness } from "../testing/controller-harness.ts";
import { startEndpointSliceController } from "./endpoint-slice-controller.ts";
import { startEndpointSliceMirroringController } from "./endpoint-slice-mirroring-controller.ts";
import { startEndpointsController } from "./endpoints-controller.ts";

let harness: ControllerHarness;

beforeEach(async () => {
  harness = new ControllerHarness();
  const labels = { "topology.kubernetes.io/zone": "z1" };
  await harness.client.nodes.create({ apiVersion: "v1", kind: "Node", metadata: { name: "n1", labels }, spec: {} });
  await harness.run(startEndpointSliceController);
  await harness.run(startEndpointsController);
  await harness.run(startEndpointSliceMirroringController);
});
afterEach(() => harness[Symbol.asyncDispose]());

async function makeService(spec: Partial<ServiceSpec> = {}, labels: Record<string, string> = {}): Promise<void> {
  const service: Service = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "a", labels },
    spec: {
      selector: { app: "web" },
      clusterIP: "10.96.0.9",
      ipFamilies: ["IPv4"],
      ports: [{ name: "http", port: 80, targetPort: "web", protocol: "TCP" }],
      ...spec,
    },
  };
  await harness.client.services.in("a").create(service);
  await harness.settle();
}

interface PodChoice {
  readonly ips?: readonly string[];
  readonly ready?: boolean;
  readonly port?: number;
  readonly spec?: Partial<PodSpec>;
  readonly labels?: Record<string, string>;
  readonly finalizers?: string[];
}

function podOf(name: string, choice: PodChoice = {}): Pod {
  const { ips = ["10.1.0.1"], ready = true, port = 8080, spec, labels = { app: "web" }, finalizers = [] } = choice;
  const status = ready ? "True" : "False";
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name, namespace: "a", labels, finalizers },
    spec: {
      nodeName: "n1",
      containers: [{ name: "c", ports: [{ name: "web", containerPort: port, protocol: "TCP" }] }],
      ...spec,
    },
    status: {
      phase: "Running",
      podIPs: ips.map((ip) => ({ ip })),
      conditions: [{ type: "Ready", status, lastTransitionTime: "2026-01-01T00:00:00Z" }],
    },
  };
}

async function makePod(name: string, choice: PodChoice = {}): Promise<void> {
  const pod = podOf(name, choice);
  await harness.client.pods.in("a").create(pod);
  const body = { status: pod.status };
  await harness.client.pods.in("a").patch(name, { type: "merge", body }, { subresource: "status" });
  await harness.settle();
}

const slices = (): readonly Stored<EndpointSlice>[] => harness.api.peekAll(resources.endpointSlices);
const endpoints = (): Stored<Endpoints> | undefined => harness.api.peek(resources.endpoints, "a", "web");
const all = () => slices().flatMap((slice) => slice.endpoints ?? []);

describe("startEndpointSliceController", () => {
  test("a service has a slice that names it, before it has pods", async () => {
    await makeService({}, { team: "red" });
    expect(slices()).toHaveLength(1);
    expect(slices()[0]).toMatchObject({
      addressType: "IPv4",
      endpoints: [],
      metadata: {
        labels: {
          team: "red",
          "kubernetes.io/service-name": "web",
          "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        },
        ownerReferences: [{ kind: "Service", name: "web", controller: true }],
      },
    });
  });

  test("a pod is shown with its port, node, zone and conditions", async () => {
    await makeService();
    await makePod("p");
    expect(slices()).toHaveLength(1);
    expect(slices()[0]?.ports).toEqual([{ name: "http", port: 8080, protocol: "TCP" }]);
    expect(all()).toMatchObject([
      {
        addresses: ["10.1.0.1"],
        conditions: { ready: true, serving: true, terminating: false },
        nodeName: "n1",
        zone: "z1",
        targetRef: { kind: "Pod", name: "p", namespace: "a" },
      },
    ]);
  });

  test("a pod that is going still serves but is not ready", async () => {
    await makeService();
    await makePod("p", { finalizers: ["example.com/hold"] });
    await harness.client.pods.in("a").delete("p");
    await harness.settle();
    expect(all()[0]?.conditions).toEqual({ ready: false, serving: true, terminating: true });
  });

  test("publishNotReadyAddresses calls every pod ready", async () => {
    await makeService({ publishNotReadyAddresses: true });
    await makePod("p", { ready: false });
    expect(all()[0]?.conditions).toEqual({ ready: true, serving: false, terminating: false });
  });

  test("pods that have finished, have no address, or sit on a node that is gone are left out", async () => {
    await makeService();
    await makePod("done");
    await harness.client.pods
      .in("a")
      .patch("done", { type: "merge", body: { status: { phase: "Succeeded" } } }, { subresource: "status" });
    await makePod("early", { ips: [] });
    await makePod("lost", { spec: { nodeName: "n2" } });
    expect(all()).toEqual([]);
    await harness.client.nodes.create({ apiVersion: "v1", kind: "Node", metadata: { name: "n2" }, spec: {} });
    await harness.settle();
    expect(all().map(({ targetRef }) => targetRef?.name)).toEqual(["lost"]);
  });

  test("a pod that is no longer selected goes", async () => {
    await makeService();
    await makePod("p");
    await harness.client.pods.in("a").patch("p", { type: "merge", body: { metadata: { labels: { app: "x" } } } });
    await harness.settle();
    expect(all()).toEqual([]);
    expect(slices()).toHaveLength(1);
  });

  test("pods that give the name of a port other numbers are in other slices", async () => {
    await makeService();
    await makePod("p1");
    await makePod("p2", { port: 9090, ips: ["10.1.0.2"] });
    expect(
      slices()
        .map(({ ports }) => ports?.[0]?.port)
        .sort(),
    ).toEqual([8080, 9090]);
  });

  test("two families have two slices, each with the addresses of its kind", async () => {
    await makeService({ ipFamilies: ["IPv4", "IPv6"] });
    await makePod("p", { ips: ["10.1.0.1", "fd00::1"] });
    const byType = Object.fromEntries(slices().map((one) => [one.addressType, one.endpoints?.[0]?.addresses]));
    expect(byType).toEqual({ IPv4: ["10.1.0.1"], IPv6: ["fd00::1"] });
  });

  test("a headless service is marked, and pods of its subdomain have their hostnames", async () => {
    await makeService({ clusterIP: "None" });
    await makePod("p", { spec: { hostname: "p-0", subdomain: "web" } });
    expect(slices()[0]?.metadata.labels).toHaveProperty(["service.kubernetes.io/headless"], "");
    expect(all()[0]?.hostname).toBe("p-0");
  });

  test("says where traffic should rather stay when the service asks for it", async () => {
    await makeService({ trafficDistribution: "PreferSameNode" });
    await makePod("p");
    expect(all()[0]?.hints).toEqual({ forZones: [{ name: "z1" }], forNodes: [{ name: "n1" }] });
  });

  test("250 pods fill three slices of at most 100, also while the cache lags", async () => {
    await makeService();
    const held = harness.api.holdEvents();
    for (let i = 0; i < 250; i++) harness.api.seed(podOf(`p${i}`, { ips: [`10.2.${i >> 7}.${i & 127}`] }));
    held[Symbol.dispose]();
    await harness.settle();
    expect(
      slices()
        .map((slice) => slice.endpoints?.length ?? 0)
        .sort(),
    ).toEqual([100, 100, 50].sort());
    expect(new Set(all().map(({ addresses }) => addresses[0])).size).toBe(250);
  });

  test("a slice that somebody deletes or changes is put right", async () => {
    await makeService();
    await makePod("p");
    const [name] = harness.names(resources.endpointSlices);
    await harness.client.endpointSlices.in("a").delete(name ?? "");
    await harness.settle();
    expect(all()).toHaveLength(1);
    const [next] = harness.names(resources.endpointSlices);
    await harness.client.endpointSlices.in("a").patch(next ?? "", { type: "merge", body: { endpoints: [] } });
    await harness.settle();
    expect(all()).toHaveLength(1);
  });

  test("services without a selector and those that are names for others get nothing", async () => {
    await makeService({ type: "ExternalName", externalName: "example.com" });
    expect(slices()).toEqual([]);
    expect(endpoints()).toBeUndefined();
  });
});

describe("startEndpointsController", () => {
  test("ready pods are addresses, the others notReadyAddresses", async () => {
    await makeService();
    await makePod("p1");
    await makePod("p2", { ready: false, ips: ["10.1.0.2"] });
    expect(endpoints()?.subsets).toMatchObject([
      {
        addresses: [{ ip: "10.1.0.1", nodeName: "n1", targetRef: { name: "p1" } }],
        notReadyAddresses: [{ ip: "10.1.0.2" }],
        ports: [{ name: "http", port: 8080, protocol: "TCP" }],
      },
    ]);
  });

  test("goes with its service, and is not mirrored", async () => {
    await makeService();
    await makePod("p");
    expect(slices()).toHaveLength(1);
    await harness.client.services.in("a").delete("web");
    await harness.settle();
    expect(endpoints()).toBeUndefined();
  });

  test("more than a thousand addresses are cut, and the object says so", async () => {
    await makeService();
    for (let i = 0; i < 1001; i++) harness.api.seed(podOf(`p${i}`, { ips: [`10.2.${i >> 7}.${i & 127}`] }));
    await harness.settle();
    expect(endpoints()?.subsets?.[0]?.addresses).toHaveLength(1000);
    expect(endpoints()?.metadata.annotations).toHaveProperty(["endpoints.kubernetes.io/over-capacity"], "truncated");
  });
});

describe("startEndpointSliceMirroringController", () => {
  async function makeEndpoints(labels: Record<string, string> = {}): Promise<void> {
    await makeService({ selector: undefined });
    const subsets = [
      { addresses: [{ ip: "192.0.2.1" }, { ip: "2001:db8::1" }], ports: [{ name: "http", port: 80 }] },
      { notReadyAddresses: [{ ip: "192.0.2.2" }], ports: [{ name: "http", port: 80 }] },
    ];
    const metadata = { name: "web", namespace: "a", labels };
    await harness.client.endpoints.in("a").create({ apiVersion: "v1", kind: "Endpoints", metadata, subsets });
    await harness.settle();
  }

  test("hand-written endpoints are mirrored by family, follow changes, and go with them", async () => {
    await makeEndpoints();
    const shown = slices().map(({ addressType, endpoints: list }) => [
      addressType,
      list?.map(({ addresses, conditions }) => [addresses[0], conditions?.ready]),
    ]);
    expect(Object.fromEntries(shown)).toEqual({
      IPv4: [
        ["192.0.2.1", true],
        ["192.0.2.2", false],
      ],
      IPv6: [["2001:db8::1", true]],
    });
    await harness.client.endpoints.in("a").patch("web", { type: "merge", body: { subsets: [] } });
    await harness.settle();
    expect(slices()).toEqual([]);
  });

  test("those that ask to be left alone are", async () => {
    await makeEndpoints({ "endpointslice.kubernetes.io/skip-mirror": "true" });
    expect(slices()).toEqual([]);
  });
});
