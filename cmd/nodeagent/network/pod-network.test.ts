import { beforeEach, describe, expect, test } from "vitest";
import type { CniAnswer } from "#pkg/network/cni/cni-types.ts";
import type { PodLinks } from "#pkg/network/link/pod-link.ts";
import { hostLinkName } from "#pkg/network/link/pod-link.ts";
import { FakeIPTables } from "#pkg/network/testing/fake-iptables.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { MemoryFiles } from "#pkg/system/testing/memory-files.ts";
import { buildPodRules } from "./host-ports.ts";
import { computeRoutes, diffRoutes } from "./node-routes.ts";
import { PodNetwork } from "./pod-network.ts";

class FakeLinks implements PodLinks {
  readonly wires = new Map<string, string>();
  failNext = false;
  async attach({ attachment, address }: { attachment: string; address: string }) {
    if (this.failNext) {
      this.failNext = false;
      throw new BerthError("Internal", "no more links");
    }
    this.wires.set(attachment, address);
    return { hostLink: hostLinkName(attachment), hostMac: "02:00:00:00:00:01", podMac: "02:00:00:00:00:02" };
  }
  async detach(attachment: string): Promise<void> {
    this.wires.delete(attachment);
  }
  async check({ attachment }: { attachment: string }): Promise<void> {
    if (!this.wires.has(attachment)) throw new BerthError("NotFound", "no wire");
  }
  async raiseLoopback(): Promise<void> {}
  async list(): Promise<readonly string[]> {
    return [...this.wires.keys()].map(hostLinkName);
  }
}

let links: FakeLinks;
let files: MemoryFiles;
let network: PodNetwork;
let changes: number;
const open = (): PodNetwork =>
  new PodNetwork({
    links,
    files,
    clock: new FakeClock(),
    log: silentLogger,
    journalFile: "/run/berth/network.json",
    mtu: 1500,
    onChange: async () => void changes++,
  });

beforeEach(async () => {
  [links, files, changes] = [new FakeLinks(), new MemoryFiles(), 0];
  network = open();
  await network.setPodCidr("10.244.1.0/24");
});

const config = { cniVersion: "1.0.0", name: "berth", type: "berth-cni" };
function call(
  command: string,
  container: string,
  more: Record<string, unknown> = {},
  env: Record<string, string> = {},
): Promise<CniAnswer> {
  return network.answer({
    plugin: "berth-cni",
    env: {
      CNI_COMMAND: command,
      CNI_CONTAINERID: container,
      CNI_NETNS: `/run/netns/${container}`,
      CNI_IFNAME: "eth0",
      ...env,
    },
    stdin: JSON.stringify({ ...config, ...more }),
  });
}
const parsed = (answer: CniAnswer): { code?: number; msg?: string; ips?: { address: string }[] } =>
  answer.stdout ? (JSON.parse(answer.stdout) as object) : {};
// With containerd's capitals.
const port = (hostPort: number, hostIP = "") => ({
  runtimeConfig: { portMappings: [{ HostPort: hostPort, ContainerPort: 80, Protocol: "tcp", HostIP: hostIP }] },
});

describe("PodNetwork", () => {
  test("ADD gives an address and a default route; DEL takes both back, twice if need be", async () => {
    const added = await call("ADD", "c1");
    expect(added.exitCode).toBe(0);
    expect(parsed(added)).toMatchObject({
      cniVersion: "1.0.0",
      ips: [{ address: "10.244.1.2/32", gateway: "169.254.1.1" }],
      routes: [{ dst: "0.0.0.0/0" }],
    });
    expect((await call("CHECK", "c1")).exitCode).toBe(0);
    for (let round = 0; round < 2; round++)
      expect(await call("DEL", "c1", {}, { CNI_NETNS: "" })).toEqual({ exitCode: 0, stdout: "" });
    expect(links.wires.size).toBe(0);
    expect(parsed(await call("CHECK", "c1")).code).toBe(3);
  });

  test("what an agent knew, the next one knows", async () => {
    const first = parsed(await call("ADD", "c1")).ips?.[0]?.address;
    network = open();
    await network.setPodCidr("10.244.1.0/24");
    expect(parsed(await call("ADD", "c2")).ips?.[0]?.address).not.toBe(first);
    expect((await call("CHECK", "c1")).exitCode).toBe(0);
  });

  test("an ADD that fails leaves nothing behind", async () => {
    links.failNext = true;
    expect((await call("ADD", "c1")).exitCode).toBe(1);
    expect(network.attachments()).toEqual([]);
    expect((await call("ADD", "c1")).exitCode).toBe(0);
  });

  test("a host port belongs to one pod", async () => {
    expect((await call("ADD", "c1", port(8080))).exitCode).toBe(0);
    expect(parsed(await call("ADD", "c2", port(8080)))).toMatchObject({
      code: 100,
      msg: expect.stringContaining("8080/tcp") as string,
    });
    expect((await call("ADD", "c3", port(8081, "10.0.0.1"))).exitCode).toBe(0);
    expect((await call("ADD", "c4", port(8081, "10.0.0.2"))).exitCode).toBe(0);
    await call("DEL", "c1");
    expect((await call("ADD", "c2", port(8080))).exitCode).toBe(0);
  });

  test("many at once get different addresses", async () => {
    const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => call("ADD", `c${index}`)));
    expect(new Set(answers.map((answer) => parsed(answer).ips?.[0]?.address)).size).toBe(50);
  });

  test("before the node has a range, ADD says try again and STATUS not available", async () => {
    network = open();
    expect(parsed(await call("ADD", "c1")).code).toBe(11);
    expect(parsed(await call("STATUS", "")).code).toBe(50);
  });

  test("GC and collect take back what is gone", async () => {
    for (const name of ["a", "b", "c"]) await call("ADD", name);
    await call("GC", "", {
      "cni.dev/valid-attachments": [
        { containerID: "a", ifname: "eth0" },
        { containerID: "b", ifname: "eth0" },
      ],
    });
    expect([...links.wires.keys()]).toEqual(["a/eth0", "b/eth0"]);
    expect(await network.collect((id) => id === "a")).toEqual(["b/eth0"]);
  });

  test.each([
    ["an unknown command", { CNI_COMMAND: "DANCE" }, {}, 4],
    ["no container", { CNI_CONTAINERID: "" }, {}, 4],
    ["a bad interface name", { CNI_IFNAME: "a/b" }, {}, 4],
    ["no namespace", { CNI_NETNS: "" }, {}, 4],
    ["another version", {}, { cniVersion: "9.0.0" }, 1],
    ["a configuration without a name", {}, { name: "" }, 7],
  ])("refuses %s with the specification's code", async (_name, env, more, code) => {
    expect(parsed(await call("ADD", "c1", more, env as Record<string, string>)).code).toBe(code);
  });

  test("a damaged journal is set aside, not fatal", async () => {
    await call("ADD", "c1");
    await files.writeAtomic("/run/berth/network.json", "{");
    network = open();
    await network.setPodCidr("10.244.1.0/24");
    expect((await call("ADD", "c2")).exitCode).toBe(0);
    expect((await files.list("/run/berth")).some((name) => name.includes("damaged"))).toBe(true);
  });
});

describe("buildPodRules", () => {
  test("leads host ports to pods, and masquerades only what leaves the cluster", async () => {
    const iptables = new FakeIPTables();
    const attachments = [
      {
        netns: "/n",
        ifname: "eth0",
        address: "10.244.1.2",
        portMappings: [{ hostPort: 8080, containerPort: 80, protocol: "tcp" as const }],
      },
    ];
    await iptables.restore(buildPodRules({ attachments, clusterCidrs: ["10.244.0.0/16"], podCidr: "10.244.1.0/24" }));
    expect(iptables.dump("nat", "BERTH")).toBe(
      [
        "-A BERTH-HOSTPORT -p tcp --dport 8080 -j DNAT --to-destination 10.244.1.2:80",
        "-A BERTH-MASQ -s 10.244.1.2/32 -d 10.244.1.2/32 -p tcp --dport 80 -j MASQUERADE",
        "-A BERTH-MASQ -s 127.0.0.1/32 -d 10.244.1.2/32 -p tcp --dport 80 -j MASQUERADE",
        "-A BERTH-MASQ ! -s 10.244.1.0/24 -j RETURN",
        "-A BERTH-MASQ -d 10.244.0.0/16 -j RETURN",
        "-A BERTH-MASQ -d 224.0.0.0/4 -j RETURN",
        "-A BERTH-MASQ -j MASQUERADE --random-fully",
      ].join("\n"),
    );
  });
});

describe("node routes", () => {
  const node = (name: string, cidr: string, address: string) => ({
    metadata: { name },
    spec: { podCIDR: cidr, podCIDRs: [cidr] },
    status: { addresses: [{ type: "InternalIP" as const, address }] },
  });

  test("lead to every other node that has a range and an address", () => {
    const nodes = [
      node("a", "10.244.0.0/24", "10.0.0.1"),
      node("b", "10.244.1.0/24", "10.0.0.2"),
      { metadata: { name: "c" }, spec: {} },
    ];
    expect(computeRoutes(nodes, "a")).toEqual([{ destination: "10.244.1.0/24", via: "10.0.0.2" }]);
  });

  test("only differences are written", () => {
    const present = [
      { destination: "a/24", via: "1" },
      { destination: "b/24", via: "2" },
    ];
    const wanted = [
      { destination: "a/24", via: "1" },
      { destination: "c/24", via: "3" },
    ];
    expect(diffRoutes(present, wanted)).toEqual(["route del b/24 proto 196", "route replace c/24 via 3 proto 196"]);
    expect(diffRoutes(wanted, wanted)).toEqual([]);
  });
});
