import type { PodTemplate } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import { FieldErrors } from "./validation/field-errors.ts";
import { validatePodTemplate } from "./validation/pod.ts";
import { podTemplateWarnings } from "./warnings/pod-warnings.ts";

const at = new FieldPath("template");

export const podTemplateStrategy = defineStrategy<PodTemplate>("core/v1.PodTemplate", {
  hasGeneration: true,
  prepareForCreate: ({ template }) => dropFrom(template),
  validate({ template }) {
    const errors = new FieldErrors();
    if (template) validatePodTemplate(template, at, errors);
    return errors;
  },
  prepareForUpdate: ({ template }) => dropFrom(template),
  warnings: ({ template }, current) => podTemplateWarnings(template, current?.template, at),
});

function dropFrom(template: PodTemplate["template"]): void {
  if (template) dropDisabledFields(template.spec);
}
