/** CronJobs. Source: pkg/apis/batch/validation/validation.go (v1.36). */
import type { CronJob, CronJobSpec, JobTemplateSpec } from "#pkg/api/batch/v1.ts";
import { CronScheduleError, isTimeZone, parseCronSchedule } from "#pkg/api/cron-schedule.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateJobSpec } from "./job.ts";

const specPath = new FieldPath("spec");
/** The controller adds "-" and a time in minutes to it. */
const longestName = 52;

export function validateCronJob({ metadata, spec }: CronJob): FieldErrors {
  const errors = validateSpec(spec, undefined);
  const { name = "" } = metadata;
  if (name.length > longestName) {
    errors.invalid(new FieldPath("metadata", "name"), name, `must be no more than ${longestName} characters`);
  }
  return errors;
}

export function validateCronJobUpdate(next: CronJob, current: CronJob): FieldErrors {
  return validateSpec(next.spec, current.spec);
}

function validateSpec(spec: CronJobSpec, current: CronJobSpec | undefined): FieldErrors {
  const errors = new FieldErrors();
  if (spec.schedule) validateSchedule(spec, current?.schedule?.includes("TZ") ?? false, errors);
  else errors.required(specPath.child("schedule"));
  errors.nonNegative(specPath.child("startingDeadlineSeconds"), spec.startingDeadlineSeconds);
  if (spec.timeZone != null && spec.timeZone !== current?.timeZone) validateTimeZone(spec.timeZone, errors);
  errors.oneOf(specPath.child("concurrencyPolicy"), spec.concurrencyPolicy, ["Allow", "Forbid", "Replace"]);
  if (spec.jobTemplate) validateTemplate(spec.jobTemplate, specPath.child("jobTemplate", "spec"), errors);
  errors.nonNegative(specPath.child("successfulJobsHistoryLimit"), spec.successfulJobsHistoryLimit);
  errors.nonNegative(specPath.child("failedJobsHistoryLimit"), spec.failedJobsHistoryLimit);
  return errors;
}

function validateSchedule({ schedule, timeZone }: CronJobSpec, allowsZone: boolean, errors: FieldErrors): void {
  const at = specPath.child("schedule");
  try {
    parseCronSchedule(schedule);
  } catch (error) {
    if (!(error instanceof CronScheduleError)) throw error;
    errors.invalid(at, schedule, error.message);
  }
  if (!schedule.includes("TZ")) return;
  if (!allowsZone) errors.invalid(at, schedule, "cannot use TZ or CRON_TZ in schedule, use timeZone field instead");
  else if (timeZone != null) {
    errors.invalid(at, schedule, "cannot use both timeZone field and TZ or CRON_TZ in schedule");
  }
}

const zonePart = /^[A-Za-z.\-_0-9+]{1,14}$/;

function validateTimeZone(timeZone: string, errors: FieldErrors): void {
  const at = specPath.child("timeZone");
  if (timeZone === "") {
    errors.invalid(at, timeZone, "timeZone must be nil or non-empty string");
    return;
  }
  const isNamed = timeZone
    .split("/")
    .every((part) => part !== "." && part !== ".." && !part.startsWith("-") && zonePart.test(part));
  if (isNamed && timeZone.toLowerCase() === "local") {
    const where = "timeZone must be an explicit time zone as defined in https://www.iana.org/time-zones";
    errors.invalid(at, timeZone, where);
  }
  if (!isNamed || !isTimeZone(timeZone)) errors.invalid(at, timeZone, `unknown time zone ${timeZone}`);
}

function validateTemplate({ spec }: JobTemplateSpec, at: FieldPath, errors: FieldErrors): void {
  if (!spec) return;
  validateJobSpec(spec, at, errors);
  if (spec.selector) errors.invalid(at.child("selector"), spec.selector, "`selector` will be auto-generated");
  if (spec.manualSelector) errors.notSupported(at.child("manualSelector"), true, ["nil", "false"]);
}
