import { describe, expect, test } from "vitest";
import { ScriptedRunner } from "#pkg/system/testing/scripted-runner.ts";
import { createConntrack, parseUdpFlows } from "./conntrack.ts";

const listed = [
  "udp      17 29 src=10.244.0.9 dst=10.96.0.10 sport=4000 dport=53 src=10.244.1.5 dst=10.244.0.9 sport=5353 dport=4000 [ASSURED] mark=0 use=1",
  "udp      17 29 src=10.244.0.8 dst=10.96.0.10 sport=4001 dport=53 src=10.244.1.5 dst=10.244.0.8 sport=5353 dport=4001 mark=0 use=1",
  "udp      17 11 src=10.244.0.9 dst=10.96.0.11 sport=4002 dport=53 [UNREPLIED] src=10.96.0.11 dst=10.244.0.9 sport=53 dport=4002 mark=0 use=1",
  "udp      17 11 src=fd00::9 dst=fd00:20::a sport=4002 dport=53 [UNREPLIED] src=fd00::5 dst=fd00::9 sport=53 dport=4002 mark=0 use=1",
  "",
].join("\n");

describe("parseUdpFlows", () => {
  test("reads where flows went first and who answers, each once", () => {
    expect(parseUdpFlows(listed)).toEqual([
      { destination: "10.96.0.10", port: 53, answeredBy: "10.244.1.5" },
      { destination: "10.96.0.11", port: 53, answeredBy: "10.96.0.11" },
      { destination: "fd00:20::a", port: 53, answeredBy: "fd00::5" },
    ]);
  });
});

describe("createConntrack", () => {
  const flow = { destination: "10.96.0.10", port: 53, answeredBy: "10.244.1.5" };
  const argv = "conntrack -f ipv4 -p udp -D --orig-dst 10.96.0.10 --dport 53 --reply-src 10.244.1.5".split(" ");

  test("a flow that is gone already is no error", async () => {
    const stderr = "conntrack v1.4.7 (conntrack-tools): 0 flow entries have been deleted.\n";
    using runner = new ScriptedRunner([{ argv, exitCode: 1, stderr }]);
    await createConntrack({ family: "IPv4", runner }).deleteUdp(flow);
  });

  test("other failures are", async () => {
    using runner = new ScriptedRunner([{ argv, exitCode: 1, stderr: "Operation not permitted" }]);
    await expect(createConntrack({ family: "IPv4", runner }).deleteUdp(flow)).rejects.toThrow(/not permitted/);
  });
});
