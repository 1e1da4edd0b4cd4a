import type { Secret } from "#pkg/api/core/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateSecret, validateSecretUpdate } from "./validation/config.ts";

export const secretStrategy = defineStrategy<Secret>("core/v1.Secret", {
  validate: validateSecret,
  validateUpdate: validateSecretUpdate,
  selectableFields: (secret) => ({ type: secret.type ?? "" }),
});
