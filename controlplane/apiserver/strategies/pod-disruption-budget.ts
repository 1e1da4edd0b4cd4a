/** Disruption budgets: how many pods of a set may be evicted. */
import type { PodDisruptionBudget } from "#pkg/api/policy/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateBudget, validateBudgetStatus } from "./validation/pod-disruption-budget.ts";

export const podDisruptionBudgetStrategy = defineStrategy<PodDisruptionBudget>("policy/v1.PodDisruptionBudget", {
  validate: validateBudget,
  subresources: { status: { validateUpdate: validateBudgetStatus } },
});
