/** What autoscalers measure, and the objects they name. Source: pkg/apis/autoscaling/validation (v1.36). */
import type * as autoscaling from "#pkg/api/autoscaling/v2.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validatePathPart } from "./references.ts";
import { amountOf, validateContainerResourceName } from "./resource-names.ts";

const sources = {
  Object: "object",
  External: "external",
  Pods: "pods",
  Resource: "resource",
  ContainerResource: "containerResource",
} as const;
const types = Object.keys(sources).sort();
const targetTypes: ReadonlySet<string> = new Set(["Utilization", "Value", "AverageValue"]);
const rawOrShare = "a target raw value";

export interface MetricLeniency {
  /** The apiVersion is not looked at. */
  readonly anyVersion: boolean;
  /** Kinds of the core group may be named. */
  readonly noGroup: boolean;
}

export function validateTargetReference(
  reference: autoscaling.CrossVersionObjectReference | undefined,
  leniency: MetricLeniency,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { kind, name, apiVersion = "" } = reference ?? { kind: "", name: "" };
  validatePathPart(kind, at.child("kind"), errors);
  validatePathPart(name, at.child("name"), errors);
  const problem = apiVersionProblem({ apiVersion }, leniency);
  if (problem) errors.invalid(at.child("apiVersion"), apiVersion, problem);
}

export function apiVersionProblem(
  { apiVersion = "" }: { readonly apiVersion?: string | undefined },
  { anyVersion, noGroup }: MetricLeniency,
): string | undefined {
  if (anyVersion) return undefined;
  const parts = apiVersion.split("/");
  if (parts.length > 2) return `unexpected GroupVersion string: ${apiVersion}`;
  const hasGroup = parts.length === 2 && parts[0] !== "";
  return hasGroup || noGroup ? undefined : "apiVersion must specify API group";
}

export function validateMetrics(
  metrics: readonly autoscaling.MetricSpec[],
  leniency: MetricLeniency,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [index, metric] of metrics.entries()) validateMetric(metric, leniency, at.index(index), errors);
}

/** One source, the one its type says; only the first of several is looked into. */
function validateMetric(
  metric: autoscaling.MetricSpec,
  leniency: MetricLeniency,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const type = metric.type ?? "";
  const expected = Object.hasOwn(sources, type) ? sources[type as keyof typeof sources] : undefined;
  if (!type) errors.required(at.child("type"), "must specify a metric source type");
  if (!expected) errors.notSupported(at.child("type"), type, types);
  const present = Object.values(sources).filter((field) => metric[field] != null);
  if (present[0]) validateSource(metric, present[0], leniency, at.child(present[0]), errors);
  if (expected && !present.includes(expected)) {
    errors.required(at.child(expected), "must populate information for the given metric source");
  } else if (!expected) errors.notSupported(at.child("type"), type, types);
  if (present.length === 1) return;
  for (const field of present) {
    if (field !== expected) errors.forbidden(at.child(field), "must populate the given metric source only");
  }
}

type SourceField = (typeof sources)[keyof typeof sources];

function validateSource(
  metric: autoscaling.MetricSpec,
  field: SourceField,
  leniency: MetricLeniency,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { object, external, pods, resource, containerResource } = metric;
  switch (field) {
    case "object":
      if (object) validateObjectSource(object, leniency, at, errors);
      return;
    case "external":
      if (external) validateExternalSource(external, at, errors);
      return;
    case "pods":
      if (pods) validatePodsSource(pods, at, errors);
      return;
    case "resource":
      errors.filled(at.child("name"), resource?.name, "must specify a resource name");
      if (resource) validateShareTarget(resource.target, at.child("target"), errors);
      return;
    case "containerResource":
      if (containerResource) validateContainerSource(containerResource, at, errors);
      return;
  }
}

function validateObjectSource(
  source: autoscaling.ObjectMetricSource,
  leniency: MetricLeniency,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateTargetReference(source.describedObject, leniency, at.child("describedObject"), errors);
  validateIdentifier(source.metric, at.child("metric"), errors);
  const { value, averageValue } = validateTarget(source.target, at.child("target"), errors);
  if (value == null && averageValue == null) {
    errors.required(at.child("target", "averageValue"), "must set either a target value or averageValue");
  }
}

function validateExternalSource(source: autoscaling.ExternalMetricSource, at: FieldPath, errors: FieldErrors): void {
  validateIdentifier(source.metric, at.child("metric"), errors);
  const target = at.child("target");
  const { value, averageValue } = validateTarget(source.target, target, errors);
  if (value == null && averageValue == null) {
    errors.required(target.child("averageValue"), "must set either a target value for metric or a per-pod target");
  }
  if (value != null && averageValue != null) {
    errors.forbidden(target.child("value"), "may not set both a target value for metric and a per-pod target");
  }
}

function validatePodsSource(source: autoscaling.PodsMetricSource, at: FieldPath, errors: FieldErrors): void {
  validateIdentifier(source.metric, at.child("metric"), errors);
  const { averageValue } = validateTarget(source.target, at.child("target"), errors);
  if (averageValue == null) {
    errors.required(at.child("target", "averageValue"), "must specify a positive target averageValue");
  }
}

function validateContainerSource(
  source: autoscaling.ContainerResourceMetricSource,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!source.name) errors.required(at.child("name"), "must specify a resource name");
  else validateContainerResourceName(source.name, at.child("name"), errors);
  if (!source.container) errors.required(at.child("container"), "must specify a container");
  else errors.dnsLabel(at.child("container"), source.container);
  validateShareTarget(source.target, at.child("target"), errors);
}

function validateShareTarget(given: autoscaling.MetricTarget, at: FieldPath, errors: FieldErrors): void {
  const { averageUtilization, averageValue } = validateTarget(given, at, errors);
  if (averageUtilization == null && averageValue == null) {
    errors.required(at.child("averageUtilization"), `must set either ${rawOrShare} or a target utilization`);
  }
  if (averageUtilization != null && averageValue != null) {
    errors.forbidden(at.child("averageValue"), `may not set both ${rawOrShare} and a target utilization`);
  }
}

function validateTarget(
  target: autoscaling.MetricTarget | undefined,
  at: FieldPath,
  errors: FieldErrors,
): Partial<autoscaling.MetricTarget> {
  const { type = "", averageUtilization } = target ?? {};
  if (!type) errors.required(at.child("type"), "must specify a metric target type");
  if (!targetTypes.has(type)) {
    errors.invalid(at.child("type"), type, "must be either Utilization, Value, or AverageValue");
  }
  for (const field of ["value", "averageValue"] as const) {
    const text = target?.[field];
    if (text == null) continue;
    const amount = amountOf(text);
    if (amount.sign !== 1) errors.invalid(at.child(field), amount.toString(), "must be positive");
  }
  if (averageUtilization != null && averageUtilization < 1) {
    errors.invalid(at.child("averageUtilization"), averageUtilization, "must be greater than 0");
  }
  return target ?? {};
}

function validateIdentifier(
  metric: autoscaling.MetricIdentifier | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validatePathPart(metric?.name, at.child("name"), errors, "must specify a metric name");
}
