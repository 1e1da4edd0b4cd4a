/**
 * The wire of a pod: a veth pair, one end in the pod with its /32 address, the other on the node with a route to it. No
 * bridge: packets between pods of a node are routed, so that one set of rules sees them all.
 *
 *   pod:  eth0 10.244.1.5/32, default via 169.254.1.1, whose MAC is the node end's
 *   node: berth… (no address), route 10.244.1.5/32 dev berth…
 */
import { createHash } from "node:crypto";
import { BerthError, messageOf } from "#pkg/system/errors.ts";
import { CommandError, type CommandRunner } from "#pkg/system/exec.ts";

export interface PodWire {
  /** "container ID/interface" */
  readonly attachment: string;
  readonly netns: string;
  readonly ifname: string;
  readonly address: string;
  readonly mtu: number;
}

export interface WiredLink {
  readonly hostLink: string;
  readonly hostMac: string;
  readonly podMac: string;
}

export interface PodLinks {
  /** Throws "AlreadyExists" when the pod has such an interface. What was half done is undone. */
  attach(wire: PodWire): Promise<WiredLink>;
  /** Idempotent; works without the pod's namespace. */
  detach(attachment: string): Promise<void>;
  /** Throws "NotFound" saying what is missing. */
  check(wire: PodWire): Promise<void>;
  /** Brings the loopback interface of a namespace up. */
  raiseLoopback(netns: string): Promise<void>;
  /** Attachments that have a wire on this node, by their host links. */
  list(): Promise<readonly string[]>;
}

/** Link-local, so that it can never be a pod or a node; every pod sees it as its gateway. */
export const gatewayAddress = "169.254.1.1";

const linkPrefix = "berth";

/** 15 characters are all that the kernel takes. */
export function hostLinkName(attachment: string): string {
  return linkPrefix + createHash("sha256").update(attachment).digest("hex").slice(0, 10);
}

/** Locally administered addresses that follow from the attachment, so that they need not be asked for. */
export function macOf(attachment: string, end: "host" | "pod"): string {
  const bytes = createHash("sha256").update(`${end} ${attachment}`).digest().subarray(0, 6);
  bytes[0] = ((bytes[0] ?? 0) & 0xfc) | 0x02;
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(":");
}

export interface PodLinksOptions {
  readonly runner: CommandRunner;
  /** Put in front of commands on the node's side, e.g. `["nsenter", "--net=/run/netns/node-a"]`. */
  readonly prefix?: readonly string[];
}

export function createPodLinks({ runner, prefix = [] }: PodLinksOptions): PodLinks {
  const run = async (argv: readonly string[], stdin?: string): Promise<string> => {
    const [first = "", ...rest] = argv;
    return (await runner.run({ argv: [first, ...rest], ...(stdin === undefined ? {} : { stdin }) })).stdout;
  };
  const onNode = (lines: readonly string[]): Promise<string> =>
    run([...prefix, "ip", "-batch", "-"], `${lines.join("\n")}\n`);
  // nsenter, not `ip netns exec`: that would mount /sys anew.
  const inPod = (netns: string, lines: readonly string[]): Promise<string> =>
    run(["nsenter", `--net=${netns}`, "ip", "-batch", "-"], `${lines.join("\n")}\n`);

  async function detach(attachment: string): Promise<void> {
    try {
      await onNode([`link del ${hostLinkName(attachment)}`]);
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  return {
    detach,
    async attach(wire) {
      const { hostMac, podMac, hostLink } = describeWire(wire.attachment);
      try {
        await onNode([
          `link add ${hostLink} address ${hostMac} mtu ${wire.mtu} type veth peer name ${wire.ifname} address ${podMac} mtu ${wire.mtu} netns ${wire.netns}`,
          `link set ${hostLink} up`,
        ]);
      } catch (error) {
        if (/File exists/.test(messageOf(error)))
          throw new BerthError("AlreadyExists", `the pod has an interface ${wire.ifname} already`, { cause: error });
        throw error;
      }
      try {
        await inPod(wire.netns, podSide(wire, hostMac));
        await onNode([`route replace ${wire.address}/32 dev ${hostLink}`]);
      } catch (error) {
        await detach(wire.attachment);
        throw error;
      }
      return { hostLink, hostMac, podMac };
    },
    async check(wire) {
      try {
        const shown = await run(["nsenter", `--net=${wire.netns}`, "ip", "-j", "addr", "show", "dev", wire.ifname]);
        if (!shown.includes(`"${wire.address}"`))
          throw new BerthError("NotFound", `${wire.ifname} does not have the address ${wire.address}`);
        await run([...prefix, "ip", "-j", "link", "show", "dev", hostLinkName(wire.attachment)]);
      } catch (error) {
        throw error instanceof BerthError && error.code === "NotFound"
          ? error
          : new BerthError("NotFound", messageOf(error), { cause: error });
      }
    },
    async raiseLoopback(netns) {
      await inPod(netns, ["link set lo up"]);
    },
    async list() {
      const links = JSON.parse((await run([...prefix, "ip", "-j", "link", "show", "type", "veth"])) || "[]") as {
        ifname?: string;
      }[];
      return links.flatMap(({ ifname }) => (ifname?.startsWith(linkPrefix) ? ifname : []));
    },
  };
}

function describeWire(attachment: string): WiredLink {
  return { hostLink: hostLinkName(attachment), hostMac: macOf(attachment, "host"), podMac: macOf(attachment, "pod") };
}

/** Commands inside the pod. The gateway's MAC is told, so that nobody has to answer for an address that is nowhere. */
export function podSide({ ifname, address }: PodWire, hostMac: string): readonly string[] {
  return [
    "link set lo up",
    `addr add ${address}/32 dev ${ifname}`,
    `link set ${ifname} up`,
    `neigh replace ${gatewayAddress} lladdr ${hostMac} dev ${ifname} nud permanent`,
    `route add ${gatewayAddress} dev ${ifname} scope link`,
    `route add default via ${gatewayAddress} dev ${ifname}`,
  ];
}

function isMissing(error: unknown): boolean {
  return error instanceof CommandError && /Cannot find device|does not exist/.test(error.stderr);
}
