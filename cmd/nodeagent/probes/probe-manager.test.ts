import { describe, expect, test } from "vitest";
import type { Container, ContainerStatus, PodStatus, Probe } from "#pkg/api/core/v1.ts";
import type { ProbeOutcome } from "#pkg/probes/probe.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { makeContainer, makePod } from "../environment/testing/pods.ts";
import { createProbeManager } from "./probe-manager.ts";
import { createRunProbe } from "./run-probe.ts";

const probe = (path: string, rest: Partial<Probe> = {}): Probe => ({ httpGet: { path, port: 80 }, ...rest });

/** A pod with one container, whose probes are told apart by their path. */
function open(container: Partial<Container>, options: { readonly apiStatus?: PodStatus } = {}) {
  const clock = new FakeClock();
  const outcomes: Record<string, ProbeOutcome> = { startup: "success", liveness: "success", readiness: "success" };
  const runs: string[] = [];
  const events: string[] = [];
  const changes: string[] = [];
  const manager = createProbeManager({
    clock,
    random: new SeededRandom(2),
    run: async ({ httpGet }) => {
      const kind = httpGet?.path ?? "";
      runs.push(`${clock.monotonic() / 1000} ${kind}`);
      return { outcome: outcomes[kind] ?? "unknown", output: "said" };
    },
    events: { record: (_pod, _type, reason, message, fieldPath) => events.push(`${reason} ${message} ${fieldPath}`) },
  });
  manager.onChange((uid) => changes.push(`${clock.monotonic() / 1000} ${uid}`));
  const pod = { ...makePod({ containers: [makeContainer(container)] }), status: options.apiStatus };
  const statusWith = (status: Partial<ContainerStatus>): PodStatus => ({
    phase: "Running",
    podIP: "10.1.0.4",
    containerStatuses: [{ name: "app", ready: false, restartCount: 0, image: "", imageID: "", ...status }],
  });
  const running = (id: string, isTerminating = false): void => {
    const state = { running: { startedAt: formatTime(clock.now()) } };
    manager.syncPod({
      pod: pod as never,
      status: statusWith({ containerID: `containerd://${id}`, state }),
      isTerminating,
    });
  };
  const exited = (id: string): void => {
    const state = { terminated: { exitCode: 1 } };
    manager.syncPod({
      pod: pod as never,
      status: statusWith({ containerID: `containerd://${id}`, state }),
      isTerminating: false,
    });
  };
  return {
    clock,
    outcomes,
    runs,
    events,
    changes,
    manager,
    running,
    exited,
    verdicts: (id: string) => manager.verdicts("0a1b", "app", id),
  };
}

describe("createProbeManager", () => {
  test("a container without probes has no verdicts", () => {
    const { running, verdicts } = open({});
    running("c1");
    expect(verdicts("c1")).toEqual({ startup: undefined, liveness: undefined, readiness: undefined });
  });

  test("before the first probe the verdicts are the initial ones", () => {
    const { running, verdicts } = open({
      startupProbe: probe("startup"),
      livenessProbe: probe("liveness"),
      readinessProbe: probe("readiness"),
    });
    running("c1");
    expect(verdicts("c1")).toEqual({ startup: "unknown", liveness: "success", readiness: "failure" });
  });

  test("readiness is probed as soon as the container runs, then once per period", async () => {
    const { clock, running, runs, changes, verdicts } = open({
      readinessProbe: probe("readiness", { periodSeconds: 5 }),
    });
    await clock.advance(3_000);
    running("c1");
    await clock.advance(11_000);
    expect(runs).toEqual(["3 readiness", "8 readiness", "13 readiness"]);
    expect(changes).toEqual(["3 0a1b"]);
    expect(verdicts("c1").readiness).toBe("success");
  });

  test("the initial delay counts from the container's start", async () => {
    const { clock, running, runs } = open({ readinessProbe: probe("readiness", { initialDelaySeconds: 4 }) });
    running("c1");
    running("c1");
    await clock.advance(5_000);
    expect(runs).toEqual(["4 readiness"]);
  });

  test("nothing but the startup probe runs until it succeeds; readiness follows at once, liveness in its turn", async () => {
    const { clock, outcomes, running, runs } = open({
      startupProbe: probe("startup", { periodSeconds: 2, failureThreshold: 10 }),
      livenessProbe: probe("liveness", { periodSeconds: 60 }),
      readinessProbe: probe("readiness", { periodSeconds: 60 }),
    });
    outcomes["startup"] = "failure";
    running("c1");
    await clock.advance(5_000);
    expect(runs).toEqual(["0 startup", "2 startup", "4 startup"]);
    outcomes["startup"] = "success";
    await clock.advance(55_500);
    expect(runs.slice(3)).toEqual(["6 startup", "6 readiness", "60 liveness"]);
  });

  test("liveness fails after its threshold, tells why, and holds until there is a new container", async () => {
    const { clock, outcomes, running, exited, runs, events, changes, verdicts } = open({
      livenessProbe: probe("liveness", { periodSeconds: 1, failureThreshold: 2 }),
    });
    outcomes["liveness"] = "failure";
    running("c1");
    await clock.advance(5_500);
    expect(runs).toHaveLength(2);
    expect(events).toEqual(Array(2).fill("Unhealthy Liveness probe failed: said spec.containers{app}"));
    expect(changes).toHaveLength(1);
    expect(verdicts("c1").liveness).toBe("failure");
    exited("c1");
    running("c2");
    expect(verdicts("c2").liveness).toBe("success");
    await clock.advance(100);
    expect(runs).toHaveLength(3);
  });

  test("a container that has ended is not ready", async () => {
    const { clock, running, exited, verdicts, runs } = open({
      readinessProbe: probe("readiness", { periodSeconds: 1 }),
    });
    running("c1");
    await clock.advance(100);
    exited("c1");
    expect(verdicts("c1").readiness).toBe("failure");
    await clock.advance(10_000);
    expect(runs).toHaveLength(1);
  });

  test("a probe that cannot be carried out is tried three times and changes nothing", async () => {
    const { clock, outcomes, running, runs, events, verdicts } = open({ readinessProbe: probe("readiness") });
    running("c1");
    await clock.advance(100);
    outcomes["readiness"] = "unknown";
    await clock.advance(10_000);
    expect(runs).toHaveLength(4);
    expect(events).toEqual(["Unhealthy Readiness probe errored: said spec.containers{app}"]);
    expect(verdicts("c1").readiness).toBe("success");
  });

  test("a warning is an event, and success", async () => {
    const { clock, outcomes, running, events, verdicts } = open({ readinessProbe: probe("readiness") });
    outcomes["readiness"] = "warning";
    running("c1");
    await clock.advance(100);
    expect(events).toEqual(["ProbeWarning Readiness probe warning: said spec.containers{app}"]);
    expect(verdicts("c1").readiness).toBe("success");
  });

  test("of a pod that ends only readiness is probed", async () => {
    const { clock, running, runs } = open({
      livenessProbe: probe("liveness", { periodSeconds: 1 }),
      readinessProbe: probe("readiness", { periodSeconds: 1 }),
    });
    running("c1");
    await clock.advance(100);
    running("c1", true);
    await clock.advance(2_000);
    expect(runs.filter((run) => run.endsWith("liveness"))).toHaveLength(1);
    expect(runs.filter((run) => run.endsWith("readiness"))).toHaveLength(3);
  });

  test("verdicts go on after a restart of the agent, for the same container only", () => {
    const apiStatus: PodStatus = {
      containerStatuses: [
        {
          name: "app",
          containerID: "containerd://c1",
          ready: true,
          started: true,
          restartCount: 0,
          image: "",
          imageID: "",
          state: { running: {} },
        },
      ],
    };
    const probes = { startupProbe: probe("startup"), readinessProbe: probe("readiness") };
    const same = open(probes, { apiStatus });
    same.running("c1");
    expect(same.verdicts("c1")).toMatchObject({ startup: "success", readiness: "success" });
    const other = open(probes, { apiStatus });
    other.running("c2");
    expect(other.verdicts("c2")).toMatchObject({ startup: "unknown", readiness: "failure" });
  });

  test("a removed pod is not probed any more", async () => {
    const { clock, running, runs, manager } = open({ readinessProbe: probe("readiness", { periodSeconds: 1 }) });
    running("c1");
    manager.removePod("0a1b");
    await clock.advance(5_000);
    expect(runs).toEqual([]);
    expect(clock.waiting).toBe(0);
  });
});

describe("createRunProbe", () => {
  const calls: unknown[] = [];
  const run = createRunProbe({
    runtime: {
      execSync: async (id, command, timeout) => {
        calls.push([id, command, timeout]);
        return { exitCode: 3, stdout: Buffer.from("out"), stderr: Buffer.from("err") };
      },
    },
    probeGrpc: async ({ host, port, service }) => ({ outcome: "success", output: `${host}:${port}/${service}` }),
    userAgent: "kube-probe/1.36",
  });
  const target = {
    container: makeContainer({ env: [{ name: "A", value: "1" }] }),
    containerId: "c1",
    podIp: "10.1.0.4",
  };

  test("exec runs in the container, with the container's own variables", async () => {
    const result = await run({ exec: { command: ["check", "$(A)", "$(B)"] }, timeoutSeconds: 2 }, target);
    expect(result).toEqual({ outcome: "failure", output: "outerr" });
    expect(calls).toEqual([["c1", ["check", "1", "$(B)"], 2]]);
  });

  test("grpc goes to the pod", async () => {
    expect(await run({ grpc: { port: 9, service: "s" } }, target)).toEqual({
      outcome: "success",
      output: "10.1.0.4:9/s",
    });
  });

  test("a port nobody named, and a probe without a handler, are unknown", async () => {
    expect(await run({ tcpSocket: { port: "http" } }, target)).toMatchObject({ outcome: "unknown" });
    expect(await run({}, target)).toMatchObject({ outcome: "unknown" });
  });
});
