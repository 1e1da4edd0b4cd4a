import type { CronJob } from "#pkg/api/batch/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import { validateCronJob, validateCronJobUpdate } from "./validation/cron-job.ts";
import { jobSpecWarnings } from "./warnings/job-warnings.ts";
import { podNameWarnings } from "./warnings/pod-warnings.ts";

export const cronJobStrategy = defineStrategy<CronJob>("batch/v1.CronJob", {
  prepareForCreate: ({ spec }) => dropFrom(spec),
  validate: validateCronJob,
  prepareForUpdate: ({ spec }) => dropFrom(spec),
  validateUpdate: validateCronJobUpdate,
  warnings: cronJobWarnings,
  subresources: { status: {} },
});

function dropFrom({ jobTemplate }: CronJob["spec"]): void {
  if (jobTemplate.spec) dropDisabledFields(jobTemplate.spec.template.spec);
}

function cronJobWarnings({ metadata, spec }: CronJob, current?: CronJob): readonly string[] {
  const at = new FieldPath("spec", "jobTemplate", "spec");
  const warnings = current ? [] : [...podNameWarnings(metadata.name)];
  const { spec: jobSpec } = spec.jobTemplate;
  if (jobSpec) warnings.push(...jobSpecWarnings(jobSpec, current?.spec.jobTemplate.spec, at));
  if (current && spec.schedule?.includes("TZ")) {
    const where = "see https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/ for more details";
    warnings.push(`cannot use TZ or CRON_TZ in spec.spec.schedule, use timeZone instead, ${where}`);
  }
  return warnings;
}
