import type { ReplicaSet } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import { validateReplicaSet, validateReplicaSetUpdate, validateReplicaStatus } from "./validation/replica-set.ts";
import { podNameWarnings, podTemplateWarnings } from "./warnings/pod-warnings.ts";

export const replicaSetStrategy = defineStrategy<ReplicaSet>("apps/v1.ReplicaSet", {
  prepareForCreate: ({ spec }) => dropFrom(spec),
  validate: validateReplicaSet,
  prepareForUpdate: ({ spec }) => dropFrom(spec),
  validateUpdate: validateReplicaSetUpdate,
  warnings: ({ metadata, spec }, current) => [
    ...(current ? [] : podNameWarnings(metadata.name)),
    ...podTemplateWarnings(spec.template, current?.spec.template, new FieldPath("spec", "template")),
  ],
  subresources: { status: { validateUpdate: ({ status }) => validateReplicaStatus(status) } },
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
});

function dropFrom({ template }: ReplicaSet["spec"]): void {
  if (template) dropDisabledFields(template.spec);
}
