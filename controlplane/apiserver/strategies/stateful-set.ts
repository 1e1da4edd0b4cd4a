import type { StatefulSet, StatefulSetSpec } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { nameIsLabel } from "#pkg/api/names.ts";
import { defineStrategy } from "./define-strategy.ts";
import { dropDisabledFields } from "./prepare-pod.ts";
import {
  validateStatefulSet,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from "./validation/stateful-set.ts";
import { claimSpecWarnings } from "./warnings/claim-warnings.ts";
import { podTemplateWarnings } from "./warnings/pod-warnings.ts";

const specPath = new FieldPath("spec");

export const statefulSetStrategy = defineStrategy<StatefulSet>("apps/v1.StatefulSet", {
  // The name becomes part of host names.
  validateName: nameIsLabel,
  prepareForCreate(set) {
    dropDisabledFields(set.spec.template.spec);
    set.spec = withoutMaxUnavailable(set.spec);
  },
  validate: validateStatefulSet,
  prepareForUpdate(next, current) {
    dropDisabledFields(next.spec.template.spec);
    if (current.spec.updateStrategy?.rollingUpdate?.maxUnavailable == null)
      next.spec = withoutMaxUnavailable(next.spec);
  },
  validateUpdate: validateStatefulSetUpdate,
  warnings: statefulSetWarnings,
  subresources: { status: { validateUpdate: validateStatefulSetStatusUpdate } },
});

/** The feature that reads the field is off at this API level. */
function withoutMaxUnavailable(spec: StatefulSetSpec): StatefulSetSpec {
  const { updateStrategy } = spec;
  if (updateStrategy?.rollingUpdate?.maxUnavailable == null) return spec;
  const { maxUnavailable: _, ...rollingUpdate } = updateStrategy.rollingUpdate;
  return { ...spec, updateStrategy: { ...updateStrategy, rollingUpdate } };
}

function statefulSetWarnings({ spec }: StatefulSet, current?: StatefulSet): readonly string[] {
  const warnings = [...podTemplateWarnings(spec.template, current?.spec.template, specPath.child("template"))];
  for (const [index, claim] of (spec.volumeClaimTemplates ?? []).entries()) {
    const path = specPath.child("volumeClaimTemplates").index(index);
    warnings.push(...claimSpecWarnings(claim.spec, current ? path.child("Spec") : path));
  }
  if ((spec.revisionHistoryLimit ?? 0) < 0) {
    const why = "a negative value retains all historical revisions; a value >= 0 is recommended";
    warnings.push(`spec.revisionHistoryLimit: ${why}`);
  }
  return warnings;
}
