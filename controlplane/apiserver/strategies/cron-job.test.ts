import { describe, expect, test } from "vitest";
import type { CronJob } from "#pkg/api/batch/v1.ts";
import { decodeValue } from "#pkg/api/schema/decode.ts";
import { cronJobStrategy } from "./cron-job.ts";
import { createMessages, updated, updateFaults, withValue } from "./testing/judge.ts";

const template = { spec: { containers: [{ name: "c", image: "busybox" }], restartPolicy: "Never" } };

describe("CronJob", () => {
  const tick = decodeValue("batch/v1.CronJob", {
    metadata: { name: "tick", namespace: "n", generation: 1 },
    spec: { schedule: "*/5 * * * *", jobTemplate: { metadata: { name: "tick" }, spec: { template } } },
  }).object as unknown as CronJob;

  test("a good one is good", () => expect(createMessages(cronJobStrategy, tick)).toEqual([]));

  test.each<[string, unknown, string[]]>([
    ["spec.schedule", undefined, ["spec.schedule: Required value"]],
    [
      "spec.schedule",
      "* * * *",
      ['spec.schedule: Invalid value: "* * * *": expected exactly 5 fields, found 4: [* * * *]'],
    ],
    [
      "spec.schedule",
      "CRON_TZ=UTC * * * * *",
      [
        'spec.schedule: Invalid value: "CRON_TZ=UTC * * * * *": cannot use TZ or CRON_TZ in schedule, use timeZone field instead',
      ],
    ],
    ["spec.timeZone", "Europe/Berlin", []],
    [
      "spec.timeZone",
      "Europe/Nowhere",
      ['spec.timeZone: Invalid value: "Europe/Nowhere": unknown time zone Europe/Nowhere'],
    ],
    [
      "spec.timeZone",
      "Local",
      [
        'spec.timeZone: Invalid value: "Local": timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones',
      ],
    ],
    ["spec.timeZone", "", ['spec.timeZone: Invalid value: "": timeZone must be nil or non-empty string']],
    [
      "spec.concurrencyPolicy",
      "Queue",
      ['spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"'],
    ],
    [
      "spec.startingDeadlineSeconds",
      -1,
      ["spec.startingDeadlineSeconds: Invalid value: -1: must be greater than or equal to 0"],
    ],
    [
      "spec.failedJobsHistoryLimit",
      -1,
      ["spec.failedJobsHistoryLimit: Invalid value: -1: must be greater than or equal to 0"],
    ],
    [
      "spec.jobTemplate.spec.selector",
      {},
      ["spec.jobTemplate.spec.selector: Invalid value: {}: `selector` will be auto-generated"],
    ],
    [
      "spec.jobTemplate.spec.manualSelector",
      true,
      ['spec.jobTemplate.spec.manualSelector: Unsupported value: true: supported values: "nil", "false"'],
    ],
    [
      "spec.jobTemplate.spec.template.spec.restartPolicy",
      "Always",
      ['spec.jobTemplate.spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"'],
    ],
    [
      "metadata.name",
      "a".repeat(53),
      [`metadata.name: Invalid value: "${"a".repeat(53)}": must be no more than 52 characters`],
    ],
  ])("%s = %j", (path, value, messages) => {
    expect(createMessages(cronJobStrategy, withValue(tick, path, value))).toEqual(messages);
  });

  test("a zone that stood in the schedule may stay there", () => {
    const old = { ...tick, spec: { ...tick.spec, schedule: "TZ=UTC * * * * *" } };
    expect(updateFaults(cronJobStrategy, old, (next) => (next.spec.schedule = "TZ=UTC 1 * * * *"))).toEqual([]);
    expect(updateFaults(cronJobStrategy, old, (next) => (next.spec.timeZone = "UTC"))).toEqual([
      "spec.schedule: Invalid",
    ]);
    expect(
      cronJobStrategy.warnings?.(
        updated(cronJobStrategy, old, () => {}),
        old,
      ),
    ).toHaveLength(1);
  });
});
