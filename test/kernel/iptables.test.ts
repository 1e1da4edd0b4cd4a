/** The iptables port on the real tool, in a network namespace of its own. */
import { afterAll, beforeAll } from "vitest";
import { createIPTables } from "#pkg/network/iptables/iptables.ts";
import { iptablesSuite } from "#pkg/network/testing/iptables-suite.ts";
import { systemRunner } from "#pkg/system/exec.ts";

const namespace = `berth-test-ipt-${process.pid}`;
beforeAll(async () => {
  await systemRunner.run({ argv: ["ip", "netns", "add", namespace] });
});
afterAll(async () => {
  await systemRunner.run({ argv: ["ip", "netns", "del", namespace] });
});

iptablesSuite("iptables", async () =>
  createIPTables({ family: "IPv4", runner: systemRunner, prefix: ["nsenter", `--net=/run/netns/${namespace}`] }),
);
