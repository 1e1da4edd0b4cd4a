import { describe, expect, test } from "vitest";
import type { Lease } from "#pkg/api/coordination/v1.ts";
import type { RuntimeClass } from "#pkg/api/node/v1.ts";
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";
import { leaseStrategy } from "./lease.ts";
import { priorityClassStrategy } from "./priority-class.ts";
import { runtimeClassStrategy } from "./runtime-class.ts";
import { created, createFaults, createMessages, updateMessages } from "./testing/judge.ts";

const metadata = { name: "x" };

describe("Lease", () => {
  test.each<[Lease["spec"], string[]]>([
    [{}, []],
    [{ holderIdentity: "a", leaseDurationSeconds: 40, leaseTransitions: 0 }, []],
    [{ leaseDurationSeconds: 0 }, ["spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0"]],
    [{ leaseTransitions: -1 }, ["spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"]],
    [{ preferredHolder: "b" }, ["spec.preferredHolder: Forbidden: may only be specified if `strategy` is defined"]],
    [{ preferredHolder: "b", strategy: "example.com/Mine" }, []],
    [{ strategy: "OldestEmulationVersion" }, []],
    [{ strategy: "X" }, ['spec.strategy.strategy: Unsupported value: "X": supported values: "OldestEmulationVersion"']],
  ])("%j", (spec, messages) => expect(createMessages(leaseStrategy, { metadata, spec })).toEqual(messages));

  test("an update is judged alike", () => {
    const current: Lease = { metadata, spec: {} };
    expect(updateMessages(leaseStrategy, current, (next) => (next.spec.leaseDurationSeconds = -1))).toHaveLength(1);
  });
});

describe("PriorityClass", () => {
  test.each<[string, object, string[]]>([
    ["a", { value: 1_000_000_000 }, []],
    ["a", { value: -5, preemptionPolicy: "Never" }, []],
    [
      "a",
      { value: 1_000_000_001 },
      ["value: Forbidden: maximum allowed value of a user defined priority is 1000000000"],
    ],
    ["a", { preemptionPolicy: "" }, ["preemptionPolicy: Required value"]],
    [
      "a",
      { preemptionPolicy: "Yes" },
      ['preemptionPolicy: Unsupported value: "Yes": supported values: "PreemptLowerPriority", "Never"'],
    ],
    ["system-node-critical", { value: 2_000_001_000 }, []],
    ["system-cluster-critical", { value: 2_000_000_000 }, []],
    [
      "system-cluster-critical",
      { value: 1 },
      [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: value of system-cluster-critical PriorityClass must be 2000000000",
      ],
    ],
    [
      "system-mine",
      {},
      [
        "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. error: system-mine is not a known system priority class",
      ],
    ],
  ])("%s %j", (name, fields, messages) => {
    expect(createMessages(priorityClassStrategy, { metadata: { name }, ...fields })).toEqual(messages);
  });

  test("keeps its value and policy", () => {
    const current = created<PriorityClass>(priorityClassStrategy, { metadata, value: 1 });
    const change = (mutate: (next: PriorityClass) => void) => updateMessages(priorityClassStrategy, current, mutate);
    expect(change((next) => (next.description = "d"))).toEqual([]);
    expect(change((next) => (next.globalDefault = true))).toEqual([]);
    expect(change((next) => (next.value = 2))).toEqual(["value: Forbidden: may not be changed in an update."]);
    expect(change((next) => (next.preemptionPolicy = "Never"))).toEqual([
      'preemptionPolicy: Invalid value: "Never": field is immutable',
    ]);
  });

  test("its generation is 1 for ever", () => {
    expect(priorityClassStrategy).toMatchObject({ hasGeneration: true, keepsGeneration: true });
  });
});

describe("RuntimeClass", () => {
  test.each<[object, string[]]>([
    [{ handler: "runc" }, []],
    [{}, ["handler: Required"]],
    [{ handler: "Run.c" }, ["handler: Invalid"]],
    [{ handler: "a", overhead: { podFixed: { cpu: "10m", memory: "1Mi" } } }, []],
    [{ handler: "a", overhead: { podFixed: { cpu: "-1" } } }, ["overhead.limits[cpu]: Invalid"]],
    [{ handler: "a", scheduling: { nodeSelector: { "a b": "c" } } }, ["scheduling.nodeSelector: Invalid"]],
    [
      {
        handler: "a",
        scheduling: {
          tolerations: [
            { key: "k", operator: "Exists" },
            { key: "k", operator: "Exists" },
          ],
        },
      },
      ["scheduling.tolerations[1]: Duplicate"],
    ],
  ])("%j", (fields, faults) => expect(createFaults(runtimeClassStrategy, { metadata, ...fields })).toEqual(faults));

  test("keeps its handler", () => {
    const current: RuntimeClass = { metadata, handler: "a" };
    expect(updateMessages(runtimeClassStrategy, current, (next) => (next.handler = "b"))).toEqual([
      'handler: Invalid value: "b": field is immutable',
    ]);
  });
});
