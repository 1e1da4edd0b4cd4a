/** Priority classes. Their generation says only that they were made: what counts in them cannot change. */
import type { PriorityClass } from "#pkg/api/scheduling/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validatePriorityClass, validatePriorityClassUpdate } from "./validation/priority-class.ts";

export const priorityClassStrategy = {
  ...defineStrategy<PriorityClass>("scheduling/v1.PriorityClass", {
    hasGeneration: true,
    validate: validatePriorityClass,
    validateUpdate: validatePriorityClassUpdate,
  }),
  keepsGeneration: true,
};
