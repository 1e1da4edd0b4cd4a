import { describe, expect, test, vi } from "vitest";
import { FakeApi } from "#pkg/kube/testing/fake-api.ts";
import { FakeConntrack } from "#pkg/network/testing/fake-conntrack.ts";
import { FakeIPTables } from "#pkg/network/testing/fake-iptables.ts";
import { systemClock } from "#pkg/system/clock.ts";
import { BerthError } from "#pkg/system/errors.ts";
import type { KernelFiles } from "#pkg/system/kernel-files.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { combineProxyOptions, parseProxyFlags } from "./options.ts";
import { startProxy } from "./proxy.ts";
import { endpoint, nodeName, service, slice } from "./services/testing/service-fixtures.ts";

class BrokenIPTables extends FakeIPTables {
  isBroken = false;

  override async restore(...args: Parameters<FakeIPTables["restore"]>): Promise<void> {
    if (this.isBroken) throw new BerthError("Unavailable", "another process holds the xtables lock");
    await super.restore(...args);
  }
}

function fakeSysctls(values: Map<string, string>): KernelFiles {
  return {
    read: async (file) => values.get(file) ?? "0",
    write: async (file, value) => void values.set(file, value),
    makeFolder: async () => undefined,
    removeFolder: async () => undefined,
    listFolders: async () => [],
    exists: async (file) => values.has(file),
  };
}

async function open(more: readonly string[] = [], conntrack = new FakeConntrack()) {
  const api = new FakeApi({ clock: systemClock });
  const iptables = new BrokenIPTables();
  const sysctls = new Map<string, string>();
  const argv = ["--kubeconfig", "k", "--hostname-override", nodeName, "--cluster-cidr", "10.244.0.0/16"];
  const binds = ["--healthz-bind-address", "127.0.0.1:0", "--metrics-bind-address", "127.0.0.1:0"];
  const options = combineProxyOptions(parseProxyFlags([...argv, ...binds, ...more], "1"), {});
  const start = () =>
    startProxy(
      { ...options, minSyncMs: 0 },
      {
        client: api.client(),
        iptables: () => iptables,
        conntrack: () => conntrack,
        kernelFiles: fakeSysctls(sysctls),
        clock: systemClock,
        random: new SeededRandom(1),
        log: silentLogger,
        cores: 2,
        hostName: "Machine",
      },
    );
  return { api, iptables, sysctls, start };
}

const get = async (port: number | undefined, path: string): Promise<Response> =>
  await fetch(`http://127.0.0.1:${port}${path}`);

describe("startProxy", () => {
  test("follows services and endpoints, and leaves the rules when it stops", async () => {
    const { api, iptables, sysctls, start } = await open();
    await using _api = api;
    api.seed({ apiVersion: "v1", kind: "Service", ...service("web", { clusterIP: "10.96.0.20" }) });
    {
      await using proxy = await start();
      await proxy.ready;
      expect(iptables.dump("filter", "KUBE-SERVICES")).toContain("default/web has no endpoints");
      await api
        .client()
        .endpointSlices.in("default")
        .create(slice("web", [endpoint("10.244.1.5", "node-2")]));
      await vi.waitFor(() => expect(iptables.dump("nat", "KUBE-SVC-")).toContain("10.244.1.5:8080"));
      expect(iptables.dump("filter", "KUBE-SERVICES")).toBe("");
    }
    expect(iptables.dump("nat", "KUBE-SVC-")).toContain("10.244.1.5:8080");
    expect(sysctls.get("/proc/sys/net/ipv4/conf/all/route_localnet")).toBe("1");
    expect(sysctls.get("/proc/sys/net/netfilter/nf_conntrack_max")).toBe("131072");
  });

  test("objects of other proxies, and headless ones, are none of its business", async () => {
    const { api, iptables, start } = await open();
    await using _api = api;
    const other = service("web", { clusterIP: "10.96.0.20" });
    other.metadata.labels = { "service.kubernetes.io/service-proxy-name": "mesh" };
    api.seed({ apiVersion: "v1", kind: "Service", ...other });
    await using proxy = await start();
    await proxy.ready;
    expect(iptables.dump("filter", "KUBE-SERVICES")).toBe("");
  });

  test("serves health and metrics, and tries again what failed", async () => {
    const { api, iptables, start } = await open();
    await using _api = api;
    iptables.isBroken = true;
    await using proxy = await start();
    expect((await get(proxy.healthPort, "/readyz")).status).toBe(503);
    iptables.isBroken = false;
    await proxy.ready;
    expect((await get(proxy.healthPort, "/readyz")).status).toBe(200);
    const healthz = await get(proxy.healthPort, "/healthz");
    expect([healthz.status, await healthz.json()]).toEqual([
      200,
      { lastUpdated: expect.any(String), currentTime: expect.any(String), nodeEligible: true },
    ]);
    const metrics = await (await get(proxy.metricsPort, "/metrics")).text();
    expect(metrics).toContain('kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 1');
    expect(metrics).toMatch(/kubeproxy_sync_proxy_rules_iptables_restore_failures_total\{ip_family="IPv4"\} [1-9]/);
    expect(await (await get(proxy.metricsPort, "/proxyMode")).text()).toBe("iptables");
  });

  test("a node that is being deleted is not healthy for load balancers", async () => {
    const { api, start } = await open();
    await using _api = api;
    const taints = [{ key: "ToBeDeletedByClusterAutoscaler", effect: "NoSchedule" as const }];
    api.seed({ apiVersion: "v1", kind: "Node", metadata: { name: nodeName }, spec: { taints } });
    await using proxy = await start();
    await proxy.ready;
    expect((await get(proxy.healthPort, "/healthz")).status).toBe(503);
    expect((await get(proxy.healthPort, "/livez")).status).toBe(200);
  });

  test("frees UDP flows of endpoints that are gone", async () => {
    const stale = { destination: "10.96.0.10", port: 53, answeredBy: "10.244.0.2" };
    const others = [
      { destination: "10.96.0.10", port: 53, answeredBy: "10.244.1.5" },
      { destination: "10.96.0.99", port: 53, answeredBy: "10.96.0.99" },
    ];
    const conntrack = new FakeConntrack([stale, ...others]);
    const { api, start } = await open([], conntrack);
    await using _api = api;
    const dns = service("dns", { clusterIP: "10.96.0.10", ports: [{ port: 53, protocol: "UDP" }] });
    api.seed({ apiVersion: "v1", kind: "Service", ...dns });
    const ports = [{ name: "", port: 53, protocol: "UDP" as const }];
    api.seed({ ...slice("dns", [endpoint("10.244.1.5", "node-2")], ports) });
    await using proxy = await start();
    await proxy.ready;
    await vi.waitFor(() => expect(conntrack.flows).toEqual(others));
  });

  test("answers load balancers on a service's health check port", async () => {
    const { api, start } = await open();
    await using _api = api;
    const healthCheckNodePort = 30_000 + (process.pid % 2000);
    const spec = { type: "LoadBalancer" as const, clusterIP: "10.96.0.20", healthCheckNodePort };
    const web = service("web", { ...spec, externalTrafficPolicy: "Local" }, ["198.51.100.7"]);
    api.seed({ apiVersion: "v1", kind: "Service", ...web });
    api.seed(slice("web", [endpoint("10.244.0.5", nodeName), endpoint("10.244.1.5", "node-2")]));
    await using proxy = await start();
    await proxy.ready;
    const answer = await get(healthCheckNodePort, "/anything");
    expect([answer.status, await answer.json()]).toEqual([
      200,
      { service: { namespace: "default", name: "web" }, localEndpoints: 1, serviceProxyHealthy: true },
    ]);
    await api.client().endpointSlices.in("default").delete("web-ipv4");
    await vi.waitFor(async () => expect((await get(healthCheckNodePort, "/")).status).toBe(503));
    await api.client().services.in("default").delete("web");
    await vi.waitFor(async () => await expect(get(healthCheckNodePort, "/")).rejects.toThrow());
  });
});
