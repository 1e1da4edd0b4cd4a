import type { ReplicationController } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import { validateReplicaStatus, validateReplicationController } from "./validation/replica-set.ts";
import { podNameWarnings, podTemplateWarnings } from "./warnings/pod-warnings.ts";

export const replicationControllerStrategy = defineStrategy<ReplicationController>("core/v1.ReplicationController", {
  // Older than garbage collection: its first clients deleted the pods themselves.
  defaultPropagation: "Orphan",
  prepareForCreate: ({ spec }) => dropFrom(spec),
  validate: validateReplicationController,
  prepareForUpdate: ({ spec }) => dropFrom(spec),
  warnings: ({ metadata, spec }, current) => [
    ...(current ? [] : podNameWarnings(metadata.name)),
    ...podTemplateWarnings(spec.template, current?.spec.template, new FieldPath("spec", "template")),
  ],
  subresources: { status: { validateUpdate: ({ status }) => validateReplicaStatus(status) } },
  selectableFields: ({ status }) => ({ "status.replicas": String(status?.replicas ?? 0) }),
});

function dropFrom({ template }: ReplicationController["spec"]): void {
  if (template) dropDisabledFields(template.spec);
}
