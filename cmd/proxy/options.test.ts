import { describe, expect, test } from "vitest";
import { parseKubeProxyConfiguration } from "./kube-proxy-configuration.ts";
import { combineProxyOptions, parseProxyFlags } from "./options.ts";

const header = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n";
const parse = (text: string) => parseKubeProxyConfiguration(header + text, "proxy.yaml");
const flags = (...argv: string[]) => parseProxyFlags(argv, "1.0.0");

describe("parseKubeProxyConfiguration", () => {
  test("reads what it knows; null is as good as nothing", () => {
    const text =
      'clusterCIDR: "10.0.0.0/8"\niptables:\n  masqueradeAll: true\n  syncPeriod: 1m0s\nnodePortAddresses: null\n';
    expect(parse(text)).toEqual({
      clusterCIDR: "10.0.0.0/8",
      iptables: { masqueradeAll: true, syncPeriod: "1m0s" },
    });
  });

  test.each([
    ["bogus: 1", /proxy\.yaml: bogus: this proxy has no such setting/],
    ["iptables:\n  bogus: 1", /iptables\.bogus: this proxy has no such setting/],
    ["mode: ipvs", /mode: "ipvs" is not a value/],
    ["iptables:\n  syncPeriod: soon", /iptables\.syncPeriod/],
    ["iptables: 3", /iptables: 3/],
    ["nodePortAddresses: [here]", /nodePortAddresses/],
    ["constructor: 1", /constructor: this proxy/],
  ])("refuses %j and names it", (text, message) => {
    expect(() => parse(text)).toThrow(message);
  });

  test("refuses other kinds", () => {
    expect(() => parseKubeProxyConfiguration("kind: Pod\n", "f")).toThrow(/apiVersion and kind/);
  });
});

describe("combineProxyOptions", () => {
  test("flags go before the file, the file before defaults", () => {
    const file = parse(
      "hostnameOverride: From-File\nclusterCIDR: 10.1.0.0/16\nclientConnection:\n  kubeconfig: /k\nmetricsBindAddress: ''\n",
    );
    const options = combineProxyOptions(flags("--cluster-cidr", "10.2.0.0/16,fd00::/64"), file);
    expect(options).toMatchObject({
      kubeconfigFile: "/k",
      nodeName: "from-file",
      clusterCidrs: ["10.2.0.0/16", "fd00::/64"],
      serviceCidrs: ["10.96.0.0/16"],
      masqueradeMark: 0x4000,
      healthAddress: { host: "0.0.0.0", port: 10_256 },
      metricsAddress: undefined,
      syncMs: 30_000,
    });
  });

  test("an address in the file may leave the usual port out, but must be one", () => {
    const at = (healthzBindAddress: string) =>
      combineProxyOptions(flags("--kubeconfig", "/k"), { healthzBindAddress }).healthAddress;
    expect(at("127.0.0.1")).toEqual({ host: "127.0.0.1", port: 10_256 });
    expect(at("[::1]:1")).toEqual({ host: "::1", port: 1 });
    expect(() => at("here")).toThrow(expect.objectContaining({ code: "Invalid" }));
  });

  test("without a way to the API server it says so", () => {
    expect(() => combineProxyOptions(flags(), {})).toThrow(/--kubeconfig/);
  });

  test.each([["--cluster-cidr", "10.0.0.0"], ["--healthz-bind-address", "nowhere:1"], ["--bogus"]])(
    "refuses %s %s",
    (...argv) => {
      expect(() => flags(...(argv as string[]))).toThrow(expect.objectContaining({ code: "Invalid" }));
    },
  );
});
