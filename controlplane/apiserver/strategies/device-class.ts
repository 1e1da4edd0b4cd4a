import { FieldPath } from "#pkg/api/field.ts";
import type { DeviceClass } from "#pkg/api/resource/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateDeviceClass } from "./validation/device-claim.ts";
import { FieldErrors } from "./validation/field-errors.ts";

export const deviceClassStrategy = defineStrategy<DeviceClass>("resource/v1.DeviceClass", {
  hasGeneration: true,
  validate({ spec }) {
    const errors = new FieldErrors();
    validateDeviceClass(spec ?? {}, new FieldPath("spec"), errors);
    return errors;
  },
});
