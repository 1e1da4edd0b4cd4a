import type { ResourceClaimTemplate } from "#pkg/api/resource/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateClaimTemplateKind, validateClaimTemplateUpdate } from "./validation/resource-claim.ts";

export const resourceClaimTemplateStrategy = defineStrategy<ResourceClaimTemplate>(
  "resource/v1.ResourceClaimTemplate",
  { hasGeneration: false, validate: validateClaimTemplateKind, validateUpdate: validateClaimTemplateUpdate },
);
