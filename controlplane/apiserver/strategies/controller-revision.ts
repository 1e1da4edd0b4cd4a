/** A template as it once was. It never changes; only its number may, when it becomes the newest one again. */
import type { ControllerRevision } from "#pkg/api/apps/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { defineStrategy } from "./define-strategy.ts";
import { FieldErrors } from "./validation/field-errors.ts";

const dataPath = new FieldPath("data");

export const controllerRevisionStrategy = defineStrategy<ControllerRevision>("apps/v1.ControllerRevision", {
  validate(revision) {
    const errors = validateRevision(revision);
    const data: unknown = revision.data;
    if (data === undefined || data === null) errors.required(dataPath, "data is mandatory");
    else if (typeof data !== "object" || Array.isArray(data)) {
      errors.required(dataPath, "data must be a valid JSON object");
    }
    return errors;
  },
  validateUpdate(next, current) {
    const errors = validateRevision(next);
    errors.immutable(dataPath, next.data, current.data);
    return errors;
  },
});

function validateRevision({ revision }: ControllerRevision): FieldErrors {
  const errors = new FieldErrors();
  errors.nonNegative(new FieldPath("revision"), revision);
  return errors;
}
