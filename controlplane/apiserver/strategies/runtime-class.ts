/** Runtime classes: which handler of the runtime runs a pod, and what that costs. */
import type { RuntimeClass } from "#pkg/api/node/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateRuntimeClass, validateRuntimeClassUpdate } from "./validation/runtime-class.ts";

export const runtimeClassStrategy = defineStrategy<RuntimeClass>("node/v1.RuntimeClass", {
  validate: validateRuntimeClass,
  validateUpdate: validateRuntimeClassUpdate,
});
