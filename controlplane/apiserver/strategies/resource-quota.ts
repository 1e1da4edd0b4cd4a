/** Quotas and limit ranges: how much a namespace, and each thing in it, may ask for. */
import type { LimitRange, ResourceQuota } from "#pkg/api/core/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateLimitRange } from "./validation/limit-range.ts";
import { amountOf } from "./validation/resource-names.ts";
import {
  validateResourceQuota,
  validateResourceQuotaStatus,
  validateResourceQuotaUpdate,
} from "./validation/resource-quota.ts";

export const resourceQuotaStrategy = defineStrategy<ResourceQuota>("core/v1.ResourceQuota", {
  hasGeneration: false,
  validate: validateResourceQuota,
  validateUpdate: validateResourceQuotaUpdate,
  warnings: (quota, current) => (current ? [] : quotaWarnings(quota)),
  subresources: { status: { validateUpdate: validateResourceQuotaStatus } },
});

export const limitRangeStrategy = defineStrategy<LimitRange>("core/v1.LimitRange", { validate: validateLimitRange });

function quotaWarnings({ spec }: ResourceQuota): readonly string[] {
  const hard = spec.hard ?? {};
  return ["cpu", "memory", "storage", "ephemeral-storage"].flatMap((name) => {
    const isShort = name === "cpu" || name === "memory";
    const names = isShort ? [`requests.${name}`, name] : [`requests.${name}`];
    const request = names.find((one) => hard[one] !== undefined);
    const limit = hard[`limits.${name}`];
    if (!request || limit === undefined) return [];
    const [asked, most] = [amountOf(hard[request]), amountOf(limit)];
    if (asked.compare(most) <= 0) return [];
    return [`ResourceQuota ${request} (${asked}) should be less than limits.${name} (${most})`];
  });
}
