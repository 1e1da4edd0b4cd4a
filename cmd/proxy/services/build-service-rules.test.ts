/** The text of the rules: what people see who look at a node. */
import { describe, expect, test } from "vitest";
import { maxChainName } from "#pkg/network/iptables/ruleset.ts";
import { endpointChain, nodePortBucket, portChain } from "./chain-names.ts";
import { endpoint, nodeName, service, slice, writtenRules } from "./testing/service-fixtures.ts";

const web = service("web", {
  type: "NodePort",
  clusterIP: "10.96.3.20",
  externalIPs: ["198.51.100.7"],
  ports: [{ name: "http", port: 80, nodePort: 30_080 }],
});
const db = service("db", { clusterIP: "10.96.0.9", sessionAffinity: "ClientIP", ports: [{ port: 6379 }] });
const slices = [
  slice(
    "web",
    [endpoint("10.244.0.5", nodeName), endpoint("10.244.1.5", "node-2")],
    [{ name: "http", port: 8080, protocol: "TCP" }],
  ),
  slice("db", [endpoint("10.244.1.6", "node-2")], [{ name: "", port: 6379, protocol: "TCP" }]),
];

describe("buildServiceRules", () => {
  test("leads services to endpoints in two steps", async () => {
    const rules = await writtenRules([web, db], slices);
    const svc = portChain("SVC", "default/web:http", "tcp");
    const ext = portChain("EXT", "default/web:http", "tcp");
    const dbSvc = portChain("SVC", "default/db", "tcp");
    const dbSep = endpointChain("default/db", "tcp", "10.244.1.6:6379");
    const at = (chain: string): string => rules.dump("nat", chain);
    expect(at("KUBE-SERVICES").split("\n")).toEqual([
      "-A KUBE-SERVICES -d 10.96.0.0/16 ! -s 10.244.0.0/16 -j KUBE-MARK-MASQ",
      "-A KUBE-SERVICES -d 10.96.0.0/16 -j KUBE-CLUSTER-IPS",
      "-A KUBE-SERVICES -d 198.51.100.0/24 -j KUBE-IPS-198.51.100.0",
      "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS",
    ]);
    expect(at("KUBE-CLUSTER-IPS").split("\n")).toEqual([
      "-A KUBE-CLUSTER-IPS -d 10.96.0.0/24 -j KUBE-IPS-10.96.0.0",
      "-A KUBE-CLUSTER-IPS -d 10.96.3.0/24 -j KUBE-IPS-10.96.3.0",
    ]);
    expect(at("KUBE-IPS-").split("\n")).toEqual([
      `-A KUBE-IPS-10.96.0.0 -d 10.96.0.9/32 -p tcp --dport 6379 -m comment --comment "default/db cluster IP" -j ${dbSvc}`,
      `-A KUBE-IPS-10.96.3.0 -d 10.96.3.20/32 -p tcp --dport 80 -m comment --comment "default/web:http cluster IP" -j ${svc}`,
      `-A KUBE-IPS-198.51.100.0 -d 198.51.100.7/32 -p tcp --dport 80 -m comment --comment "default/web:http external IP" -j ${ext}`,
    ]);
    expect(at("KUBE-N").split("\n")).toEqual([
      `-A KUBE-NP-TCP-30080 -p tcp --dport 30080 -m comment --comment "default/web:http node port" -j ${ext}`,
      "-A KUBE-NODEPORTS -p tcp --dport 30080:30143 -j KUBE-NP-TCP-30080",
    ]);
    expect(at(svc).split("\n")).toEqual([
      `-A ${svc} -p tcp -m statistic --mode random --probability 0.5000000000 -j DNAT --to-destination 10.244.0.5:8080`,
      `-A ${svc} -p tcp -j DNAT --to-destination 10.244.1.5:8080`,
    ]);
    expect(at(ext).split("\n")).toEqual([`-A ${ext} -j KUBE-MARK-MASQ`, `-A ${ext} -j ${svc}`]);
    expect(at(dbSvc).split("\n")).toEqual([
      `-A ${dbSvc} -m recent --name ${dbSep} --rcheck --seconds 10800 --reap -j ${dbSep}`,
      `-A ${dbSvc} -j ${dbSep}`,
    ]);
    expect(at(dbSep)).toBe(
      `-A ${dbSep} -p tcp -m recent --name ${dbSep} --set -j DNAT --to-destination 10.244.1.6:6379`,
    );
    expect(at("KUBE-LOOP-BACK")).toBe(
      "-A KUBE-LOOP-BACK -s 10.244.0.5/32 -d 10.244.0.5/32 -j MASQUERADE --random-fully",
    );
    expect(at("KUBE-POSTROUTING").split("\n")).toEqual([
      "-A KUBE-POSTROUTING -m conntrack --ctstate DNAT -j KUBE-LOOP-BACK",
      "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
      "-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000",
      "-A KUBE-POSTROUTING -j MASQUERADE --random-fully",
    ]);
  });

  test("refuses what has no endpoint before anything is accepted", async () => {
    const rules = await writtenRules([web], []);
    expect(rules.dump("nat", "KUBE-SVC")).toBe("");
    const text = (what: string, how: string): string =>
      `-p tcp --dport ${how} -m comment --comment "default/web:http ${what}" -j REJECT --reject-with icmp-port-unreachable`;
    expect(rules.dump("filter", "KUBE-SERVICES")).toBe(
      `-A KUBE-SERVICES -d 10.96.3.20/32 ${text("has no endpoints", "80")}`,
    );
    expect(rules.dump("filter", "KUBE-NO-NODEPORTS")).toBe(`-A KUBE-NO-NODEPORTS ${text("has no endpoints", "30080")}`);
    const targets = rules.rules("filter", "FORWARD").map((rule) => rule.at(-1));
    expect(targets.indexOf("KUBE-SERVICES")).toBeLessThan(targets.indexOf("KUBE-FORWARD"));
  });

  test("names of chains are upstream's, and none is too long", () => {
    // As kube-proxy names the chain of this well-known service.
    expect(portChain("SVC", "default/kubernetes:https", "tcp")).toBe("KUBE-SVC-NPX46M4PTMTKRN6Y");
    expect(portChain("SVC", "kube-system/kube-dns:dns", "udp")).toBe("KUBE-SVC-TCOU7JCQXEZGVUNU");
    expect(nodePortBucket("sctp", 32_767).chain.length).toBeLessThanOrEqual(maxChainName);
  });
});
