import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decideProbe,
  initialProbeState,
  nextProbeState,
  type ProbeDecision,
  type ProbedContainer,
  type ProbeGate,
  type ProbeState,
} from "./next-probe-state.ts";
import type { ProbeKind, ProbeOutcome } from "./probe.ts";

const thresholds = { successThreshold: 1, failureThreshold: 3 };
const run = (kind: ProbeKind, outcomes: readonly ProbeOutcome[], limits = thresholds): ProbeState =>
  outcomes.reduce((state, outcome) => nextProbeState(kind, limits, state, outcome), initialProbeState(kind, "c1"));

describe("nextProbeState", () => {
  test("starts from upstream's initial verdicts", () => {
    const kinds: readonly ProbeKind[] = ["startup", "liveness", "readiness"];
    expect(kinds.map((kind) => initialProbeState(kind, "c1").verdict)).toEqual(["unknown", "success", "failure"]);
  });

  test("fails after failureThreshold failures in a row, not before", () => {
    expect(run("liveness", ["failure", "failure"]).verdict).toBe("success");
    expect(run("liveness", ["failure", "failure", "failure"]).verdict).toBe("failure");
    expect(run("liveness", ["failure", "failure", "success", "failure", "failure"]).verdict).toBe("success");
  });

  test("readiness succeeds after successThreshold successes and never holds", () => {
    const slow = { successThreshold: 2, failureThreshold: 1 };
    expect(run("readiness", ["success"], slow).verdict).toBe("failure");
    expect(run("readiness", ["success", "warning"], slow)).toMatchObject({ verdict: "success", onHold: false });
    expect(run("readiness", ["success", "success", "failure"], slow)).toMatchObject({
      verdict: "failure",
      onHold: false,
    });
  });

  test("liveness holds after a failed verdict, startup after any", () => {
    expect(run("liveness", ["success"]).onHold).toBe(false);
    expect(run("liveness", ["failure", "failure", "failure"]).onHold).toBe(true);
    expect(run("startup", ["success"])).toMatchObject({ verdict: "success", onHold: true });
    expect(run("startup", ["failure", "failure", "failure"])).toMatchObject({ verdict: "failure", onHold: true });
  });

  test("an outcome that could not be had changes nothing", () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ProbeKind>("startup", "liveness", "readiness"),
        fc.array(fc.constantFrom<ProbeOutcome>("success", "failure", "warning")),
        (kind, outcomes) => {
          const state = run(kind, outcomes);
          expect(nextProbeState(kind, thresholds, state, "unknown")).toEqual(state);
        },
      ),
    );
  });

  test("the verdict is always that of the last run that was long enough", () => {
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom<ProbeOutcome>("success", "failure"), { maxLength: 30 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        (outcomes, ok, bad) => {
          const limits = { successThreshold: ok, failureThreshold: bad };
          let want: string = "failure";
          let length = 0;
          outcomes.forEach((outcome, index) => {
            length = outcome === outcomes[index - 1] ? length + 1 : 1;
            if (length >= (outcome === "success" ? ok : bad)) want = outcome;
          });
          expect(run("readiness", outcomes, limits).verdict).toBe(want);
        },
      ),
    );
  });
});

describe("decideProbe", () => {
  const running: ProbedContainer = { id: "c1", state: "running", startedAtMs: 1000, started: true, isFinal: false };
  const gate: ProbeGate = { container: running, podIsTerminating: false, podIsFinished: false, initialDelayMs: 0 };
  const rows: readonly [
    string,
    ProbeKind,
    Partial<ProbeGate>,
    Partial<ProbedContainer> | undefined,
    ProbeDecision["kind"],
  ][] = [
    ["a started container is probed for readiness", "readiness", {}, {}, "probe"],
    ["a started container is probed for liveness", "liveness", {}, {}, "probe"],
    ["a started container needs no startup probe", "startup", {}, {}, "wait"],
    ["before startup only the startup probe runs", "startup", {}, { started: false }, "probe"],
    ["before startup liveness waits", "liveness", {}, { started: false }, "wait"],
    ["the initial delay counts from the container's start", "liveness", { initialDelayMs: 1001 }, {}, "wait"],
    ["the initial delay passes", "liveness", { initialDelayMs: 1000 }, {}, "probe"],
    ["a container that was not created yet waits", "readiness", {}, { id: "" }, "wait"],
    ["a container between two runs is not ready", "readiness", {}, { state: "waiting" }, "notRunning"],
    ["a container that ended and will restart is not ready", "readiness", {}, { state: "terminated" }, "notRunning"],
    [
      "a container that ended for good stops the worker",
      "readiness",
      {},
      { state: "terminated", isFinal: true },
      "stop",
    ],
    ["readiness goes on while the pod terminates", "readiness", { podIsTerminating: true }, {}, "probe"],
    ["liveness stops when the pod terminates", "liveness", { podIsTerminating: true }, {}, "stop"],
    ["startup stops when the pod terminates", "startup", { podIsTerminating: true }, { started: false }, "stop"],
    ["a finished pod stops every worker", "readiness", { podIsFinished: true }, {}, "stop"],
  ];
  test.each(rows)("%s", (_name, kind, gateChange, containerChange, want) => {
    const container = { ...running, ...containerChange };
    expect(decideProbe(kind, { ...gate, container, ...gateChange }, initialProbeState(kind, "c1"), 2000).kind).toBe(
      want,
    );
  });

  test("a held probe waits for a new container", () => {
    expect(decideProbe("liveness", gate, { ...initialProbeState("liveness", "c1"), onHold: true }, 2000).kind).toBe(
      "wait",
    );
    expect(
      decideProbe("liveness", { ...gate, container: undefined }, initialProbeState("liveness", ""), 2000).kind,
    ).toBe("wait");
  });
});
