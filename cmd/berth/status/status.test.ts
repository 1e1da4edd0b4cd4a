import { describe, expect, test } from "vitest";
import type { Node, Pod } from "#pkg/api/core/v1.ts";
import { computeStatus, formatStatus } from "./status.ts";

const server = { name: "server", pid: 7, startTicks: 1, bootId: "b", argv: [], startedMs: 1000 } as const;
const node = (status: string) =>
  ({ metadata: { name: "n" }, status: { conditions: [{ type: "Ready", status }] } }) as unknown as Node;
const pod = (phase: string) => ({ metadata: { name: "p" }, status: { phase } }) as unknown as Pod;

describe("computeStatus", () => {
  test("lists every process, also those that do not run, and counts pods by phase", () => {
    const found = computeStatus(
      [server],
      { nodes: [node("True")], pods: ["Running", "Running", "Pending"].map(pod) },
      6000,
    );
    expect(found.processes.find(({ name }) => name === "server")).toEqual({
      name: "server",
      pid: 7,
      runningSeconds: 5,
    });
    expect(found.processes.find(({ name }) => name === "dns")).toEqual({ name: "dns" });
    expect(found.nodes).toEqual([{ name: "n", isReady: true }]);
    expect(found.pods).toEqual({ Running: 2, Pending: 1 });
  });
});

describe("formatStatus", () => {
  test("says why the API cannot be asked", () => {
    const found = computeStatus([], { nodes: [], pods: [], apiError: "refused" }, 0);
    const text = formatStatus({ name: "a", dataDir: "/d", kubeconfig: "/d/k", ...found });
    expect(text).toMatch(/the API does not answer: refused/);
    expect(text).toMatch(/server +stopped/);
  });
});
