/**
 * autoscaling/v1 HorizontalPodAutoscaler over v2. v1 knows one metric, the CPU utilization; whatever else v2 holds travels
 * in annotations, so that a client of v1 writes back what it read. Pure.
 * Source: pkg/apis/autoscaling/v1/conversion.go.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { Conversion } from "../registry/converted-registry.ts";
import { inForm } from "./in-form.ts";
import { flattenMetric, unflattenMetric } from "./metric-forms.ts";

const prefix = "autoscaling.alpha.kubernetes.io/";
const annotationNames = {
  metrics: `${prefix}metrics`,
  currentMetrics: `${prefix}current-metrics`,
  conditions: `${prefix}conditions`,
  behavior: `${prefix}behavior`,
} as const;

type Json = Record<string, unknown>;

interface ScalerSpec extends Json {
  readonly metrics?: readonly Json[];
  readonly behavior?: unknown;
  readonly targetCPUUtilizationPercentage?: number;
}

interface ScalerStatus extends Json {
  readonly currentMetrics?: readonly Json[] | null;
  readonly conditions?: readonly unknown[];
  readonly currentCPUUtilizationPercentage?: number;
}

export const autoscalerConversion: Conversion = {
  toServed: (stored) => inForm("autoscaling/v1.HorizontalPodAutoscaler", toV1(stored)),
  toStored: (served) => inForm("autoscaling/v2.HorizontalPodAutoscaler", toV2(served)),
};

function toV1(stored: KubeObject): KubeObject {
  const { metrics = [], behavior, ...spec } = (stored["spec"] ?? {}) as ScalerSpec;
  const { currentMetrics, conditions = [], ...status } = (stored["status"] ?? {}) as ScalerStatus;
  const cpu = metrics.find(isCpuUtilization);
  const others = metrics.filter((metric) => !isCpuUtilization(metric));
  const currentCpu = currentMetrics?.map(currentCpuUtilization).find((one) => one !== undefined);
  const annotations: Record<string, string> = { ...stored.metadata.annotations };
  if (others.length > 0)
    write(
      annotations,
      "metrics",
      others.map((one) => flattenMetric(one, "target")),
    );
  if (currentMetrics?.length) {
    // Kept also where it is a CPU utilization: the raw value would be lost.
    write(
      annotations,
      "currentMetrics",
      currentMetrics.map((one) => flattenMetric(one, "current")),
    );
  }
  if (conditions.length > 0) write(annotations, "conditions", conditions);
  if (behavior !== undefined) write(annotations, "behavior", behavior);
  return {
    ...stored,
    apiVersion: "autoscaling/v1",
    metadata: withAnnotations(stored, annotations),
    spec: { ...spec, ...(cpu ? { targetCPUUtilizationPercentage: cpuTarget(cpu) } : {}) },
    status: { ...status, ...(currentCpu === undefined ? {} : { currentCPUUtilizationPercentage: currentCpu }) },
  };
}

function toV2(served: KubeObject): KubeObject {
  const { targetCPUUtilizationPercentage: cpu, ...spec } = (served["spec"] ?? {}) as ScalerSpec;
  const { currentCPUUtilizationPercentage: currentCpu, ...status } = (served["status"] ?? {}) as ScalerStatus;
  const annotations: Record<string, string> = { ...served.metadata.annotations };
  const others = read(annotations, "metrics");
  const metrics = [
    ...(Array.isArray(others) ? others.map((one: Json) => unflattenMetric(one, "target")) : []),
    ...(cpu === undefined ? [] : [cpuMetric(cpu)]),
  ];
  const current = read(annotations, "currentMetrics");
  const currentMetrics = Array.isArray(current)
    ? current.map((one: Json) => unflattenMetric(one, "current"))
    : currentCpu === undefined
      ? undefined
      : [currentCpuMetric(currentCpu)];
  const conditions = read(annotations, "conditions");
  const behavior = read(annotations, "behavior");
  return {
    ...served,
    apiVersion: "autoscaling/v2",
    metadata: withAnnotations(served, annotations),
    spec: {
      ...spec,
      ...(metrics.length > 0 ? { metrics } : {}),
      ...(behavior === undefined ? {} : { behavior }),
    },
    status: {
      ...status,
      ...(currentMetrics ? { currentMetrics } : {}),
      ...(Array.isArray(conditions) ? { conditions } : {}),
    },
  };
}

function write(annotations: Record<string, string>, name: keyof typeof annotationNames, value: unknown): void {
  annotations[annotationNames[name]] = JSON.stringify(value);
}

/** Takes an annotation out and parses it; undefined when it is absent or makes no sense. */
function read(annotations: Record<string, string>, name: keyof typeof annotationNames): unknown {
  const text = annotations[annotationNames[name]];
  delete annotations[annotationNames[name]];
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function withAnnotations({ metadata }: KubeObject, annotations: Record<string, string>): KubeObject["metadata"] {
  const { annotations: _, ...rest } = metadata;
  return Object.keys(annotations).length > 0 ? { ...rest, annotations } : rest;
}

interface ResourceSource {
  readonly name?: string;
  readonly target?: { readonly averageUtilization?: number };
  readonly current?: { readonly averageUtilization?: number };
}

function isCpuUtilization(metric: Json): boolean {
  const source = metric["resource"] as ResourceSource | undefined;
  return metric["type"] === "Resource" && source?.name === "cpu" && source.target?.averageUtilization !== undefined;
}

function cpuTarget(metric: Json): number | undefined {
  return (metric["resource"] as ResourceSource | undefined)?.target?.averageUtilization;
}

function currentCpuUtilization(metric: Json): number | undefined {
  const source = metric["resource"] as ResourceSource | undefined;
  return metric["type"] === "Resource" && source?.name === "cpu" ? source.current?.averageUtilization : undefined;
}

function cpuMetric(averageUtilization: number): Json {
  return { type: "Resource", resource: { name: "cpu", target: { type: "Utilization", averageUtilization } } };
}

function currentCpuMetric(averageUtilization: number): Json {
  return { type: "Resource", resource: { name: "cpu", current: { averageUtilization } } };
}
