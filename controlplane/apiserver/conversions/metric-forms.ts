/**
 * Metrics of a HorizontalPodAutoscaler in the two forms the API knows: v2's `{metric, target}` and the older flat one that
 * v1 carries in annotations. Pure. Source: pkg/apis/autoscaling/v1/conversion.go.
 */

type Json = Record<string, unknown>;

interface MetricSource extends Json {
  readonly name?: string;
  readonly container?: string;
  readonly metric?: { readonly name?: string; readonly selector?: unknown };
  readonly describedObject?: unknown;
  readonly target?: Json;
  readonly current?: Json;
}

/** Where the fields of a target or of a current value are in the flat form, by type of metric. */
interface Names {
  readonly utilization?: string;
  readonly averageValue: string;
  readonly value?: string;
}

const targetNames: Readonly<Record<string, Names>> = {
  resource: { utilization: "targetAverageUtilization", averageValue: "targetAverageValue" },
  containerResource: { utilization: "targetAverageUtilization", averageValue: "targetAverageValue" },
  pods: { averageValue: "targetAverageValue" },
  object: { value: "targetValue", averageValue: "averageValue" },
  external: { value: "targetValue", averageValue: "targetAverageValue" },
};

const currentNames: Readonly<Record<string, Names>> = {
  resource: { utilization: "currentAverageUtilization", averageValue: "currentAverageValue" },
  containerResource: { utilization: "currentAverageUtilization", averageValue: "currentAverageValue" },
  pods: { averageValue: "currentAverageValue" },
  object: { value: "currentValue", averageValue: "averageValue" },
  external: { value: "currentValue", averageValue: "currentAverageValue" },
};

/** "Resource" → "resource", "ContainerResource" → "containerResource": the field a metric's source is in. */
export function sourceField(type: unknown): string {
  const text = typeof type === "string" ? type : "";
  return text.slice(0, 1).toLowerCase() + text.slice(1);
}

/** One entry of spec.metrics (`part` "target") or status.currentMetrics ("current") in the flat form. */
export function flattenMetric(metric: Json, part: "target" | "current"): Json {
  const field = sourceField(metric["type"]);
  const names = (part === "target" ? targetNames : currentNames)[field];
  const source = metric[field] as MetricSource | undefined;
  if (!names || !source) return { type: metric["type"] };
  const amounts = source[part] ?? {};
  const flat = {
    ...(source.name === undefined ? {} : { name: source.name }),
    ...(source.container === undefined ? {} : { container: source.container }),
    ...(source.describedObject === undefined ? {} : { target: source.describedObject }),
    ...(source.metric?.name === undefined ? {} : { metricName: source.metric.name }),
    ...(source.metric?.selector === undefined
      ? {}
      : { [field === "external" ? "metricSelector" : "selector"]: source.metric.selector }),
    ...pick(amounts, "averageUtilization", names.utilization),
    ...pick(amounts, "averageValue", names.averageValue),
    ...pick(amounts, "value", names.value),
  };
  return { type: metric["type"], [field]: flat };
}

/** The reverse of flattenMetric. */
export function unflattenMetric(metric: Json, part: "target" | "current"): Json {
  const field = sourceField(metric["type"]);
  const names = (part === "target" ? targetNames : currentNames)[field];
  const flat = metric[field] as Json | undefined;
  if (!names || !flat) return { type: metric["type"] };
  const amounts = {
    ...pickFrom(flat, names.utilization, "averageUtilization"),
    ...pickFrom(flat, names.averageValue, "averageValue"),
    ...pickFrom(flat, names.value, "value"),
  };
  const selector = flat[field === "external" ? "metricSelector" : "selector"];
  const source = {
    ...(flat["name"] === undefined ? {} : { name: flat["name"] }),
    ...(flat["container"] === undefined ? {} : { container: flat["container"] }),
    ...(flat["target"] === undefined ? {} : { describedObject: flat["target"] }),
    ...(flat["metricName"] === undefined
      ? {}
      : { metric: { name: flat["metricName"], ...(selector === undefined ? {} : { selector }) } }),
    [part]: part === "target" ? { type: targetType(amounts), ...amounts } : amounts,
  };
  return { type: metric["type"], [field]: source };
}

function targetType(amounts: Json): string {
  if (amounts["averageUtilization"] !== undefined) return "Utilization";
  // The flat form writes a zero for the value it does not use.
  return amounts["averageValue"] !== undefined ? "AverageValue" : "Value";
}

function pick(from: Json, name: string, as: string | undefined): Json {
  return as === undefined || from[name] === undefined ? {} : { [as]: from[name] };
}

function pickFrom(from: Json, name: string | undefined, as: string): Json {
  return name === undefined || from[name] === undefined ? {} : { [as]: from[name] };
}
