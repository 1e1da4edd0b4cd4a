import { describe, expect, test } from "vitest";
import type { Rule } from "../iptables/ruleset.ts";
import { FakeIPTables } from "./fake-iptables.ts";
import { tracePacket } from "./trace.ts";

const packet = { source: "10.0.0.9", destination: "10.0.0.1", protocol: "tcp", port: 80 };
const node = { addresses: ["10.0.0.254"] };

async function filtered(rules: readonly Rule[]): Promise<FakeIPTables> {
  const iptables = new FakeIPTables();
  await iptables.restore([{ table: "filter", chains: [{ name: "FORWARD", rules }] }]);
  return iptables;
}

describe("tracePacket", () => {
  test("the first rule that decides does, and a return leaves the chain only", async () => {
    const iptables = await filtered([]);
    await iptables.restore([
      {
        table: "filter",
        chains: [
          {
            name: "OWN",
            rules: [
              ["-p", "tcp", "-j", "RETURN"],
              ["-j", "DROP"],
            ],
          },
          {
            name: "FORWARD",
            rules: [
              ["-j", "OWN"],
              ["!", "-s", "10.0.0.0/8", "-j", "DROP"],
              ["-d", "10.0.0.1/32", "-j", "REJECT"],
            ],
          },
        ],
      },
    ]);
    expect(tracePacket(iptables, packet, node)).toMatchObject([
      { verdict: "REJECT", rules: ["filter FORWARD: -j OWN", "filter OWN: -p tcp -j RETURN", expect.any(String)] },
    ]);
    expect(tracePacket(iptables, { ...packet, protocol: "udp" }, node)).toMatchObject([{ verdict: "DROP" }]);
  });

  test("follows both ways of a lot, and the sum of all is one", async () => {
    const lot = ["-m", "statistic", "--mode", "random", "--probability", "0.25", "-j", "DROP"];
    const outcomes = tracePacket(await filtered([lot, lot]), packet, node);
    expect(outcomes.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1);
    const dropped = outcomes.filter(({ verdict }) => verdict === "DROP");
    expect(dropped.reduce((sum, { probability }) => sum + probability, 0)).toBeCloseTo(1 - 0.75 ** 2);
  });

  test("does not guess at a match that it does not know", async () => {
    const iptables = await filtered([["-m", "bpf", "--bytecode", "x", "-j", "DROP"]]);
    expect(() => tracePacket(iptables, packet, node)).toThrow(/--bytecode/);
  });
});
