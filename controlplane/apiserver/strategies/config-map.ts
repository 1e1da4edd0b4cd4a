import type { ConfigMap } from "#pkg/api/core/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateConfigMap, validateConfigMapUpdate } from "./validation/config.ts";

export const configMapStrategy = defineStrategy<ConfigMap>("core/v1.ConfigMap", {
  validate: validateConfigMap,
  validateUpdate: validateConfigMapUpdate,
});
