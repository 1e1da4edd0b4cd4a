import { describe, expect, test } from "vitest";
import { containerGraceSeconds, podGraceSeconds } from "./grace-period.ts";
import { container, makePod, run } from "./testing/pod-fixtures.ts";

const probed = container("a", { livenessProbe: { terminationGracePeriodSeconds: 90 } });
const pod = makePod({ terminationGracePeriodSeconds: 20 });
const deleting = makePod({ terminationGracePeriodSeconds: 20 }, { deletionGracePeriodSeconds: 5 });

describe("containerGraceSeconds", () => {
  test("the pod's own, or 30", () => {
    expect(containerGraceSeconds(pod, probed, run("a"), "changed")).toBe(20);
    expect(containerGraceSeconds(makePod(), undefined, run("a"), "changed")).toBe(30);
  });

  test("after a failed probe the probe's, even when it is longer", () => {
    expect(containerGraceSeconds(pod, probed, run("a"), "liveness")).toBe(90);
    expect(containerGraceSeconds(pod, probed, run("a"), "startup")).toBe(20);
  });

  test("that of a deletion wins over all", () => {
    expect(containerGraceSeconds(deleting, probed, run("a"), "liveness")).toBe(5);
  });

  test("without a pod the marks of the container tell", () => {
    const annotations = { "io.kubernetes.pod.terminationGracePeriod": "12" };
    expect(containerGraceSeconds(undefined, undefined, run("a", { annotations }), "podEnding")).toBe(12);
  });
});

describe("podGraceSeconds", () => {
  test("never grows and is at least a second", () => {
    expect(podGraceSeconds(deleting, undefined, undefined)).toBe(5);
    expect(podGraceSeconds(pod, undefined, 5)).toBe(5);
    expect(podGraceSeconds(pod, 60, undefined)).toBe(20);
    expect(podGraceSeconds(pod, 0, undefined)).toBe(1);
  });
});
