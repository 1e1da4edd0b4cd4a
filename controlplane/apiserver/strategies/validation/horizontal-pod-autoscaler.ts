/** Autoscalers: their bounds, their target and how fast they may move. Source: pkg/apis/autoscaling/validation (v1.36). */
import type * as autoscaling from "#pkg/api/autoscaling/v2.ts";
import { FieldPath } from "#pkg/api/field.ts";
import {
  apiVersionProblem,
  type MetricLeniency,
  validateMetrics,
  validateTargetReference,
} from "./autoscaler-metrics.ts";
import { FieldErrors } from "./field-errors.ts";
import { amountOf } from "./resource-names.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const longestWindow = 3600;
const longestPeriod = 1800;
const selections = ["Disabled", "Max", "Min"];
const policyTypes = ["Percent", "Pods"];

interface Leniency {
  readonly fewestReplicas: number;
  readonly anyTargetVersion: boolean;
  readonly anyObjectVersion: boolean;
}

export function validateAutoscaler(autoscaler: autoscaling.HorizontalPodAutoscaler): FieldErrors {
  return validateSpec(autoscaler, { fewestReplicas: 1, anyTargetVersion: false, anyObjectVersion: false });
}

/** What older servers let pass may stay. */
export function validateAutoscalerUpdate(
  next: autoscaling.HorizontalPodAutoscaler,
  current: autoscaling.HorizontalPodAutoscaler,
): FieldErrors {
  const [before, after] = [current.spec.scaleTargetRef, next.spec.scaleTargetRef];
  const objects = (current.spec.metrics ?? []).flatMap(({ type, object }) =>
    type === "Object" && object ? object.describedObject : [],
  );
  return validateSpec(next, {
    fewestReplicas: current.spec.minReplicas === 0 ? 0 : 1,
    anyTargetVersion: before?.apiVersion === after?.apiVersion && before?.kind === after?.kind,
    anyObjectVersion: objects.some((reference) => apiVersionProblem(reference, { anyVersion: false, noGroup: true })),
  });
}

function validateSpec({ spec }: autoscaling.HorizontalPodAutoscaler, leniency: Leniency): FieldErrors {
  const errors = new FieldErrors();
  const { minReplicas, maxReplicas = 0, scaleTargetRef, metrics = [], behavior } = spec;
  validateBounds(minReplicas, maxReplicas, leniency.fewestReplicas, errors);
  const noGroup = scaleTargetRef?.kind === "ReplicationController";
  const forTarget: MetricLeniency = { anyVersion: leniency.anyTargetVersion, noGroup };
  validateTargetReference(scaleTargetRef, forTarget, specPath.child("scaleTargetRef"), errors);
  const forObjects: MetricLeniency = { anyVersion: leniency.anyObjectVersion, noGroup: true };
  validateMetrics(metrics, forObjects, specPath.child("metrics"), errors);
  if (minReplicas === 0 && !metrics.some(({ type }) => type === "Object" || type === "External")) {
    const why = "must specify at least one Object or External metric to support scaling to zero replicas";
    errors.forbidden(specPath.child("metrics"), why);
  }
  for (const direction of ["scaleUp", "scaleDown"] as const) {
    const rules = behavior?.[direction];
    if (rules) validateRules(rules, specPath.child("behavior", direction), errors);
  }
  return errors;
}

function validateBounds(min: number | undefined, max: number, fewest: number, errors: FieldErrors): void {
  const path = specPath.child("maxReplicas");
  if (min != null && min < fewest) {
    errors.invalid(specPath.child("minReplicas"), min, `must be greater than or equal to ${fewest}`);
  }
  if (max === 0) errors.required(path, "must be set and greater than 0");
  else if (max < 0) errors.invalid(path, max, "must be greater than or equal to 1");
  if (min != null && max < min) errors.invalid(path, max, "must be greater than or equal to `minReplicas`");
}

function validateRules(rules: autoscaling.HPAScalingRules, at: FieldPath, errors: FieldErrors): void {
  const { stabilizationWindowSeconds: window, selectPolicy, policies = [], tolerance } = rules;
  const windowPath = at.child("stabilizationWindowSeconds");
  if (window != null && window < 0) errors.invalid(windowPath, window, "must be greater than or equal to zero");
  if (window != null && window > longestWindow) {
    errors.invalid(windowPath, window, `must be less than or equal to ${longestWindow}`);
  }
  if (selectPolicy != null && !selections.includes(selectPolicy)) {
    errors.notSupported(at.child("selectPolicy"), selectPolicy, selections);
  }
  if (policies.length === 0) errors.required(at.child("policies"), "must specify at least one Policy");
  for (const [index, policy] of policies.entries()) {
    validatePolicy(policy, at.child("policies").index(index), errors);
  }
  if (tolerance == null) return;
  const amount = amountOf(tolerance);
  if (amount.sign < 0) errors.invalid(at.child("tolerance"), amount.toString(), "must be greater than or equal to 0");
}

function validatePolicy(policy: autoscaling.HPAScalingPolicy, at: FieldPath, errors: FieldErrors): void {
  const { type = "", value = 0, periodSeconds = 0 } = policy;
  if (!policyTypes.includes(type)) errors.notSupported(at.child("type"), type, policyTypes);
  errors.positive(at.child("value"), value);
  errors.positive(at.child("periodSeconds"), periodSeconds);
  if (periodSeconds > longestPeriod) {
    errors.invalid(at.child("periodSeconds"), periodSeconds, `must be less than or equal to ${longestPeriod}`);
  }
}

export function validateAutoscalerStatus({ status }: autoscaling.HorizontalPodAutoscaler): FieldErrors {
  const errors = new FieldErrors();
  errors.nonNegative(statusPath.child("currentReplicas"), status?.currentReplicas);
  errors.nonNegative(statusPath.child("desiredReplicas"), status?.desiredReplicas);
  return errors;
}
