/** Autoscalers, in the form they are stored in (v2); those of v1 are converted to it. */
import type { HorizontalPodAutoscaler } from "#pkg/api/autoscaling/v2.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  validateAutoscaler,
  validateAutoscalerStatus,
  validateAutoscalerUpdate,
} from "./validation/horizontal-pod-autoscaler.ts";

export const horizontalPodAutoscalerStrategy = defineStrategy<HorizontalPodAutoscaler>(
  "autoscaling/v2.HorizontalPodAutoscaler",
  {
    hasGeneration: false,
    validate: validateAutoscaler,
    validateUpdate: validateAutoscalerUpdate,
    subresources: { status: { validateUpdate: validateAutoscalerStatus } },
  },
);
