import type { Deployment } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { plainEqual } from "./plain-equal.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import {
  validateDeployment,
  validateDeploymentStatusUpdate,
  validateDeploymentUpdate,
} from "./validation/deployment.ts";
import { podNameWarnings, podTemplateWarnings } from "./warnings/pod-warnings.ts";

export const deploymentStrategy = defineStrategy<Deployment>("apps/v1.Deployment", {
  prepareForCreate: ({ spec }) => dropDisabledFields(spec.template.spec),
  validate: validateDeployment,
  prepareForUpdate({ metadata, spec }, current) {
    dropDisabledFields(spec.template.spec);
    // Annotations are copied to the replica sets: a change of them asks for work, too.
    if (!plainEqual(metadata.annotations, current.metadata.annotations)) {
      metadata.generation = (current.metadata.generation ?? 0) + 1;
    }
  },
  validateUpdate: validateDeploymentUpdate,
  warnings: ({ metadata, spec }, current) => [
    ...(current ? [] : podNameWarnings(metadata.name)),
    ...podTemplateWarnings(spec.template, current?.spec.template, new FieldPath("spec", "template")),
  ],
  subresources: {
    status: {
      prepareForUpdate({ metadata }, { metadata: { labels } }) {
        if (labels) metadata.labels = labels;
        else delete metadata.labels;
      },
      validateUpdate: validateDeploymentStatusUpdate,
    },
  },
});
