import { describe, expect, test } from "vitest";
import type { Job, JobStatus } from "#pkg/api/batch/v1.ts";
import { decodeValue } from "#pkg/api/schema/decode.ts";
import { jobStrategy } from "./job.ts";
import { created, createFaults, createMessages, updateFaults, updateMessages, withValue } from "./testing/judge.ts";
import type { Case } from "./testing/template-cases.ts";

const uid = "7b7c8f9e-0000-4000-8000-000000000000";
const template = { spec: { containers: [{ name: "c", image: "busybox" }], restartPolicy: "Never" } };
const metadata = { name: "once", namespace: "n", uid, generation: 1 };

// What `kubectl create job once --image=busybox -- date` sends.
const good = decodeValue("batch/v1.Job", {
  apiVersion: "batch/v1",
  kind: "Job",
  metadata,
  spec: {
    template: {
      metadata: {},
      spec: { ...template.spec, containers: [{ ...template.spec.containers[0], command: ["date"], resources: {} }] },
    },
  },
  status: {},
}).object as unknown as Job;
const stored = created(jobStrategy, good);

test("a Job's pods carry its name and uid", () => {
  const labels = {
    "batch.kubernetes.io/controller-uid": uid,
    "batch.kubernetes.io/job-name": "once",
    "controller-uid": uid,
    "job-name": "once",
  };
  expect(createMessages(jobStrategy, good)).toEqual([]);
  expect(stored.spec.template.metadata?.labels).toEqual(labels);
  expect(stored.spec.selector).toEqual({ matchLabels: { "batch.kubernetes.io/controller-uid": uid } });
  expect(stored.spec).toMatchObject({ backoffLimit: 6, completions: 1, parallelism: 1, completionMode: "NonIndexed" });
  expect(jobStrategy.defaultPropagation).toBe("Orphan");
});

test("another try with another name is labelled anew", () => {
  const template = structuredClone(good);
  jobStrategy.applyDefaults?.(template);
  const first = { ...template, metadata: { ...template.metadata, name: "once-a" } };
  jobStrategy.prepareNamed?.(first);
  const second = { ...template, metadata: { ...template.metadata, name: "once-b" } };
  jobStrategy.prepareNamed?.(second);
  expect(second.spec.template.metadata?.labels).toMatchObject({ "job-name": "once-b" });
});

test.each<Case>([
  ["spec.parallelism", -1, ["spec.parallelism: Invalid"]],
  ["spec.completions", -1, ["spec.completions: Invalid"]],
  ["spec.backoffLimit", -1, ["spec.backoffLimit: Invalid"]],
  ["spec.activeDeadlineSeconds", -1, ["spec.activeDeadlineSeconds: Invalid"]],
  ["spec.ttlSecondsAfterFinished", -1, ["spec.ttlSecondsAfterFinished: Invalid"]],
  ["spec.maxFailedIndexes", 1, ["spec.backoffLimitPerIndex: Required", "spec.maxFailedIndexes: Invalid"]],
  ["spec.completionMode", "Counted", ["spec.completionMode: NotSupported"]],
  ["spec.template.spec.restartPolicy", "Always", ["spec.template.spec.restartPolicy: Required"]],
  ["spec.template.spec.restartPolicy", undefined, ["spec.template.spec.restartPolicy: Required"]],
  ["spec.template.spec.containers", [], ["spec.template.spec.containers: Required"]],
  ["spec.managedBy", "", ["spec.managedBy: Required"]],
  ["spec.managedBy", "acme", ["spec.managedBy: Invalid"]],
  ["spec.managedBy", "acme.io/a b", ["spec.managedBy: Invalid"]],
  ["spec.managedBy", `acme.io/${"a".repeat(60)}`, ["spec.managedBy: TooLong"]],
  ["spec.managedBy", "acme.io/foo", []],
  ["spec.podReplacementPolicy", "Never", ["spec.podReplacementPolicy: NotSupported"]],
  ["spec.successPolicy", { rules: [{ succeededCount: 1 }] }, ["spec.successPolicy: Invalid"]],
  ["spec.selector", { matchLabels: { a: "b" } }, ["spec.selector: Invalid", "spec.template.metadata.labels: Invalid"]],
  ["spec.template.metadata", { labels: { "job-name": "other" } }, ["spec.template.metadata.labels[job-name]: Invalid"]],
])("%s = %j", (path, value, faults) => {
  expect(createFaults(jobStrategy, withValue(good, path, value))).toEqual(faults);
});

test("with a selector of its own, a Job is matched by it", () => {
  const manual = withValue(withValue(good, "spec.manualSelector", true), "spec.template.metadata", {
    labels: { a: "b" },
  });
  expect(createFaults(jobStrategy, withValue(manual, "spec.selector", { matchLabels: { a: "b" } }))).toEqual([]);
  expect(createFaults(jobStrategy, manual)).toEqual([
    "spec.selector: Required",
    "spec.template.metadata.labels: Invalid",
  ]);
});

describe("numbered completions", () => {
  const indexed = withValue(good, "spec.completionMode", "Indexed");
  const asked = (fields: object) => createFaults(jobStrategy, { ...indexed, spec: { ...indexed.spec, ...fields } });

  test.each<[object, string[]]>([
    [{ completions: 3 }, []],
    [{ parallelism: 2 }, ["spec.completions: Required"]],
    [{ completions: 3, parallelism: 100_001 }, ["spec.parallelism: Invalid"]],
    [{ completions: 3, maxFailedIndexes: 4, backoffLimitPerIndex: 1 }, ["spec.maxFailedIndexes: Invalid"]],
    [{ completions: 100_001, backoffLimitPerIndex: 1 }, ["spec.maxFailedIndexes: Required"]],
    [
      { completions: 100_001, backoffLimitPerIndex: 1, maxFailedIndexes: 1, parallelism: 10_001 },
      ["spec.parallelism: Invalid"],
    ],
    [{ completions: 3, successPolicy: { rules: [] } }, ["spec.successPolicy.rules: Required"]],
    [{ completions: 3, successPolicy: { rules: [{}] } }, ["spec.successPolicy.rules[0]: Required"]],
    [
      { completions: 3, successPolicy: { rules: [{ succeededIndexes: "0,2", succeededCount: 3 }] } },
      ["spec.successPolicy.rules[0].succeededCount: Invalid"],
    ],
    [
      { completions: 3, successPolicy: { rules: [{ succeededIndexes: "2,0" }] } },
      ["spec.successPolicy.rules[0].succeededIndexes: Invalid"],
    ],
    [{ completions: 3, successPolicy: { rules: [{ succeededIndexes: "0-2", succeededCount: 2 }] } }, []],
  ])("case %#", (fields, faults) => expect(asked(fields)).toEqual(faults));

  test("leave room for the number in host names", () => {
    const long = withValue(indexed, "metadata.name", "a".repeat(62));
    const name = `${"a".repeat(62)}-9`;
    expect(createMessages(jobStrategy, { ...long, spec: { ...long.spec, completions: 10 } })).toEqual([
      `metadata.name: Invalid value: "${"a".repeat(62)}": will not able to create pod with invalid DNS label: ${name}`,
    ]);
  });
});

describe("pod failure policy", () => {
  const rule = (value: object) =>
    createFaults(jobStrategy, withValue(good, "spec.podFailurePolicy", { rules: [value] }));
  const path = "spec.podFailurePolicy.rules[0]";

  test.each<[object, string[]]>([
    [{ action: "FailJob", onExitCodes: { operator: "In", values: [1, 2] } }, []],
    [{ action: "Ignore", onPodConditions: [{ type: "DisruptionTarget" }] }, []],
    [{ onExitCodes: { operator: "In", values: [1] } }, [`${path}.action: Required`]],
    [{ action: "Panic", onExitCodes: { operator: "In", values: [1] } }, [`${path}.action: NotSupported`]],
    [{ action: "FailIndex", onExitCodes: { operator: "In", values: [1] } }, [`${path}.action: Invalid`]],
    [{ action: "Count" }, [`${path}: Invalid`]],
    [
      { action: "Count", onExitCodes: { operator: "In", values: [1] }, onPodConditions: [{ type: "A" }] },
      [`${path}: Invalid`],
    ],
    [
      { action: "Count", onExitCodes: { operator: "Near", values: [1] } },
      [`${path}.onExitCodes.operator: NotSupported`],
    ],
    [{ action: "Count", onExitCodes: { operator: "In" } }, [`${path}.onExitCodes.values: Invalid`]],
    [{ action: "Count", onExitCodes: { operator: "In", values: [0] } }, [`${path}.onExitCodes.values[0]: Invalid`]],
    [
      { action: "Count", onExitCodes: { operator: "NotIn", values: [2, 1, 1] } },
      [`${path}.onExitCodes.values[2]: Duplicate`, `${path}.onExitCodes.values: Invalid`],
    ],
    [
      { action: "Count", onExitCodes: { operator: "In", values: [1], containerName: "x" } },
      [`${path}.onExitCodes.containerName: Invalid`],
    ],
    [
      { action: "Count", onPodConditions: [{ type: "a b", status: "Maybe" }] },
      [`${path}.onPodConditions[0].type: Invalid`, `${path}.onPodConditions[0].status: NotSupported`],
    ],
  ])("case %#", (value, faults) => expect(rule(value)).toEqual(faults));

  test("wants pods that are not restarted in place", () => {
    const policy = { rules: [{ action: "FailJob", onExitCodes: { operator: "In", values: [1] } }] };
    const faulty = withValue(
      withValue(good, "spec.podFailurePolicy", policy),
      "spec.template.spec.restartPolicy",
      "OnFailure",
    );
    expect(createMessages(jobStrategy, faulty)).toEqual([
      'spec.template.spec.restartPolicy: Invalid value: "OnFailure": only "Never" is supported when podFailurePolicy is specified',
    ]);
  });

  test("texts without a value are upstream's", () => {
    const both = { rules: [{ action: "Count" }] };
    expect(createMessages(jobStrategy, withValue(good, "spec.podFailurePolicy", both))).toEqual([
      `${path}: Invalid value: specifying one of OnExitCodes and OnPodConditions is required`,
    ]);
  });
});

describe("changes of a Job", () => {
  const suspended = created(jobStrategy, withValue(good, "spec.suspend", true));
  const schedule = (next: Job) => {
    const template = structuredClone(next.spec.template);
    template.spec.nodeSelector = { a: "b" };
    template.spec.tolerations = [{ key: "a", operator: "Exists" }];
    template.spec.affinity = {
      nodeAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: {
          nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Exists" }] }],
        },
      },
    };
    next.spec.template = template;
  };
  const image = (next: Job) => (next.spec.template = withValue(next.spec.template, "spec.containers.0.image", "x"));
  const resources = (next: Job) =>
    (next.spec.template = withValue(next.spec.template, "spec.containers.0.resources", { requests: { cpu: "1" } }));

  test.each<[string, Job, (next: Job) => void, string[]]>([
    ["parallelism", stored, (next) => (next.spec.parallelism = 3), []],
    ["suspension", stored, (next) => (next.spec.suspend = true), []],
    ["completions", stored, (next) => (next.spec.completions = 3), ["spec.completions: Invalid"]],
    ["mode", stored, (next) => (next.spec.completionMode = "Indexed"), ["spec.completionMode: Invalid"]],
    ["manager", stored, (next) => (next.spec.managedBy = "a.b/c"), ["spec.managedBy: Invalid"]],
    ["image", stored, image, ["spec.template: Invalid"]],
    ["image while suspended", suspended, image, ["spec.template.spec: Invalid"]],
    ["scheduling", stored, schedule, ["spec.template: Invalid"]],
    ["scheduling while suspended", suspended, schedule, []],
    ["scheduling with pods left", { ...suspended, status: { active: 1 } }, schedule, ["spec.template: Invalid"]],
    [
      "scheduling after a start",
      { ...suspended, status: { startTime: "2026-01-01T00:00:00Z" } },
      schedule,
      ["spec.template: Invalid"],
    ],
    ["resources while suspended", suspended, resources, []],
    ["resources", stored, resources, ["spec.template: Invalid"]],
  ])("%s", (_, current, change, faults) => expect(updateFaults(jobStrategy, current, change)).toEqual(faults));

  test("numbered completions go with parallelism", () => {
    const indexed = created(jobStrategy, {
      ...good,
      spec: { ...good.spec, completionMode: "Indexed", completions: 2, parallelism: 2 },
    });
    expect(updateMessages(jobStrategy, indexed, (next) => (next.spec.completions = 3))).toEqual([
      "spec.completions: Invalid value: 3: can only be modified in tandem with spec.parallelism",
    ]);
    const both = (next: Job) => Object.assign(next.spec, { completions: 3, parallelism: 3 });
    expect(updateFaults(jobStrategy, indexed, both)).toEqual([]);
  });
});

describe("the status of a Job", () => {
  const time = (seconds: number) => `2026-01-01T00:00:0${seconds}Z`;
  const is = (...types: string[]) => ({ conditions: types.map((type) => ({ type, status: "True" })) });
  const done = { ...is("SuccessCriteriaMet", "Complete"), startTime: time(1), completionTime: time(2), succeeded: 1 };
  const change = (current: JobStatus, next: JobStatus, job = stored) =>
    updateMessages(jobStrategy, { ...job, status: current }, (object) => (object.status = next), "status");

  test.each<[string, JobStatus, JobStatus, string[]]>([
    ["starts", {}, { startTime: time(1), active: 1, ready: 0 }, []],
    ["ends well", { startTime: time(1), active: 1 }, done, []],
    [
      "ends badly",
      { startTime: time(1), ...is("FailureTarget") },
      { startTime: time(1), ...is("FailureTarget", "Failed"), failed: 1 },
      [],
    ],
    [
      "resumes",
      { startTime: time(1), ...is("Suspended") },
      { startTime: time(3), conditions: [{ type: "Suspended", status: "False" }] },
      [],
    ],
    [
      "is done once",
      done,
      { ...done, ...is("SuccessCriteriaMet") },
      [
        "status.conditions: Invalid value: cannot disable the terminal Complete=True condition",
        'status.completionTime: Invalid value: "2026-01-01T00:00:02Z": cannot set completionTime when there is no Complete=True condition',
      ],
    ],
    [
      "forgets no failures",
      { failed: 2 },
      { failed: 1 },
      ["status.failed: Invalid value: 1: cannot decrease the failed counter"],
    ],
    [
      "forgets no successes",
      { succeeded: 2 },
      {},
      ["status.succeeded: Invalid value: 0: cannot decrease the succeeded counter"],
    ],
    [
      "ends without pods",
      { startTime: time(1) },
      { ...done, active: 1, terminating: 1 },
      [
        "status.active: Invalid value: 1: active>0 is invalid for finished job",
        "status.terminating: Invalid value: 1: terminating>0 is invalid for finished job",
      ],
    ],
    [
      "ends after its start",
      {},
      { ...done, startTime: time(3) },
      ['status.completionTime: Invalid value: "2026-01-01T00:00:02Z": must be equal to or after `startTime`'],
    ],
    [
      "fails for a reason",
      { startTime: time(1) },
      { startTime: time(1), ...is("Failed") },
      ["status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition"],
    ],
    [
      "ends one way",
      { startTime: time(1) },
      { ...done, ...is("SuccessCriteriaMet", "Complete", "Failed", "FailureTarget") },
      [
        "status.conditions: Invalid value: cannot set Complete=True and Failed=true conditions",
        "status.conditions: Invalid value: cannot set Complete=True and FailureTarget=true conditions",
        "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and Failed=true conditions",
        "status.conditions: Invalid value: cannot set SuccessCriteriaMet=True and FailureTarget=true conditions",
      ],
    ],
    [
      "keeps its start",
      { startTime: time(1) },
      { startTime: time(2) },
      ['status.startTime: Invalid value: "2026-01-01T00:00:02Z": field is immutable for unsuspended job once set'],
    ],
    [
      "has pods that are ready and active",
      {},
      { ready: 2, active: 1 },
      ["status.ready: Invalid value: 2: cannot set more ready pods than active"],
    ],
    [
      "counts each pod once",
      {},
      { uncountedTerminatedPods: { succeeded: ["a"], failed: ["a", ""] } },
      [
        'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
        'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
      ],
    ],
    [
      "numbers nothing",
      {},
      { completedIndexes: "0" },
      [
        'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
      ],
    ],
  ])("%s", (_, current, next, messages) => expect(change(current, next)).toEqual(messages));

  test("has sets of indexes that fit", () => {
    const fields = { completionMode: "Indexed", completions: 9, parallelism: 3, backoffLimitPerIndex: 1 } as const;
    const job: Job = { ...stored, spec: { ...stored.spec, ...fields } };
    expect(change({}, { completedIndexes: "0-3,5", failedIndexes: "4" }, job)).toEqual([]);
    expect(change({}, { completedIndexes: "0-3,5", failedIndexes: "3-4" }, job)).toEqual([
      'status.failedIndexes: Invalid value: "3-4": failedIndexes and completedIndexes overlap at index: 3',
    ]);
    expect(change({}, { completedIndexes: "9" }, job)).toEqual([
      'status.completedIndexes: Invalid value: "9": error parsing completedIndexes: too large index: "9"',
    ]);
    expect(change({ succeeded: 2 }, { succeeded: 1, failedIndexes: "x" }, job)).toHaveLength(2);
  });

  test("tells how many pods succeeded", () => {
    expect(jobStrategy.selectableFields?.({ ...stored, status: { succeeded: 2 } })).toEqual({
      "status.successful": "2",
    });
  });
});
