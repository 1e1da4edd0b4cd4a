/** The wire of a pod in real network namespaces: a node and two pods that ping each other through it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createPodLinks, type PodLinks, type PodWire } from "#pkg/network/link/pod-link.ts";
import { systemRunner } from "#pkg/system/exec.ts";

const id = process.pid;
const node = `berth-test-n-${id}`;
const pods = [`berth-test-a-${id}`, `berth-test-b-${id}`] as const;
const path = (name: string): string => `/run/netns/${name}`;
const run = async (...argv: [string, ...string[]]): Promise<string> => (await systemRunner.run({ argv })).stdout;
let links: PodLinks;

beforeEach(async () => {
  for (const name of [node, ...pods]) await run("ip", "netns", "add", name);
  await run(
    "nsenter",
    `--net=${path(node)}`,
    "sh",
    "-c",
    "ip link set lo up; echo 1 > /proc/sys/net/ipv4/ip_forward; ip addr add 10.0.0.1/32 dev lo",
  );
  links = createPodLinks({ runner: systemRunner, prefix: ["nsenter", `--net=${path(node)}`] });
});
afterEach(async () => {
  for (const name of [node, ...pods]) await run("ip", "netns", "del", name);
});

const wire = (name: string, address: string): PodWire => ({
  attachment: `${name}/eth0`,
  netns: path(name),
  ifname: "eth0",
  address,
  mtu: 1500,
});
const reaches = async (from: string, address: string): Promise<boolean> => {
  const probe = `import socket,sys\ns=socket.socket();s.settimeout(2)\nsys.exit(0 if s.connect_ex(("${address}",9))==111 else 1)`;
  // A refused connection proves that packets go there and back.
  return systemRunner.run({ argv: ["nsenter", `--net=${path(from)}`, "python3", "-c", probe] }).then(
    () => true,
    () => false,
  );
};

describe("createPodLinks", () => {
  test("wires pods to the node and, through it, to each other", async () => {
    await links.attach(wire(pods[0], "10.244.0.5"));
    await links.attach(wire(pods[1], "10.244.0.6"));
    expect(await reaches(pods[0], "10.244.0.6")).toBe(true);
    expect(await reaches(pods[1], "10.0.0.1")).toBe(true);
    expect(await reaches(node, "10.244.0.5")).toBe(true);
    expect(await reaches(pods[0], "127.0.0.1")).toBe(true);
    await links.check(wire(pods[0], "10.244.0.5"));
    expect(await links.list()).toHaveLength(2);
  });

  test("refuses an interface that is there, and undoes what was half done", async () => {
    await links.attach(wire(pods[0], "10.244.0.5"));
    await expect(links.attach({ ...wire(pods[0], "10.244.0.6"), attachment: "other/eth0" })).rejects.toMatchObject({
      code: "AlreadyExists",
    });
    await expect(links.attach({ ...wire(pods[1], "not-an-address") })).rejects.toThrow();
    expect(await links.list()).toHaveLength(1);
  });

  test("detaching is harmless when done twice, or when the pod is gone", async () => {
    await links.attach(wire(pods[0], "10.244.0.5"));
    await links.detach(`${pods[0]}/eth0`);
    await links.detach(`${pods[0]}/eth0`);
    expect(await links.list()).toEqual([]);
    await expect(links.check(wire(pods[0], "10.244.0.5"))).rejects.toMatchObject({ code: "NotFound" });
  });
});
