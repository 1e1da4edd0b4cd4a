import type { JobSpec } from "#pkg/api/batch/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { podTemplateWarnings } from "./pod-warnings.ts";

/** For a Job's spec, or that of a CronJob's template, at `at`. */
export function jobSpecWarnings(spec: JobSpec, current: JobSpec | undefined, at: FieldPath): readonly string[] {
  const isLarge =
    spec.completionMode === "Indexed" && (spec.completions ?? 0) > 100_000 && (spec.parallelism ?? 0) > 10_000;
  const why =
    "In Indexed Jobs with a number of completions higher than 10^5 and a parallelism higher than 10^4, Kubernetes might not be able to track completedIndexes when a big number of indexes fail";
  return [
    ...(isLarge ? [`${at}: ${why}`] : []),
    ...podTemplateWarnings(spec.template, current?.template, at.child("template")),
  ];
}
