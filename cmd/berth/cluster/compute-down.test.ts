import { describe, expect, test } from "vitest";
import { computeCleaning, computeStopping, type ObservedCluster } from "./compute-down.ts";
import type { ProcessName } from "./programs.ts";

const process = (name: ProcessName) => ({ name, pid: 1, startTicks: 1, bootId: "b", argv: [], startedMs: 0 });
const nothing: ObservedCluster = {
  processes: [],
  hasContainerd: false,
  shims: [],
  namespaces: [],
  mounts: [],
  hasCgroup: false,
  links: [],
  hasRoutes: false,
  ruleRemovals: { ipv4: "", ipv6: "" },
  ipsets: [],
  folders: [],
};

describe("computeStopping", () => {
  test("ends who would bring pods back before the pods, and the runtime after them", () => {
    const processes = (["containerd", "server", "nodeagent", "proxy", "dns"] as const).map(process);
    const actions = computeStopping({ ...nothing, processes, hasContainerd: true });
    const order = actions.map((action) => (action.kind === "stopProcess" ? action.record.name : action.kind));
    expect(order).toEqual(["nodeagent", "proxy", "dns", "server", "removePods", "containerd"]);
  });

  test("removes pods also when containerd was killed", () => {
    expect(computeStopping({ ...nothing, hasContainerd: true })).toEqual([{ kind: "removePods" }]);
  });

  test("does nothing where nothing is", () => {
    expect(computeStopping(nothing)).toEqual([]);
  });
});

describe("computeCleaning", () => {
  const options = { keepsData: false, dataDir: "/d" };
  const left: ObservedCluster = {
    ...nothing,
    shims: [4],
    namespaces: ["cni-1"],
    mounts: ["/d/a/b", "/d/a"],
    hasCgroup: true,
    links: ["bertha"],
    hasRoutes: true,
    ruleRemovals: { ipv4: "*nat\n", ipv6: "" },
    ipsets: ["BERTH-x"],
    folders: ["/d", "/r"],
  };

  test("takes mounts off from the inside, and removes folders when nothing is mounted there", () => {
    const kinds = computeCleaning(left, options).map(({ kind }) => kind);
    expect(kinds).toEqual([
      "killShims",
      "unmount",
      "unmount",
      "removeNamespace",
      "removeCgroup",
      "removeRules",
      "removeIpset",
      "removeRoutes",
      "removeLink",
      "removeFolder",
      "removeFolder",
    ]);
  });

  test("leaves the data folder when it is to be kept", () => {
    const folders = computeCleaning(left, { ...options, keepsData: true }).filter(
      ({ kind }) => kind === "removeFolder",
    );
    expect(folders).toEqual([{ kind: "removeFolder", folder: "/r" }]);
  });

  test("does nothing where nothing is", () => {
    expect(computeCleaning(nothing, options)).toEqual([]);
  });
});
