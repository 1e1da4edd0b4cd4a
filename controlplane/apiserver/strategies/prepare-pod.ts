/** What the server works out of a new pod's own fields. All functions change what they are given. */
import type { AppArmorProfile, Pod, PodSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import type { LabelSelector } from "#pkg/api/meta/v1.ts";
import { optionalTypeEqual } from "./type-equal.ts";
import { appArmorPrefix } from "./validation/pod-annotations.ts";
import { visitContainers } from "./validation/visit-containers.ts";

/** Fields of features that are off at this API level are dropped, as upstream drops them. */
export function dropDisabledFields(spec: PodSpec): void {
  delete spec.schedulingGroup;
  for (const { container } of visitContainers(spec, new FieldPath("spec"))) {
    if (container.lifecycle?.stopSignal !== undefined) {
      const { stopSignal: _, ...lifecycle } = container.lifecycle;
      container.lifecycle = lifecycle;
    }
  }
}

/** matchLabelKeys take their values from the pod's own labels, once, when it is made. */
export function mergeLabelKeys({ metadata, spec }: Pod): void {
  const labels = metadata.labels ?? {};
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  for (const affinity of [podAffinity, podAntiAffinity]) {
    const weighted = affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required = affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const term of [...weighted.map((one) => one.podAffinityTerm), ...required]) {
      if (!term?.labelSelector) continue;
      addRequirements(term.labelSelector, term.matchLabelKeys, "In", labels);
      addRequirements(term.labelSelector, term.mismatchLabelKeys, "NotIn", labels);
    }
  }
  for (const { labelSelector, matchLabelKeys } of spec.topologySpreadConstraints ?? []) {
    if (labelSelector) addRequirements(labelSelector, matchLabelKeys, "In", labels);
  }
}

function addRequirements(
  selector: LabelSelector,
  keys: readonly string[] | undefined,
  operator: "In" | "NotIn",
  labels: Readonly<Record<string, string>>,
): void {
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value === undefined) continue;
    selector.matchExpressions = [...(selector.matchExpressions ?? []), { key, operator, values: [value] }];
  }
}

/** The old annotations become fields where the fields say nothing. */
export function readAppArmorAnnotations({ metadata, spec }: Pod): void {
  if (spec.os?.name === "windows") return;
  for (const { container } of visitContainers(spec, new FieldPath("spec"))) {
    const annotation = metadata.annotations?.[appArmorPrefix + container.name];
    if (annotation === undefined || container.securityContext?.appArmorProfile) continue;
    const profile = appArmorProfileOf(annotation);
    if (!profile || optionalTypeEqual("core/v1.AppArmorProfile", profile, spec.securityContext?.appArmorProfile))
      continue;
    container.securityContext = { ...container.securityContext, appArmorProfile: profile };
  }
}

export function appArmorProfileOf(annotation: string): AppArmorProfile | undefined {
  if (annotation === "unconfined") return { type: "Unconfined" };
  if (annotation === "runtime/default") return { type: "RuntimeDefault" };
  const name = annotation.startsWith("localhost/") ? annotation.slice("localhost/".length) : "";
  return name && name.trim() === name ? { type: "Localhost", localhostProfile: name } : undefined;
}
