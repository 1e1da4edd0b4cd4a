import { describe, expect, test } from "vitest";
import type { Container, PodSpec } from "./core/v1.ts";
import {
  formatAmounts,
  isCriticalPod,
  memoryBytes,
  milliCpu,
  podLimits,
  podRequests,
  type QosClass,
  qosClass,
} from "./pod-resources.ts";
import { Quantity } from "./quantity.ts";

type List = Record<string, string>;

function container(name: string, requests?: List, limits?: List, restartPolicy?: "Always"): Container {
  return { name, resources: { requests, limits }, restartPolicy };
}

function pod(spec: Partial<PodSpec>): { spec: PodSpec } {
  return { spec: { containers: [], ...spec } };
}

describe("podRequests", () => {
  test("adds up containers that run side by side", () => {
    const total = podRequests(
      pod({ containers: [container("a", { cpu: "100m", memory: "1Gi" }), container("b", { cpu: "1.5" })] }),
    );
    expect(formatAmounts(total)).toEqual({ cpu: "1600m", memory: "1Gi" });
  });

  test("takes the hungriest init step when it needs more than the running pod", () => {
    const initContainers = [container("i1", { cpu: "2" }), container("i2", { cpu: "1", memory: "3Gi" })];
    const total = podRequests(pod({ initContainers, containers: [container("a", { cpu: "500m", memory: "1Gi" })] }));
    expect(formatAmounts(total)).toEqual({ cpu: "2", memory: "3Gi" });
  });

  test("counts a sidecar beside the containers and beside every later init step", () => {
    const initContainers = [
      container("i1", { cpu: "3" }),
      container("s", { cpu: "1" }, undefined, "Always"),
      container("i2", { cpu: "3" }),
    ];
    expect(milliCpu(podRequests(pod({ initContainers, containers: [container("a", { cpu: "1" })] })))).toBe(4000);
  });

  test("adds overhead unless told not to, and lets pod-level resources decide", () => {
    const one = pod({
      containers: [container("a", { cpu: "1" })],
      overhead: { cpu: "250m" },
      resources: { requests: { cpu: "2" } },
    });
    expect(milliCpu(podRequests(one))).toBe(2250);
    expect(milliCpu(podRequests(one, { excludeOverhead: true }))).toBe(2000);
  });

  test("fills in what a container does not ask for, where the caller wants that", () => {
    const missingRequests = new Map([
      ["cpu", Quantity.parse("100m")],
      ["memory", Quantity.parse("200Mi")],
    ]);
    const total = podRequests(pod({ containers: [container("a"), container("b", { cpu: "1" })] }), { missingRequests });
    expect([milliCpu(total), memoryBytes(total)]).toEqual([1100, 400 * 2 ** 20]);
  });
});

describe("podLimits", () => {
  test("adds up what is limited", () => {
    const total = podLimits(pod({ containers: [container("a", undefined, { memory: "64Mi" }), container("b")] }));
    expect(formatAmounts(total)).toEqual({ memory: "64Mi" });
  });
});

describe("qosClass", () => {
  const full = { cpu: "1", memory: "1Gi" };
  const rows: readonly [string, Partial<PodSpec>, QosClass][] = [
    ["nothing set", { containers: [container("a")] }, "BestEffort"],
    ["only other resources set", { containers: [container("a", { "ephemeral-storage": "1Gi" })] }, "BestEffort"],
    ["limits equal to requests everywhere", { containers: [container("a", full, full)] }, "Guaranteed"],
    ["limits without requests", { containers: [container("a", undefined, full)] }, "Guaranteed"],
    [
      "equal amounts in other words",
      { containers: [container("a", { cpu: "1000m", memory: "1024Mi" }, full)] },
      "Guaranteed",
    ],
    ["requests below limits", { containers: [container("a", { cpu: "500m", memory: "1Gi" }, full)] }, "Burstable"],
    ["one container without limits", { containers: [container("a", full, full), container("b")] }, "Burstable"],
    [
      "an init container without limits",
      { initContainers: [container("i")], containers: [container("a", full, full)] },
      "Burstable",
    ],
    ["only memory limited", { containers: [container("a", undefined, { memory: "1Gi" })] }, "Burstable"],
    [
      "pod-level limits and requests",
      { containers: [container("a")], resources: { requests: full, limits: full } },
      "Guaranteed",
    ],
    [
      "pod-level requests alone",
      { containers: [container("a", full, full)], resources: { requests: full } },
      "Burstable",
    ],
  ];
  test.each(rows)("%s", (_name, spec, want) => {
    expect(qosClass(pod(spec))).toBe(want);
  });
});

describe("isCriticalPod", () => {
  test("system priority, static and mirror pods are critical", () => {
    const spec = { containers: [] };
    expect(isCriticalPod({ metadata: {}, spec: { ...spec, priority: 2_000_000_000 } })).toBe(true);
    expect(isCriticalPod({ metadata: { annotations: { "kubernetes.io/config.source": "file" } }, spec })).toBe(true);
    expect(isCriticalPod({ metadata: { annotations: { "kubernetes.io/config.mirror": "x" } }, spec })).toBe(true);
    expect(
      isCriticalPod({
        metadata: { annotations: { "kubernetes.io/config.source": "api" } },
        spec: { ...spec, priority: 1_000_000_000 },
      }),
    ).toBe(false);
  });
});
