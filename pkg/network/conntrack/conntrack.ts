/** The kernel's connection table behind a port, as far as UDP flows to services need it; through conntrack(8). */
import { CommandError, type CommandRunner } from "#pkg/system/exec.ts";
import type { IpFamily } from "../iptables/ruleset.ts";

/** Where a flow was sent to, and who answers it: its real destination after translation. */
export interface UdpFlow {
  readonly destination: string;
  readonly port: number;
  readonly answeredBy: string;
}

export interface Conntrack {
  readonly family: IpFamily;
  /** Without repeats: many clients may have the same flow. */
  listUdp(): Promise<readonly UdpFlow[]>;
  /** Forgets such flows of all clients; none is no error. */
  deleteUdp(flow: UdpFlow): Promise<void>;
}

export interface ConntrackOptions {
  readonly family: IpFamily;
  readonly runner: CommandRunner;
  /** Put in front of each command. */
  readonly prefix?: readonly string[];
}

export function createConntrack({ family, runner, prefix = [] }: ConntrackOptions): Conntrack {
  const base = ["conntrack", "-f", family === "IPv4" ? "ipv4" : "ipv6", "-p", "udp"];
  const run = async (...args: readonly string[]): Promise<string> => {
    const [first = "", ...rest] = [...prefix, ...base, ...args];
    try {
      return (await runner.run({ argv: [first, ...rest], timeoutMs: 30_000 })).stdout;
    } catch (error) {
      if (error instanceof CommandError && /0 flow entries/.test(error.stderr)) return "";
      throw error;
    }
  };
  return {
    family,
    listUdp: async () => parseUdpFlows(await run("-L")),
    async deleteUdp({ destination, port, answeredBy }) {
      await run("-D", "--orig-dst", destination, "--dport", String(port), "--reply-src", answeredBy);
    },
  };
}

/** Lines of `conntrack -L`: each has the addresses of the first packet, then those of the answer. */
export function parseUdpFlows(text: string): readonly UdpFlow[] {
  const flows = new Map<string, UdpFlow>();
  for (const line of text.split("\n")) {
    const [, original] = [...line.matchAll(/\bdst=(\S+)/g)].map((match) => match[1]).toReversed();
    const answeredBy = [...line.matchAll(/\bsrc=(\S+)/g)][1]?.[1];
    const port = /\bdport=(\d+)/.exec(line)?.[1];
    if (original === undefined || answeredBy === undefined || port === undefined) continue;
    const flow = { destination: original, port: Number(port), answeredBy };
    flows.set(`${original} ${port} ${answeredBy}`, flow);
  }
  return [...flows.values()];
}
