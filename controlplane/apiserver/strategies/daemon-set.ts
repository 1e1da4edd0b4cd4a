import type { DaemonSet } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import { typeEqual } from "./type-equal.ts";
import { validateDaemonSet, validateDaemonSetStatusUpdate, validateDaemonSetUpdate } from "./validation/daemon-set.ts";
import { podTemplateWarnings } from "./warnings/pod-warnings.ts";

/** Counts the changes of the template, for clients from before controller revisions. */
const templateGeneration = "deprecated.daemonset.template.generation";

export const daemonSetStrategy = defineStrategy<DaemonSet>("apps/v1.DaemonSet", {
  prepareForCreate(daemonSet) {
    setTemplateGeneration(daemonSet, Math.max(1, templateGenerationOf(daemonSet)));
    dropDisabledFields(daemonSet.spec.template.spec);
  },
  validate: validateDaemonSet,
  prepareForUpdate(next, current) {
    dropDisabledFields(next.spec.template.spec);
    const isSame = typeEqual("core/v1.PodTemplateSpec", next.spec.template, current.spec.template);
    setTemplateGeneration(next, templateGenerationOf(current) + (isSame ? 0 : 1));
  },
  validateUpdate: validateDaemonSetUpdate,
  warnings: ({ spec }, current) =>
    podTemplateWarnings(spec.template, current?.spec.template, new FieldPath("spec", "template")),
  subresources: { status: { validateUpdate: validateDaemonSetStatusUpdate } },
});

function templateGenerationOf({ metadata }: DaemonSet): number {
  const text = metadata.annotations?.[templateGeneration] ?? "";
  return /^[+-]?\d+$/.test(text) ? Number(text) : 0;
}

function setTemplateGeneration({ metadata }: DaemonSet, generation: number): void {
  metadata.annotations = { ...metadata.annotations, [templateGeneration]: String(generation) };
}
