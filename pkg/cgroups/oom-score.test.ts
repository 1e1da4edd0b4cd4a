import { describe, expect, test } from "vitest";
import type { Container, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import { oomScoreAdj } from "./oom-score.ts";

const capacity = 8 * 2 ** 30;
const container = (memory?: string, limit?: string): Container => ({
  name: "c",
  resources: {
    ...(memory === undefined ? {} : { requests: { memory, ...(limit ? { cpu: "1" } : {}) } }),
    ...(limit === undefined ? {} : { limits: { memory: limit, cpu: "1" } }),
  },
});
const pod = (spec: PodSpec): Pod => ({ metadata: {}, spec });
const score = (one: Container, spec: Partial<PodSpec> = {}): number =>
  oomScoreAdj(pod({ containers: [one], ...spec }), one, capacity);

describe("oomScoreAdj", () => {
  test.each([
    ["0", 1000],
    ["1", 999],
    ["100Mi", 988],
    ["1Gi", 875],
    ["8Gi", 3],
    ["64Gi", 3],
  ])("a burstable request of %s on an 8 GiB node gives %i", (memory, want) => {
    expect(score(container(memory))).toBe(want);
  });

  test("guaranteed and node-critical pods come last", () => {
    expect(score(container("1Gi", "1Gi"))).toBe(-997);
    expect(score(container(), { priorityClassName: "system-node-critical", priority: 2_000_001_000 })).toBe(-997);
    expect(score(container(), { priorityClassName: "system-node-critical", priority: 5 })).toBe(1000);
  });

  test("a sidecar does not die before the container it serves", () => {
    const main = container("4Gi");
    const sidecar: Container = { name: "s", restartPolicy: "Always" };
    const spec: PodSpec = { containers: [main], initContainers: [sidecar] };
    expect(oomScoreAdj(pod(spec), sidecar, capacity)).toBe(500);
    expect(oomScoreAdj(pod(spec), main, capacity)).toBe(500);
  });
});
