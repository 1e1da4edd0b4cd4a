/**
 * Jobs. Unless the client manages the selector, the pods are told from all others by labels with the Job's uid and name,
 * which the server puts into the template.
 */
import type { Job, JobSpec } from "#pkg/api/batch/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import { jobLabels, validateJob, validateJobUpdate } from "./validation/job.ts";
import { isConditionTrue, validateJobStatusUpdate } from "./validation/job-status.ts";
import { jobSpecWarnings } from "./warnings/job-warnings.ts";
import { podNameWarnings } from "./warnings/pod-warnings.ts";

export const jobStrategy = defineStrategy<Job>("batch/v1.Job", {
  // Older than garbage collection: its first clients deleted the pods themselves.
  defaultPropagation: "Orphan",
  prepareForCreate: ({ spec }) => dropDisabledFields(spec.template.spec),
  prepareNamed(job) {
    if (!job.spec.manualSelector) job.spec = withOwnLabels(job.spec, job.metadata.uid ?? "", job.metadata.name ?? "");
  },
  validate: validateJob,
  prepareForUpdate: ({ spec }) => dropDisabledFields(spec.template.spec),
  validateUpdate: (next, current) => validateJobUpdate(next, current, isStartable(current)),
  warnings: ({ metadata, spec }, current) => [
    ...(current ? [] : podNameWarnings(metadata.name)),
    ...jobSpecWarnings(spec, current?.spec, new FieldPath("spec")),
  ],
  subresources: { status: { validateUpdate: validateJobStatusUpdate } },
  selectableFields: ({ status }) => ({ "status.successful": String(status?.succeeded ?? 0) }),
});

/** Labels that the client has given stay, for validation to judge. */
function withOwnLabels(spec: JobSpec, uid: string, name: string): JobSpec {
  const { template, selector } = spec;
  const own = { [jobLabels.oldName]: name, [jobLabels.name]: name, [jobLabels.oldUid]: uid, [jobLabels.uid]: uid };
  return {
    ...spec,
    template: { ...template, metadata: { ...template.metadata, labels: { ...own, ...template.metadata?.labels } } },
    selector: { ...selector, matchLabels: { [jobLabels.uid]: uid, ...selector?.matchLabels } },
  };
}

/** It waits, and no pod made from its template is left. */
function isStartable(job: Job): boolean {
  const { startTime, active = 0 } = job.status ?? {};
  return job.spec.suspend === true && (!startTime || isConditionTrue(job, "Suspended")) && active === 0;
}
