/** Runtime classes. Source: pkg/apis/node/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { dns1123LabelProblems } from "#pkg/api/names.ts";
import type { RuntimeClass, Scheduling } from "#pkg/api/node/v1.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateLabelMap } from "./label-selectors.ts";
import { validateTolerations } from "./node-selectors.ts";
import { validateContainerResources } from "./resources.ts";

const handlerPath = new FieldPath("handler");

export function validateRuntimeClass({ handler, overhead, scheduling }: RuntimeClass): FieldErrors {
  const errors = new FieldErrors();
  errors.named(handlerPath, handler, dns1123LabelProblems);
  const limits = overhead?.podFixed;
  if (limits) validateContainerResources({ limits }, new Set(), new FieldPath("overhead"), errors);
  if (scheduling) validateScheduling(scheduling, new FieldPath("scheduling"), errors);
  return errors;
}

function validateScheduling({ nodeSelector, tolerations }: Scheduling, at: FieldPath, errors: FieldErrors): void {
  validateLabelMap(nodeSelector, at.child("nodeSelector"), errors);
  validateTolerations(tolerations, at.child("tolerations"), errors);
  const seen = new Set<string>();
  for (const [index, toleration] of (tolerations ?? []).entries()) {
    const { key = "", operator = "", value = "", effect = "" } = toleration;
    const text = JSON.stringify([key, operator, value, effect]);
    if (seen.has(text)) errors.duplicate(at.child("tolerations").index(index), toleration);
    seen.add(text);
  }
}

export function validateRuntimeClassUpdate(next: RuntimeClass, current: RuntimeClass): FieldErrors {
  const errors = new FieldErrors();
  errors.immutable(handlerPath, next.handler, current.handler);
  return errors;
}
