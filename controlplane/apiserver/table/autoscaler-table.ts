/** The table of autoscalers, in both served versions: each metric as "current/target". */
import type { HorizontalPodAutoscaler as HorizontalPodAutoscalerV1 } from "#pkg/api/autoscaling/v1.ts";
import type {
  HorizontalPodAutoscaler,
  MetricSpec,
  MetricStatus,
  MetricTarget,
  MetricValueStatus,
} from "#pkg/api/autoscaling/v2.ts";
import { ageOf, nameOf, withMore } from "./cell-text.ts";
import { type Cell, defineTable } from "./table-kind.ts";

const columns = "Name | Reference | Targets | MinPods | MaxPods | Replicas | Age";

export const autoscalerTable = defineTable<HorizontalPodAutoscaler>(columns, (autoscaler, nowMs) =>
  cellsOf(autoscaler, formatMetrics(autoscaler.spec?.metrics, autoscaler.status?.currentMetrics), nowMs),
);

export const autoscalerV1Table = defineTable<HorizontalPodAutoscalerV1>(columns, (autoscaler, nowMs) => {
  const target = autoscaler.spec?.targetCPUUtilizationPercentage;
  const current = autoscaler.status?.currentCPUUtilizationPercentage;
  const metrics = target === undefined ? "<none>" : `cpu: ${percent(current) ?? "<unknown>"}/${percent(target)}`;
  return cellsOf(autoscaler, metrics, nowMs);
});

function cellsOf(
  autoscaler: HorizontalPodAutoscaler | HorizontalPodAutoscalerV1,
  metrics: string,
  nowMs: number,
): Cell[] {
  const { scaleTargetRef, minReplicas, maxReplicas } = autoscaler.spec ?? {};
  return [
    nameOf(autoscaler),
    `${scaleTargetRef?.kind ?? ""}/${scaleTargetRef?.name ?? ""}`,
    metrics,
    String(minReplicas ?? "<unset>"),
    maxReplicas ?? 0,
    autoscaler.status?.currentReplicas ?? 0,
    ageOf(autoscaler, nowMs),
  ];
}

function formatMetrics(
  specs: readonly MetricSpec[] | undefined,
  statuses: readonly MetricStatus[] | undefined,
): string {
  if (!specs || specs.length === 0) return "<none>";
  const texts = specs.map((spec, index) => formatMetric(spec, statuses?.[index]));
  return withMore(texts, 2, ", ");
}

function formatMetric(spec: MetricSpec, status: MetricStatus | undefined): string {
  switch (spec.type) {
    case "External":
      return formatValue(spec.external?.target, status?.external?.current);
    case "Object":
      return formatValue(spec.object?.target, status?.object?.current);
    case "Pods":
      return `${status?.pods?.current?.averageValue ?? "<unknown>"}/${spec.pods?.target?.averageValue ?? "0"}`;
    case "Resource":
      return `${spec.resource?.name ?? ""}: ${formatUse(spec.resource?.target, status?.resource?.current)}`;
    case "ContainerResource":
      return `${spec.containerResource?.name ?? ""}: ${formatUse(spec.containerResource?.target, status?.containerResource?.current)}`;
    default:
      return "<unknown type>";
  }
}

function formatValue(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? "<unknown>"}/${target.averageValue} (avg)`;
  return `${current?.value ?? "<unknown>"}/${target?.value ?? "0"}`;
}

function formatUse(target: MetricTarget | undefined, current: MetricValueStatus | undefined): string {
  if (target?.averageValue !== undefined) return `${current?.averageValue ?? "<unknown>"}/${target.averageValue}`;
  return `${percent(current?.averageUtilization) ?? "<unknown>"}/${percent(target?.averageUtilization) ?? "<auto>"}`;
}

function percent(value: number | undefined | null): string | undefined {
  return value === undefined || value === null ? undefined : `${value}%`;
}
