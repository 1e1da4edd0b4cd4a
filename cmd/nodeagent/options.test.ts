import { describe, expect, test } from "vitest";
import { parseKubeletConfiguration } from "./kubelet-configuration.ts";
import { combineOptions, evictionReserve, parseFlags } from "./options.ts";
import { parseDurationMs } from "./parse-duration.ts";

const required = ["--kubeconfig", "k"];
const header = "apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\n";
const options = (flags: readonly string[], file = "") =>
  combineOptions(parseFlags([...required, ...flags]), file ? parseKubeletConfiguration(header + file, "f.yaml") : {});

describe("combineOptions", () => {
  test("defaults are kubelet's", () => {
    expect(options([])).toMatchObject({
      port: 10_250,
      maxPods: 110,
      clusterDomain: "cluster.local",
      rootDir: "/var/lib/kubelet",
      leaseDurationSeconds: 40,
      statusUpdateMs: 10_000,
      maxCrashBackoffMs: 300_000,
      cpuPeriodUs: 100_000,
      enforcesAllocatable: true,
      anonymousAuth: false,
    });
  });

  test("the file wins over defaults, flags win over the file", () => {
    const file =
      "port: 1\nmaxPods: 5\nclusterDNS: [10.0.0.10]\nsystemReserved: {cpu: 500m, memory: 1Gi}\nkubeReserved: {cpu: 100m}\n";
    expect(options(["--port", "2", "--cluster-dns", "10.0.0.11"], file)).toMatchObject({
      port: 2,
      maxPods: 5,
      clusterDns: ["10.0.0.11"],
      reserved: { milliCpu: 600, memoryBytes: 2 ** 30, diskBytes: 0 },
    });
  });

  test("images are pulled one by one only when asked to", () => {
    expect(options([]).maxParallelPulls).toBe(5);
    expect(options([], "serializeImagePulls: true").maxParallelPulls).toBe(1);
    expect(options([], "maxParallelImagePulls: 3").maxParallelPulls).toBe(3);
  });

  test("labels and taints", () => {
    const found = options(["--node-labels", "a=b,c=", "--register-with-taints", "k=v:NoSchedule,k2:NoExecute"]);
    expect(found.labels).toEqual({ a: "b", c: "" });
    expect(found.taints).toEqual([
      { key: "k", value: "v", effect: "NoSchedule" },
      { key: "k2", effect: "NoExecute" },
    ]);
  });

  test.each([
    [["--port", "x"], "--port"],
    [["--node-ip", "1.2.3"], "--node-ip"],
    [["--register-with-taints", "k:Never"], "--register-with-taints"],
    [["--no-such-flag"], "no-such-flag"],
  ])("%j is refused and named", (flags, named) => {
    expect(() => options(flags)).toThrow(named);
  });
});

describe("parseKubeletConfiguration", () => {
  test.each([
    ["maxPods: many", "f.yaml: maxPods"],
    ["noSuchSetting: 1", "f.yaml: noSuchSetting"],
    ["nodeStatusUpdateFrequency: soon", "nodeStatusUpdateFrequency"],
    ["systemReserved: {cpu: lots}", "systemReserved"],
  ])("%s is refused and named", (text, named) => {
    expect(() => parseKubeletConfiguration(header + text, "f.yaml")).toThrow(named);
  });

  test("another kind is refused; null is as if it were not there", () => {
    expect(() => parseKubeletConfiguration("kind: Pod\napiVersion: v1\n", "f")).toThrow("KubeletConfiguration");
    expect(parseKubeletConfiguration(`${header}maxPods: null\n`, "f")).toEqual({});
  });
});

test("evictionReserve takes amounts and shares", () => {
  const capacity = { memoryBytes: 1000 * 2 ** 20, diskBytes: 5000 };
  const thresholds = { "memory.available": "100Mi", "nodefs.available": "10%" };
  expect(evictionReserve(thresholds, capacity)).toEqual({ memoryBytes: 100 * 2 ** 20, diskBytes: 500 });
});

test.each([
  ["10s", 10_000],
  ["1m30s", 90_000],
  ["500ms", 500],
  ["1.5h", 5_400_000],
  ["0", 0],
  ["10", undefined],
  ["", undefined],
])("parseDurationMs(%j) is %j", (text, ms) => {
  expect(parseDurationMs(text)).toBe(ms);
});
