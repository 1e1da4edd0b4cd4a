import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Pod, PodStatus } from "#pkg/api/core/v1.ts";
import { generatePodStatus, type PodStatusInput } from "./generate-pod-status.ts";
import type { ContainerVerdicts } from "./ports.ts";
import { container, exited, makePod, observe, run, sandbox, sidecar, startMs } from "./testing/pod-fixtures.ts";

const noVerdicts: ContainerVerdicts = { startup: undefined, liveness: undefined, readiness: undefined };

function status(input: Partial<PodStatusInput> = {}): PodStatus {
  return generatePodStatus({
    pod: makePod(),
    observed: observe(),
    previous: {},
    problems: new Map(),
    verdictsOf: () => noVerdicts,
    isEnding: false,
    hostIps: ["192.0.2.1"],
    runtimeName: "containerd",
    nowMs: startMs,
    ...input,
  });
}

const of = (type: string, from: PodStatus) => from.conditions?.find((condition) => condition.type === type);
const never = makePod({ restartPolicy: "Never" });
const withInit = makePod({ initContainers: [container("i")] });
const withSidecar = makePod({ initContainers: [sidecar("s")], restartPolicy: "Never" });

describe("phase", () => {
  const cases: readonly (readonly [string, Partial<PodStatusInput>, PodStatus["phase"]])[] = [
    ["nothing is there yet", { observed: observe([], []) }, "Pending"],
    ["an init container runs", { pod: withInit, observed: observe([run("i")]) }, "Pending"],
    ["an init container failed and is tried again", { pod: withInit, observed: observe([exited("i", 1)]) }, "Pending"],
    [
      "an init container failed for good",
      {
        pod: makePod({ initContainers: [container("i")], restartPolicy: "Never" }),
        observed: observe([exited("i", 1)]),
      },
      "Failed",
    ],
    [
      "a sidecar runs and the main container is to come",
      { pod: withSidecar, observed: observe([run("s")]) },
      "Pending",
    ],
    ["a container runs", { observed: observe([run("a")]) }, "Running"],
    ["it ended and will run again", { observed: observe([exited("a", 1)]) }, "Running"],
    [
      "it waits for its back-off",
      {
        observed: observe([exited("a", 1)]),
        problems: new Map([["a", { reason: "CrashLoopBackOff", message: "back-off" }]]),
      },
      "Running",
    ],
    ["it succeeded for good", { pod: never, observed: observe([exited("a", 0)]) }, "Succeeded"],
    ["it failed for good", { pod: never, observed: observe([exited("a", 1)]) }, "Failed"],
    [
      "one still runs",
      {
        pod: makePod({ restartPolicy: "Never", containers: [container("a"), container("b")] }),
        observed: observe([run("b"), exited("a", 1)]),
      },
      "Running",
    ],
    ["it ends although it would run again", { observed: observe([exited("a", 0)]), isEnding: true }, "Succeeded"],
    [
      "a sidecar that ended badly does not count",
      { pod: withSidecar, observed: observe([exited("a", 0), exited("s", 1)]), isEnding: true },
      "Succeeded",
    ],
    ["a final phase stays", { observed: observe([run("a")]), previous: { phase: "Failed" } }, "Failed"],
    [
      "the node ended it",
      { observed: observe([run("a")]), verdict: { phase: "Failed", reason: "DeadlineExceeded", message: "late" } },
      "Failed",
    ],
    ["its image does not come", { problems: new Map([["a", { reason: "ErrImagePull", message: "no" }]]) }, "Pending"],
  ];
  test.each(cases)("%s", (_name, input, phase) => {
    expect(status(input).phase).toBe(phase);
  });
});

describe("conditions", () => {
  test("a pod whose containers are ready is ready", () => {
    const found = status({ observed: observe([run("a")]) });
    const types = ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"];
    expect(types.map((type) => of(type, found)?.status)).toEqual(["True", "True", "True", "True", "True"]);
    expect(of("Ready", found)).toMatchObject({ observedGeneration: 1, lastTransitionTime: "2026-01-01T00:00:00Z" });
  });

  test("containers that are not ready are named", () => {
    const pod = makePod({ containers: [container("a"), container("b")], initContainers: [container("i")] });
    const found = status({ pod, observed: observe([]) });
    expect(of("Ready", found)).toMatchObject({
      status: "False",
      reason: "ContainersNotReady",
      message: "containers with unready status: [a b]",
    });
    expect(of("Initialized", found)).toMatchObject({
      status: "False",
      reason: "ContainersNotInitialized",
      message: "containers with incomplete status: [i]",
    });
  });

  test("a readiness gate that nobody opened keeps the pod from being ready, not its containers", () => {
    const pod = makePod({ readinessGates: [{ conditionType: "example.com/lb" }] });
    const found = status({ pod, observed: observe([run("a")]) });
    expect([of("ContainersReady", found)?.status, of("Ready", found)?.reason]).toEqual([
      "True",
      "ReadinessGatesNotReady",
    ]);
    const opened = { conditions: [{ type: "example.com/lb", status: "True" }] };
    const later = status({ pod, observed: observe([run("a")]), previous: opened });
    expect(of("Ready", later)?.status).toBe("True");
    expect(of("example.com/lb", later)).toEqual(opened.conditions[0]);
  });

  test("the time of a change stays until the next change", () => {
    const first = status({ observed: observe([run("a")]) });
    const second = status({ observed: observe([run("a")]), previous: first, nowMs: startMs + 60_000 });
    expect(second).toEqual(first);
    const third = status({ observed: observe([exited("a", 1)]), previous: second, nowMs: startMs + 60_000 });
    expect(of("Ready", third)).toMatchObject({ status: "False", lastTransitionTime: "2026-01-01T00:01:00Z" });
  });
});

describe("container statuses", () => {
  const first = (from: PodStatus) => from.containerStatuses?.[0];

  test("before it starts it waits, after init containers as PodInitializing", () => {
    expect(first(status())?.state).toEqual({ waiting: { reason: "ContainerCreating" } });
    expect(first(status({ pod: withInit }))?.state).toEqual({ waiting: { reason: "PodInitializing" } });
  });

  test("one that runs says where and since when", () => {
    expect(
      first(
        status({ observed: observe([run("a", { restartCount: 2 }), exited("a", 3, { restartCount: 1, id: "old" })]) }),
      ),
    ).toMatchObject({
      state: { running: { startedAt: "2026-01-01T00:00:02Z" } },
      lastState: { terminated: { exitCode: 3, reason: "Error", containerID: "containerd://old" } },
      containerID: "containerd://a-2",
      restartCount: 2,
      ready: true,
      started: true,
      imageID: "sha256:1",
    });
  });

  test("a problem of the last sync is why it waits; the run that ended becomes the last state", () => {
    const problems = new Map([["a", { reason: "CrashLoopBackOff", message: "back-off 10s" }]]);
    expect(first(status({ observed: observe([exited("a", 1)]), problems }))).toMatchObject({
      state: { waiting: { reason: "CrashLoopBackOff", message: "back-off 10s" } },
      lastState: { terminated: { exitCode: 1 } },
      ready: false,
    });
  });

  test("a problem is not shown once the container is not to start again", () => {
    const problems = new Map([["a", { reason: "CrashLoopBackOff", message: "" }]]);
    expect(
      first(status({ pod: never, observed: observe([exited("a", 1)]), problems }))?.state?.terminated?.exitCode,
    ).toBe(1);
  });

  test("readiness follows the probes", () => {
    const at = (verdicts: Partial<ContainerVerdicts>) => {
      const found = first(
        status({ observed: observe([run("a")]), verdictsOf: () => ({ ...noVerdicts, ...verdicts }) }),
      );
      return [found?.started, found?.ready];
    };
    expect(at({ startup: "unknown", readiness: "success" })).toEqual([false, false]);
    expect(at({ startup: "success", readiness: "failure" })).toEqual([true, false]);
    expect(at({ startup: "success", readiness: "success" })).toEqual([true, true]);
  });

  test("a container that was running and is lost counts as a restart", () => {
    const previous = status({ observed: observe([run("a")]) });
    expect(first(status({ previous }))).toMatchObject({
      state: { waiting: {} },
      lastState: { terminated: { reason: "ContainerStatusUnknown", exitCode: 137 } },
      restartCount: 1,
    });
  });

  test("an end that the runtime has forgotten is remembered", () => {
    const previous = status({ pod: never, observed: observe([exited("a", 0)]) });
    expect(first(status({ pod: never, previous }))?.state?.terminated?.exitCode).toBe(0);
  });

  test("an init container that is done is ready", () => {
    const found = status({ pod: withInit, observed: observe([run("a"), exited("i", 0)]) });
    expect(found.initContainerStatuses?.[0]).toMatchObject({ ready: true, state: { terminated: { exitCode: 0 } } });
  });

  test("messages of all containers together stay within 12 KiB", () => {
    const pod = makePod({ restartPolicy: "Never", containers: ["a", "b", "c", "d"].map((name) => container(name)) });
    const runs = ["a", "b", "c", "d"].map((name) => exited(name, 1, { message: "x".repeat(4096) }));
    const lengths = status({ pod, observed: observe(runs) }).containerStatuses?.map(
      ({ state }) => state?.terminated?.message?.length ?? 0,
    );
    expect(lengths?.reduce((sum, length) => sum + length, 0)).toBeLessThanOrEqual(12 * 1024);
    expect(Math.min(...(lengths ?? []))).toBeGreaterThan(3000);
  });
});

describe("generatePodStatus", () => {
  test("addresses: the host's in its network, the sandbox's else, and kept when the sandbox is gone", () => {
    expect(status({ observed: observe([run("a")]) })).toMatchObject({ podIP: "192.0.2.1", hostIP: "192.0.2.1" });
    const pod: Pod = makePod({ hostNetwork: false });
    const found = status({
      pod,
      observed: observe([], [sandbox({ isHostNetwork: false, ips: ["10.0.0.1", "fd00::1"] })]),
    });
    expect(found.podIPs).toEqual([{ ip: "10.0.0.1" }, { ip: "fd00::1" }]);
    expect(status({ pod, observed: observe([], []), previous: found }).podIP).toBe("10.0.0.1");
  });

  test("the same observation again changes nothing, whatever was observed", () => {
    const runs = fc.array(
      fc.record({
        name: fc.constantFrom("a", "b", "i"),
        code: fc.constantFrom(0, 1),
        isRunning: fc.boolean(),
        restartCount: fc.nat(3),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(
        runs,
        fc.constantFrom("Always" as const, "OnFailure" as const, "Never" as const),
        (list, restartPolicy) => {
          const pod = makePod({
            restartPolicy,
            initContainers: [container("i")],
            containers: [container("a"), container("b")],
          });
          const observed = observe(
            list.map(({ name, code, isRunning, restartCount }) =>
              isRunning ? run(name, { restartCount }) : exited(name, code, { restartCount }),
            ),
          );
          const once = status({ pod, observed });
          expect(status({ pod, observed, previous: once, nowMs: startMs + 5000 })).toEqual(once);
        },
      ),
    );
  });
});
