/** A connection table in memory. */
import type { Conntrack, UdpFlow } from "../conntrack/conntrack.ts";
import type { IpFamily } from "../iptables/ruleset.ts";

export class FakeConntrack implements Conntrack {
  readonly family: IpFamily;
  flows: readonly UdpFlow[];

  constructor(flows: readonly UdpFlow[] = [], family: IpFamily = "IPv4") {
    this.flows = flows;
    this.family = family;
  }

  async listUdp(): Promise<readonly UdpFlow[]> {
    return this.flows;
  }

  async deleteUdp({ destination, port, answeredBy }: UdpFlow): Promise<void> {
    this.flows = this.flows.filter(
      (flow) => flow.destination !== destination || flow.port !== port || flow.answeredBy !== answeredBy,
    );
  }
}
