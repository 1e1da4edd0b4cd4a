/**
 * What objects count for in quotas. The server charges by it when objects are made, the quota controller adds up by it what
 * is there, so both take it from here. Pure.
 * Source: k8s.io/kubernetes/pkg/quota/v1 (v1.36).
 */
import type { ResourceQuota, ScopedResourceSelectorRequirement } from "../core/v1.ts";
import type { KubeObject } from "../meta/object.ts";
import { Quantity } from "../quantity.ts";
import type { QuotaAmounts } from "./amounts.ts";
import { claimEvaluator } from "./claim-evaluator.ts";
import { podEvaluator } from "./pod-evaluator.ts";
import { serviceEvaluator } from "./service-evaluator.ts";

export interface QuotaWrite {
  readonly operation: "CREATE" | "UPDATE";
  readonly subresource: string;
  readonly object: KubeObject;
  readonly oldObject: KubeObject | undefined;
}

export interface QuotaEvaluator {
  /** Whether this write can change what is used. */
  handles(write: QuotaWrite): boolean;
  /** True for quota names that objects of this kind count for. */
  counts(name: string): boolean;
  usage(object: KubeObject, nowMs: number): QuotaAmounts;
  matchesScope(selector: ScopedResourceSelectorRequirement, object: KubeObject): boolean;
  /** What the object must say when these names are limited, and does not: `limits.cpu for: c`. */
  missing?(names: readonly string[], object: KubeObject): string | undefined;
}

/** Kinds nobody counts: those that are not stored, and events. */
const uncounted: ReadonlySet<string> = new Set([
  ...["bindings.", "componentstatuses.", "events.", "events.events.k8s.io"],
  ...["tokenreviews.authentication.k8s.io", "selfsubjectreviews.authentication.k8s.io"],
  ...["subjectaccessreviews", "selfsubjectaccessreviews", "localsubjectaccessreviews", "selfsubjectrulesreviews"].map(
    (name) => `${name}.authorization.k8s.io`,
  ),
]);

/** Kinds that had a name of their own before any kind could be counted. */
const oldNames: ReadonlySet<string> = new Set(["configmaps", "resourcequotas", "replicationcontrollers", "secrets"]);

const special: Readonly<Record<string, QuotaEvaluator>> = {
  "pods.": podEvaluator,
  "services.": serviceEvaluator,
  "persistentvolumeclaims.": claimEvaluator,
};

/** Undefined for kinds that are not counted. */
export function quotaEvaluatorFor(group: string, resource: string): QuotaEvaluator | undefined {
  const key = `${resource}.${group}`;
  if (uncounted.has(key)) return undefined;
  return special[key] ?? countEvaluator(group, resource);
}

/** "count/jobs.batch", "count/pods". */
export function countName(group: string, resource: string): string {
  return group ? `count/${resource}.${group}` : `count/${resource}`;
}

/** A quota applies to an object that counts for one of its names and has all of its scopes. */
export function quotaApplies(quota: ResourceQuota, evaluator: QuotaEvaluator, object: KubeObject): boolean {
  const countsForSome = Object.keys(quota.status?.hard ?? {}).some((name) => evaluator.counts(name));
  return countsForSome && scopesOf(quota).every((selector) => evaluator.matchesScope(selector, object));
}

export function scopesOf({ spec }: ResourceQuota): readonly ScopedResourceSelectorRequirement[] {
  const plain = (spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: "Exists" as const }));
  return [...plain, ...(spec?.scopeSelector?.matchExpressions ?? [])];
}

function countEvaluator(group: string, resource: string): QuotaEvaluator {
  const names = [countName(group, resource), ...(group === "" && oldNames.has(resource) ? [resource] : [])];
  return {
    handles: ({ operation, subresource }) => operation === "CREATE" && subresource === "",
    counts: (name) => names.includes(name),
    usage: () => new Map(names.map((name) => [name, Quantity.of(1)])),
    matchesScope: () => false,
  };
}
