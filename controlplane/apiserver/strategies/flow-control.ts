/** How requests share the server: which schema a request falls under, and how much its level may take. */
import type { FlowSchema, PriorityLevelConfiguration } from "#pkg/api/flowcontrol/v1.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import { validateFlowSchema, validateStatus } from "./validation/flow-schema.ts";
import { validatePriorityLevel } from "./validation/priority-level.ts";

export const flowSchemaStrategy = defineStrategy<FlowSchema>("flowcontrol/v1.FlowSchema", {
  validate: validateFlowSchema,
  subresources: { status: { prepareForUpdate: keepMetadata, validateUpdate: validateStatus } },
});

export const priorityLevelConfigurationStrategy = defineStrategy<PriorityLevelConfiguration>(
  "flowcontrol/v1.PriorityLevelConfiguration",
  {
    validate: validatePriorityLevel,
    subresources: { status: { prepareForUpdate: keepMetadata, validateUpdate: validateStatus } },
  },
);
