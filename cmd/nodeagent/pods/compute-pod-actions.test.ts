import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Pod } from "#pkg/api/core/v1.ts";
import { computePodActions } from "./compute-pod-actions.ts";
import type { CrashBackoff } from "./crash-backoff.ts";
import type { ObservedContainer, ObservedPod } from "./observed-pod.ts";
import type { PodAction, VerdictsOf } from "./pod-action.ts";
import type { ContainerVerdicts } from "./ports.ts";
import { container, exited, makePod, observe, run, sandbox, sidecar, startMs } from "./testing/pod-fixtures.ts";

const noVerdicts: ContainerVerdicts = { startup: undefined, liveness: undefined, readiness: undefined };

/** One line per action, as the tables have it. */
function brief(action: PodAction): string {
  switch (action.kind) {
    case "killPod":
      return "killPod";
    case "killContainer":
      return `kill ${action.name} (${action.reason})`;
    case "removeContainer":
      return `remove ${action.name}`;
    case "createSandbox":
      return `sandbox ${action.attempt}`;
    case "startContainer":
      return `start ${action.name}`;
    case "backOff":
      return `wait ${action.name} ${(action.untilMs - startMs) / 1000}s`;
  }
}

interface Case {
  readonly name: string;
  readonly pod?: Pod;
  readonly observed: ObservedPod;
  readonly verdicts?: Readonly<Record<string, Partial<ContainerVerdicts>>>;
  readonly backoffs?: Readonly<Record<string, CrashBackoff>>;
  readonly nowMs?: number;
  readonly actions: readonly string[];
}

function compute({ pod = makePod(), observed, verdicts = {}, backoffs = {}, nowMs = startMs + 1000 }: Case): string[] {
  const verdictsOf: VerdictsOf = (name) => ({ ...noVerdicts, ...verdicts[name] });
  const known = new Map(Object.entries(backoffs));
  return computePodActions({ pod, observed, nowMs, backoffs: known, verdictsOf }).map(brief);
}

const withInit = (...initContainers: ReturnType<typeof container>[]) => makePod({ initContainers });
const never = (pod: Pod): Pod => ({ ...pod, spec: { ...pod.spec, restartPolicy: "Never" } });
const onFailure = (pod: Pod): Pod => ({ ...pod, spec: { ...pod.spec, restartPolicy: "OnFailure" } });
const two = makePod({ containers: [container("a"), container("b")] });

const sandboxCases: readonly Case[] = [
  { name: "a new pod gets a sandbox and its containers", observed: observe([], []), actions: ["sandbox 0", "start a"] },
  {
    name: "a sandbox that is not ready is replaced, and everything starts anew",
    observed: observe([exited("a", 137)], [sandbox({ isReady: false, attempt: 2 })]),
    actions: ["killPod", "sandbox 3", "start a"],
  },
  {
    name: "two ready sandboxes are one too many",
    observed: observe([run("a")], [sandbox({ id: "s1", attempt: 1 }), sandbox()]),
    actions: ["killPod", "sandbox 2", "start a"],
  },
  {
    name: "a sandbox in another network is replaced",
    observed: observe([run("a")], [sandbox({ isHostNetwork: false, ips: ["10.0.0.1"] })]),
    actions: ["killPod", "sandbox 1", "start a"],
  },
  {
    name: "a sandbox without an address is replaced",
    pod: makePod({ hostNetwork: false }),
    observed: observe([run("a")], [sandbox({ isHostNetwork: false })]),
    actions: ["killPod", "sandbox 1", "start a"],
  },
  {
    name: "with a new sandbox the init phase begins anew",
    pod: withInit(container("i"), container("j")),
    observed: observe([run("a"), exited("j", 0), exited("i", 0)], [sandbox({ isReady: false })]),
    actions: ["killPod", "sandbox 1", "start i"],
  },
  {
    name: "policy Never: no second sandbox",
    pod: never(makePod()),
    observed: observe([exited("a", 1)], [sandbox({ isReady: false })]),
    actions: ["killPod"],
  },
  {
    name: "policy Never: a sandbox that died before anything ran is replaced",
    pod: never(makePod()),
    observed: observe([], [sandbox({ isReady: false })]),
    actions: ["killPod", "sandbox 1", "start a"],
  },
  {
    name: "policy OnFailure: in a new sandbox only what has not succeeded runs",
    pod: onFailure(two),
    observed: observe([exited("a", 0), exited("b", 1)], [sandbox({ isReady: false })]),
    actions: ["killPod", "sandbox 1", "start b"],
  },
  {
    name: "policy OnFailure: nothing is left to run in a new sandbox",
    pod: onFailure(makePod()),
    observed: observe([exited("a", 0)], [sandbox({ isReady: false })]),
    actions: ["killPod"],
  },
];

const mainCases: readonly Case[] = [
  { name: "all runs: nothing to do", observed: observe([run("a")]), actions: [] },
  { name: "a missing container starts", pod: two, observed: observe([run("a")]), actions: ["start b"] },
  {
    name: "one that was made but not started starts",
    observed: observe([run("a", { state: "created" })]),
    actions: ["start a"],
  },
  { name: "Always: success starts again", observed: observe([exited("a", 0)]), actions: ["start a"] },
  {
    name: "OnFailure: success ends the pod",
    pod: onFailure(makePod()),
    observed: observe([exited("a", 0)]),
    actions: ["killPod"],
  },
  {
    name: "OnFailure: failure starts again",
    pod: onFailure(makePod()),
    observed: observe([exited("a", 2)]),
    actions: ["start a"],
  },
  {
    name: "Never: failure ends the pod",
    pod: never(makePod()),
    observed: observe([exited("a", 2)]),
    actions: ["killPod"],
  },
  { name: "Never: the others go on", pod: never(two), observed: observe([run("b"), exited("a", 2)]), actions: [] },
  {
    name: "an unknown state is killed before it starts again",
    observed: observe([run("a", { state: "unknown" })]),
    actions: ["kill a (unknown)", "start a"],
  },
  {
    name: "a changed image is replaced, also under policy Never",
    pod: never(makePod({ containers: [container("a", { image: "img:2" })] })),
    observed: observe([run("a")]),
    actions: ["kill a (changed)", "start a"],
  },
  {
    name: "a failed liveness probe restarts",
    observed: observe([run("a")]),
    verdicts: { a: { liveness: "failure" } },
    actions: ["kill a (liveness)", "start a"],
  },
  {
    name: "a failed startup probe under policy Never ends the container for good",
    pod: never(two),
    observed: observe([run("b"), run("a")]),
    verdicts: { a: { startup: "failure" } },
    actions: ["kill a (startup)"],
  },
  {
    name: "a container's own policy wins over the pod's",
    pod: never(makePod({ containers: [container("a", { restartPolicy: "OnFailure" })] })),
    observed: observe([exited("a", 1)]),
    actions: ["start a"],
  },
  {
    name: "a rule wins over all policies",
    pod: never(
      makePod({
        containers: [
          container("a", { restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [42] } }] }),
        ],
      }),
    ),
    observed: observe([exited("a", 42)]),
    actions: ["start a"],
  },
  {
    name: "a rule may ask to begin the whole pod anew, its container last",
    pod: makePod({
      initContainers: [container("i")],
      containers: [
        container("a", {
          restartPolicyRules: [{ action: "RestartAllContainers", exitCodes: { operator: "NotIn", values: [0] } }],
        }),
        container("b"),
      ],
    }),
    observed: observe([run("b"), exited("a", 1), exited("i", 0)]),
    actions: ["kill b (restartAll)", "remove b", "remove i", "remove a"],
  },
  {
    name: "an ephemeral container starts once, beside the others",
    pod: makePod({ ephemeralContainers: [container("d"), container("e")] }),
    observed: observe([exited("d", 1), run("a")]),
    actions: ["start e"],
  },
];

const backoffCases: readonly Case[] = [
  {
    name: "the first restart comes at once",
    observed: observe([exited("a", 1)]),
    actions: ["start a"],
  },
  {
    name: "the second waits from the end of the last run",
    observed: observe([exited("a", 1, { restartCount: 1, finishedAtMs: startMs })]),
    backoffs: { a: { delayMs: 10_000, updatedAtMs: startMs - 1000 } },
    actions: ["wait a 10s"],
  },
  {
    name: "and starts when the time has come",
    observed: observe([exited("a", 1, { restartCount: 1, finishedAtMs: startMs })]),
    backoffs: { a: { delayMs: 10_000, updatedAtMs: startMs - 1000 } },
    nowMs: startMs + 10_000,
    actions: ["start a"],
  },
  {
    name: "a run that ended ten minutes after the last restart begins anew",
    observed: observe([exited("a", 1, { finishedAtMs: startMs })]),
    backoffs: { a: { delayMs: 300_000, updatedAtMs: startMs - 600_001 } },
    actions: ["start a"],
  },
  {
    name: "one that keeps failing its liveness probe is killed now and waits too",
    observed: observe([run("a", { restartCount: 1 }), exited("a", 137, { finishedAtMs: startMs })]),
    verdicts: { a: { liveness: "failure" } },
    backoffs: { a: { delayMs: 20_000, updatedAtMs: startMs - 1000 } },
    actions: ["kill a (liveness)", "wait a 20s"],
  },
  {
    name: "init containers wait as well",
    pod: withInit(container("i")),
    observed: observe([exited("i", 1, { finishedAtMs: startMs })]),
    backoffs: { i: { delayMs: 10_000, updatedAtMs: startMs } },
    actions: ["wait i 10s"],
  },
];

const initPod = withInit(container("i"), container("j"));
const mixed = withInit(container("i"), sidecar("s"), container("j"));
const initCases: readonly Case[] = [
  {
    name: "the first starts in a new sandbox",
    pod: initPod,
    observed: observe([], []),
    actions: ["sandbox 0", "start i"],
  },
  { name: "the first starts in a sandbox that is there", pod: initPod, observed: observe(), actions: ["start i"] },
  { name: "while it runs nothing else does", pod: initPod, observed: observe([run("i")]), actions: [] },
  { name: "then the second", pod: initPod, observed: observe([exited("i", 0)]), actions: ["start j"] },
  {
    name: "after the last the main containers start",
    pod: initPod,
    observed: observe([exited("j", 0), exited("i", 0)]),
    actions: ["start a"],
  },
  {
    name: "also when the runtime has forgotten the earlier ones",
    pod: initPod,
    observed: observe([exited("j", 0)]),
    actions: ["start a"],
  },
  {
    name: "once a main container was there no init container runs again",
    pod: initPod,
    observed: observe([run("a")]),
    actions: [],
  },
  { name: "a failed one is tried again", pod: initPod, observed: observe([exited("i", 1)]), actions: ["start i"] },
  { name: "OnFailure: also", pod: onFailure(initPod), observed: observe([exited("i", 1)]), actions: ["start i"] },
  { name: "Never: the pod has failed", pod: never(initPod), observed: observe([exited("i", 1)]), actions: ["killPod"] },
  {
    name: "one that was never started is",
    pod: initPod,
    observed: observe([run("i", { state: "created" })]),
    actions: ["start i"],
  },
  {
    name: "what ran in an older sandbox does not count",
    pod: initPod,
    observed: observe([exited("j", 0, { sandboxId: "old" })]),
    actions: ["start i"],
  },
];

const sidecarCases: readonly Case[] = [
  {
    name: "a sidecar that runs lets the next start",
    pod: mixed,
    observed: observe([run("s"), exited("i", 0)]),
    actions: ["start j"],
  },
  {
    name: "but not before its startup probe succeeded",
    pod: mixed,
    observed: observe([run("s"), exited("i", 0)]),
    verdicts: { s: { startup: "unknown" } },
    actions: [],
  },
  {
    name: "a failed startup probe replaces it",
    pod: mixed,
    observed: observe([run("s"), exited("i", 0)]),
    verdicts: { s: { startup: "failure" } },
    actions: ["kill s (startup)", "start s"],
  },
  {
    name: "one that ended starts again while an init container runs",
    pod: mixed,
    observed: observe([run("j"), exited("s", 0), exited("i", 0)]),
    actions: ["start s"],
  },
  {
    name: "and while the main containers run, also under policy Never",
    pod: never(mixed),
    observed: observe([run("a"), exited("s", 1)]),
    actions: ["start s"],
  },
  {
    name: "a missing one starts beside the main containers",
    pod: mixed,
    observed: observe([run("a")]),
    actions: ["start s"],
  },
  {
    name: "a failed liveness probe replaces it",
    pod: mixed,
    observed: observe([run("a"), run("s")]),
    verdicts: { s: { liveness: "failure" } },
    actions: ["kill s (liveness)", "start s"],
  },
  {
    name: "it does not keep a pod alive whose main containers are done",
    pod: never(mixed),
    observed: observe([exited("a", 0), run("s")]),
    actions: ["killPod"],
  },
  {
    name: "nor is it started again then",
    pod: never(mixed),
    observed: observe([exited("a", 0), exited("s", 0)]),
    actions: ["killPod"],
  },
  {
    name: "as the last of the init phase it lets the main containers start",
    pod: withInit(sidecar("s")),
    observed: observe([run("s")]),
    actions: ["start a"],
  },
];

describe("computePodActions", () => {
  const groups = {
    sandbox: sandboxCases,
    main: mainCases,
    backOff: backoffCases,
    init: initCases,
    sidecar: sidecarCases,
  };
  for (const [group, cases] of Object.entries(groups))
    test.each(cases)(`${group}: $name`, (one) => {
      expect(compute(one)).toEqual(one.actions);
    });

  const stateArb = fc.constantFrom<ObservedContainer["state"]>("created", "running", "exited", "unknown");
  const runArb = fc
    .record({
      name: fc.constantFrom("i", "s", "j", "a", "b"),
      state: stateArb,
      exitCode: fc.constantFrom(0, 1),
      sandboxId: fc.constantFrom("s0", "old"),
      restartCount: fc.nat(3),
      hash: fc.constantFrom("", "changed"),
    })
    .map(({ name, hash, ...more }) => run(name, { ...more, ...(hash ? {} : { hash }), finishedAtMs: startMs }));
  const podArb = fc
    .constantFrom<"Always" | "OnFailure" | "Never">("Always", "OnFailure", "Never")
    .map((restartPolicy) =>
      makePod({
        restartPolicy,
        initContainers: [container("i"), sidecar("s"), container("j")],
        containers: [container("a"), container("b")],
      }),
    );
  const observedArb = fc
    .tuple(fc.array(runArb, { maxLength: 6 }), fc.boolean(), fc.boolean())
    .map(([runs, hasSandbox, isReady]) => {
      const own = runs.filter(({ sandboxId }) => sandboxId === "s0");
      // What was in an older sandbox ended with it.
      const older = runs
        .filter(({ sandboxId }) => sandboxId === "old")
        .map((one) => ({ ...one, state: "exited" as const }));
      return observe([...own, ...older], hasSandbox ? [sandbox({ isReady })] : []);
    });

  test("never starts a container that runs and is not killed in the same plan", () => {
    fc.assert(
      fc.property(podArb, observedArb, (pod, observed) => {
        const actions = computePodActions({
          pod,
          observed,
          nowMs: startMs,
          backoffs: new Map(),
          verdictsOf: () => noVerdicts,
        });
        const isKilled = actions.some(({ kind }) => kind === "killPod");
        const killed = new Set(actions.flatMap((action) => (action.kind === "killContainer" ? action.name : [])));
        for (const action of actions) {
          if (action.kind !== "startContainer" || isKilled || killed.has(action.name)) continue;
          expect(observed.containers.find(({ name }) => name === action.name)?.state).not.toBe("running");
        }
      }),
    );
  });

  test("starts each container at most once, and at most one init container that is no sidecar", () => {
    fc.assert(
      fc.property(podArb, observedArb, (pod, observed) => {
        const actions = computePodActions({
          pod,
          observed,
          nowMs: startMs,
          backoffs: new Map(),
          verdictsOf: () => noVerdicts,
        });
        const started = actions.flatMap((action) => (action.kind === "startContainer" ? action.name : []));
        expect(new Set(started).size).toBe(started.length);
        expect(started.filter((name) => name === "i" || name === "j").length).toBeLessThanOrEqual(1);
      }),
    );
  });
});
