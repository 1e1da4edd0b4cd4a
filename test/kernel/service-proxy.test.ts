/**
 * The proxy's rules on the real kernel: a client, a node and two endpoints in network namespaces of their own, and real
 * connections between them. The node's rules come from the same model and writer as in the program.
 */
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { RuleOptions } from "#cmd/proxy/services/build-port-rules.ts";
import { buildServiceRules } from "#cmd/proxy/services/build-service-rules.ts";
import { RuleWriter, removeServiceRules } from "#cmd/proxy/services/rule-writer.ts";
import { ruleSetInput, ServiceModel } from "#cmd/proxy/services/service-model.ts";
import { buildFlowTargets, findStaleFlows } from "#cmd/proxy/services/stale-flows.ts";
import type { Service, ServiceSpec } from "#pkg/api/core/v1.ts";
import type { Endpoint, EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { createConntrack } from "#pkg/network/conntrack/conntrack.ts";
import { createIPTables } from "#pkg/network/iptables/iptables.ts";
import { type ChildProcess, systemRunner } from "#pkg/system/exec.ts";
import { CleanupStack } from "../harness/cleanup.ts";

const id = process.pid;
const names = { node: `berth-sp-n-${id}`, client: `berth-sp-c-${id}`, a: `berth-sp-a-${id}`, b: `berth-sp-b-${id}` };
type Place = keyof typeof names;
const enter = (place: Place): [string, string] => ["nsenter", `--net=/run/netns/${names[place]}`];
const run = async (...argv: [string, ...string[]]): Promise<string> => (await systemRunner.run({ argv })).stdout;
const inside = (place: Place, script: string): Promise<string> => run(...enter(place), "sh", "-ec", script);

const addresses = { a: "10.244.0.5", b: "10.244.0.6", client: "192.0.2.9", node: "192.0.2.1" };
const clusterIp = "10.96.0.20";
const rules: RuleOptions = {
  family: "IPv4",
  clusterCidr: "10.244.0.0/16",
  serviceCidrs: ["10.96.0.0/16"],
  masqueradesAll: false,
  masqueradeMark: 0x4000,
  nodePortAddresses: [],
  servesLocalhost: true,
  dropsInvalid: true,
};
const prefix = enter("node");
const iptables = createIPTables({ family: "IPv4", runner: systemRunner, prefix });
const conntrack = createConntrack({ family: "IPv4", runner: systemRunner, prefix });
const cleanup = new CleanupStack();
let writer: RuleWriter;

/** Answers each TCP connection and each datagram on port 8080 with its own name and the address that it sees. */
const echo = `
import socket,sys,threading
def tcp():
  s=socket.socket(); s.setsockopt(socket.SOL_SOCKET,socket.SO_REUSEADDR,1); s.bind(("0.0.0.0",8080)); s.listen(64)
  while True:
    c,peer=s.accept(); c.sendall((sys.argv[1]+" "+peer[0]).encode()); c.close()
threading.Thread(target=tcp,daemon=True).start()
u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.bind(("0.0.0.0",8080))
while True:
  _,peer=u.recvfrom(64); u.sendto((sys.argv[1]+" "+peer[0]).encode(),peer)
`;

/** Prints what the server said each time, or how it failed, a line per request. */
const ask = `
import socket,sys
host,port,kind,own,count=sys.argv[1],int(sys.argv[2]),sys.argv[3],int(sys.argv[4]),int(sys.argv[5])
for _ in range(count):
  s=socket.socket(socket.AF_INET,socket.SOCK_STREAM if kind=="tcp" else socket.SOCK_DGRAM); s.settimeout(1)
  if own: s.bind(("",own))
  try:
    s.connect((host,port))
    if kind=="udp": s.send(b"x")
    print(s.recv(64).decode())
  except socket.timeout: print("timeout")
  except ConnectionRefusedError: print("refused")
`;

interface RequestOptions {
  readonly kind?: "tcp" | "udp";
  /** The client's own port. */
  readonly from?: number;
  readonly count?: number;
}

async function request(from: Place, host: string, port: number, options: RequestOptions = {}): Promise<string> {
  const { kind = "tcp", from: own = 0, count = 1 } = options;
  const args = [host, String(port), kind, String(own), String(count)];
  return (await run(...enter(from), "python3", "-c", ask, ...args)).trim();
}

beforeAll(async () => {
  for (const name of Object.values(names)) {
    await run("ip", "netns", "add", name);
    cleanup.defer(() => run("ip", "netns", "del", name));
  }
  await inside("node", "ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward");
  await inside("node", "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet");
  for (const [place, gateway] of [
    ["a", "10.244.0.1"],
    ["b", "10.244.0.1"],
    ["client", addresses.node],
  ] as const) {
    const link = `v${place}`;
    await run(
      "ip",
      "link",
      "add",
      link,
      "netns",
      names.node,
      "type",
      "veth",
      "peer",
      "name",
      "eth0",
      "netns",
      names[place],
    );
    await inside(place, `ip link set lo up; ip addr add ${addresses[place]}/32 dev eth0; ip link set eth0 up`);
    await inside(place, `ip route add ${gateway} dev eth0; ip route add default via ${gateway}`);
    await inside(
      "node",
      `ip addr add ${gateway}/32 dev ${link}; ip link set ${link} up; ip route add ${addresses[place]} dev ${link}`,
    );
  }
  // As every node has one: a packet to a service is routed before it is translated. Its other end is nowhere.
  await inside("node", "ip link add up0 type veth peer name up1; ip link set up0 up; ip link set up1 up");
  await inside("node", `ip route add default dev up0 src ${addresses.node}`);
  for (const place of ["a", "b"] as const) {
    const [program, net] = enter(place);
    const server: ChildProcess = await systemRunner.spawn({ argv: [program, net, "python3", "-c", echo, place] });
    cleanup.use(server);
    const answersNow = async () => expect(await request(place, "127.0.0.1", 8080)).toContain(place);
    await vi.waitFor(answersNow, { timeout: 10_000 });
  }
});
afterAll(() => cleanup[Symbol.asyncDispose]());
beforeEach(async () => {
  await removeServiceRules(iptables);
  writer = new RuleWriter(iptables);
});

const onNode = (address: string): Endpoint => ({ addresses: [address], nodeName: "node-1" });

async function write(
  spec: ServiceSpec,
  endpoints: readonly Endpoint[],
  protocol: "TCP" | "UDP" = "TCP",
): Promise<ServiceModel> {
  const service: Service = {
    metadata: { namespace: "default", name: "web" },
    spec: { clusterIP: clusterIp, type: "ClusterIP", ports: [{ port: 80, nodePort: 30_080, protocol }], ...spec },
  };
  const slice: EndpointSlice = {
    metadata: { namespace: "default", name: "web-1", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [...endpoints],
    ports: [{ name: "", port: 8080, protocol }],
  };
  const model = new ServiceModel({ nodeName: "node-1", rules });
  model.setService(service);
  model.setSlice(slice);
  await writer.write(buildServiceRules(ruleSetInput(model.ports()), rules));
  return model;
}

/** The names that answered in so many requests. */
async function answers(count: number, from: Place, host: string, port: number): Promise<ReadonlySet<string>> {
  const lines = (await request(from, host, port, { count })).split("\n");
  return new Set(lines.map((line) => line.split(" ")[0] ?? ""));
}

describe("service rules on the kernel", () => {
  const both = [onNode(addresses.a), onNode(addresses.b)];

  test("a cluster IP leads to every endpoint, from pods with their own address", async () => {
    await write({}, both);
    expect(await answers(24, "client", clusterIp, 80)).toEqual(new Set(["a", "b"]));
    await write({}, [onNode(addresses.b)]);
    expect(await request("a", clusterIp, 80)).toBe(`b ${addresses.a}`);
    expect(await request("node", clusterIp, 80)).toMatch(/^b /);
  });

  test("a pod reaches itself through its service", async () => {
    await write({}, [onNode(addresses.a)]);
    expect(await request("a", clusterIp, 80)).toBe("a 10.244.0.1");
  });

  test("a node port masquerades, and keeps the client's address with policy Local", async () => {
    await write({ type: "NodePort" }, [onNode(addresses.a)]);
    expect(await request("client", addresses.node, 30_080)).toBe("a 10.244.0.1");
    expect(await request("node", "127.0.0.1", 30_080)).toBe("a 10.244.0.1");
    await write({ type: "NodePort", externalTrafficPolicy: "Local" }, [onNode(addresses.a)]);
    expect(await request("client", addresses.node, 30_080)).toBe(`a ${addresses.client}`);
  });

  test("no endpoint is refused, none on this node is dropped", async () => {
    await write({ type: "NodePort" }, []);
    expect(await request("client", clusterIp, 80)).toBe("refused");
    expect(await request("node", clusterIp, 80)).toBe("refused");
    expect(await request("client", addresses.node, 30_080)).toBe("refused");
    await write({ internalTrafficPolicy: "Local" }, [{ addresses: [addresses.a], nodeName: "node-2" }]);
    expect(await request("a", clusterIp, 80)).toBe("timeout");
  });

  test("with affinity a client keeps its endpoint", async () => {
    await write({ sessionAffinity: "ClientIP" }, both);
    expect(await answers(12, "client", clusterIp, 80)).toHaveProperty("size", 1);
  });

  test("a UDP flow leaves an endpoint that is gone", async () => {
    const first = await write({}, [onNode(addresses.a)], "UDP");
    expect(await request("client", clusterIp, 80, { kind: "udp", from: 4000 })).toMatch(/^a /);
    const second = await write({}, [onNode(addresses.b)], "UDP");
    expect(await request("client", clusterIp, 80, { kind: "udp", from: 4000 })).toMatch(/^a /);
    const stale = findStaleFlows(await conntrack.listUdp(), buildFlowTargets(second.ports()));
    expect(stale).toEqual([{ destination: clusterIp, port: 80, answeredBy: addresses.a }]);
    expect(findStaleFlows(await conntrack.listUdp(), buildFlowTargets(first.ports()))).toEqual([]);
    for (const flow of stale) await conntrack.deleteUdp(flow);
    expect(await request("client", clusterIp, 80, { kind: "udp", from: 4000 })).toMatch(/^b /);
    await conntrack.deleteUdp({ destination: "10.96.0.99", port: 1, answeredBy: addresses.a });
  });

  test("writes differences, notices a flush, and leaves nothing behind when told to", async () => {
    await inside("node", "iptables -t nat -N KUBE-KUBELET-CANARY 2>/dev/null || true");
    const before = await inside("node", "iptables-save | grep -v '^[#:]' || true");
    await write({ type: "NodePort" }, both);
    expect(await writer.isIntact()).toBe(true);
    await inside("node", "iptables -t nat -F");
    expect(await writer.isIntact()).toBe(false);
    writer.forget();
    await write({ type: "NodePort" }, both);
    expect(await answers(1, "client", addresses.node, 30_080)).not.toContain("timeout");
    // Another run finds chains of services that are gone.
    writer = new RuleWriter(iptables);
    await write({ type: "ClusterIP" }, [onNode(addresses.a)]);
    expect(await iptables.listChains("nat", ["KUBE-EXT-", "KUBE-NP-"])).toEqual([]);
    await removeServiceRules(iptables);
    expect(await inside("node", "iptables-save | grep -v '^[#:]' || true")).toBe(before);
    expect(await iptables.listChains("nat", ["KUBE-"])).toEqual(["KUBE-KUBELET-CANARY"]);
    expect(await iptables.listChains("filter", ["KUBE-"])).toEqual([]);
  });
});
