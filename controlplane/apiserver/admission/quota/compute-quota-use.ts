/** One write against the quotas of its namespace: the quotas as they would be after it, or why it does not fit. Pure. */
import type { ResourceQuota } from "#pkg/api/core/v1.ts";
import {
  addAmounts,
  describeAmounts,
  exceededNames,
  formatAmounts,
  growthOf,
  maskAmounts,
  parseAmounts,
  type QuotaAmounts,
  withoutZeros,
} from "#pkg/api/quota/amounts.ts";
import { type QuotaEvaluator, type QuotaWrite, quotaApplies } from "#pkg/api/quota/evaluator.ts";

export type QuotaVerdict =
  /** In the order given; those that did not change are the very objects given. */
  { readonly quotas: readonly ResourceQuota[] } | { readonly refusal: string };

export function computeQuotaUse(
  quotas: readonly ResourceQuota[],
  write: QuotaWrite,
  evaluator: QuotaEvaluator,
  nowMs: number,
): QuotaVerdict {
  const usage = evaluator.usage(write.object, nowMs);
  const applying = quotas.filter((quota) => quotaApplies(quota, evaluator, write.object));
  for (const quota of applying) {
    const refusal = whyUncountable(quota, evaluator, write);
    if (refusal) return { refusal };
  }
  const negative = [...usage].filter(([, amount]) => amount.sign < 0).map(([name]) => name);
  if (negative.length > 0) return { refusal: `quota usage is negative for resource(s): ${negative.sort().join(",")}` };
  const next: ResourceQuota[] = [];
  for (const quota of quotas) {
    const charged = applying.includes(quota) ? charge(quota, write, evaluator, usage, nowMs) : quota;
    if (typeof charged === "string") return { refusal: charged };
    next.push(charged);
  }
  return { quotas: next };
}

/** Before the quota controller has counted what is there, nothing can be added to it. */
function whyUncountable(quota: ResourceQuota, evaluator: QuotaEvaluator, write: QuotaWrite): string | undefined {
  const name = quota.metadata.name ?? "";
  const limited = Object.keys(quota.status?.hard ?? {}).filter((one) => evaluator.counts(one));
  const missing = evaluator.missing?.(limited, write.object);
  if (missing) return `failed quota: ${name}: must specify ${missing}`;
  const used = quota.status?.used ?? {};
  if (limited.every((one) => Object.hasOwn(used, one))) return undefined;
  return `status unknown for quota: ${name}, resources: ${limited.sort().join(",")}`;
}

/** The quota with the write charged to it; a text: why it does not fit. */
function charge(
  quota: ResourceQuota,
  write: QuotaWrite,
  evaluator: QuotaEvaluator,
  usage: QuotaAmounts,
  nowMs: number,
): ResourceQuota | string {
  const hard = parseAmounts(quota.status?.hard);
  const requested = maskAmounts(withoutZeros(addedUsage(quota, write, evaluator, usage, nowMs)), hard.keys());
  if (requested.size === 0) return quota;
  const used = parseAmounts(quota.status?.used);
  const total = addAmounts(used, requested);
  const exceeded = exceededNames(maskAmounts(total, requested.keys()), hard);
  if (exceeded.length > 0 && write.subresource !== "status") {
    const show = (amounts: QuotaAmounts): string => describeAmounts(maskAmounts(amounts, exceeded));
    const name = quota.metadata.name ?? "";
    return `exceeded quota: ${name}, requested: ${show(requested)}, used: ${show(used)}, limited: ${show(hard)}`;
  }
  return { ...quota, status: { ...quota.status, used: formatAmounts(total) } };
}

/** An update is charged with what it adds, when the object was counted in this quota before. */
function addedUsage(
  quota: ResourceQuota,
  { operation, oldObject }: QuotaWrite,
  evaluator: QuotaEvaluator,
  usage: QuotaAmounts,
  nowMs: number,
): QuotaAmounts {
  if (operation !== "UPDATE" || !oldObject || !quotaApplies(quota, evaluator, oldObject)) return usage;
  return growthOf(usage, evaluator.usage(oldObject, nowMs));
}
