import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { MemoryFiles } from "#pkg/system/testing/memory-files.ts";
import { createPodEnvironment, type PodEnvironmentOptions } from "./pod-environment.ts";
import { makeContainer, makePod } from "./testing/pods.ts";

const addresses = { podIps: ["10.1.0.4"], hostIps: ["192.0.2.7"] };

function open(options: Partial<PodEnvironmentOptions> = {}) {
  const files = new MemoryFiles({ "/etc/resolv.conf": "nameserver 8.8.8.8\n", "/etc/hosts": "127.0.0.1 localhost\n" });
  const events: string[] = [];
  const environment = createPodEnvironment({
    clusterDns: ["10.96.0.10"],
    clusterDomain: "cluster.local",
    resolvConf: "/etc/resolv.conf",
    hostsFile: "/etc/hosts",
    folders: { root: "/agent", podLogs: "/logs" },
    files,
    config: {
      configMap: async (_namespace, name) =>
        name === "a" ? { metadata: { name }, data: { X: "1", "b=d": "2" } } : undefined,
      secret: async (_namespace, name) => (name === "s" ? { metadata: { name }, data: { P: "cMOkc3M=" } } : undefined),
    },
    serviceLister: { services: async () => [] },
    allocatable: () => ({ cpu: "2" }),
    events: { record: (_pod: Pod, _type, reason, message) => events.push(`${reason}: ${message}`) },
    ...options,
  });
  return { environment, files, events };
}

describe("createPodEnvironment", () => {
  test("variables come from the objects they name, secrets decoded", async () => {
    const { environment, events } = open();
    const container = makeContainer({
      envFrom: [{ configMapRef: { name: "a" } }],
      env: [{ name: "P", valueFrom: { secretKeyRef: { name: "s", key: "P" } } }],
    });
    expect(await environment.variables(makePod(), container, addresses)).toEqual([
      { name: "X", value: "1" },
      { name: "P", value: "päss" },
    ]);
    expect(events).toEqual([
      "InvalidEnvironmentVariableNames: Keys [b=d] from the EnvFrom configMap shop/a were skipped since they are considered invalid environment variable names.",
    ]);
  });

  test("command words see the variables", () => {
    const { environment } = open();
    expect(environment.expand(["$(A)", "$(B)"], [{ name: "A", value: "1" }])).toEqual(["1", "$(B)"]);
    expect(environment.expand(undefined, [])).toEqual([]);
  });

  test("the hosts file is written once and mounted", async () => {
    const { environment, files } = open();
    const mount = await environment.hostsMount(makePod(), makeContainer(), addresses);
    expect(mount).toEqual({ containerPath: "/etc/hosts", hostPath: "/agent/pods/0a1b/etc-hosts" });
    expect(await files.readText("/agent/pods/0a1b/etc-hosts")).toContain("10.1.0.4\tweb\n");
    files.failNext("writeAtomic", "Exhausted");
    await expect(environment.hostsMount(makePod(), makeContainer(), addresses)).resolves.toEqual(mount);
  });

  test("a container that mounts its own hosts file gets none", async () => {
    const { environment } = open();
    const container = makeContainer({ volumeMounts: [{ name: "v", mountPath: "/etc/hosts/" }] });
    expect(await environment.hostsMount(makePod(), container, addresses)).toBeUndefined();
  });

  test("in the host's network it is the host's file", async () => {
    const { environment, files } = open();
    await environment.hostsMount(makePod({ hostNetwork: true }), makeContainer(), addresses);
    expect(await files.readText("/agent/pods/0a1b/etc-hosts")).toContain("(host network).\n127.0.0.1 localhost\n");
  });

  test("a node without resolv.conf still gives cluster DNS", async () => {
    const { environment } = open({ resolvConf: "/nowhere" });
    expect(await environment.dnsConfig(makePod())).toMatchObject({ servers: ["10.96.0.10"], options: ["ndots:5"] });
  });
});
