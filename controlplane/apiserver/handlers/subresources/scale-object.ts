/** The Scale of a workload, read from it and written back to it. Pure. Source: the ScaleREST of upstream's app registries. */

import type { Scale } from "#pkg/api/autoscaling/v1.ts";
import { type FieldError, FieldPath, fieldError } from "#pkg/api/field.ts";
import { formatLabelSelector, type LabelMap, type LabelSelectorLike } from "#pkg/api/labels.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { managedFieldsOfScale, type ReplicasPaths } from "../../apply/scale-managed-fields.ts";

export type ScaleObject = KubeObject & Scale;

interface Scalable {
  readonly spec?: { readonly replicas?: number; readonly selector?: unknown };
  readonly status?: { readonly replicas?: number };
}

/** `paths` says where each version of the workload keeps its replicas. */
export function buildScale(parent: KubeObject, paths: ReplicasPaths): ScaleObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp, managedFields } = parent.metadata;
  const { spec, status } = parent as Scalable;
  const selector = formatSelector(spec?.selector);
  const scaleFields = managedFields && readManagedFields(managedFields, paths);
  return {
    kind: "Scale",
    apiVersion: "autoscaling/v1",
    metadata: {
      name,
      namespace,
      uid,
      resourceVersion,
      creationTimestamp,
      ...(scaleFields ? { managedFields: scaleFields } : {}),
    },
    spec: { ...(spec?.replicas ? { replicas: spec.replicas } : {}) },
    status: { replicas: status?.replicas ?? 0, ...(selector ? { selector } : {}) },
  } as ScaleObject;
}

/** A copy of the workload with the replicas of the scale. */
export function withReplicas(parent: KubeObject, scale: ScaleObject): KubeObject {
  const spec = { ...(parent["spec"] as Record<string, unknown> | undefined), replicas: scale.spec?.replicas ?? 0 };
  return { ...parent, metadata: { ...parent.metadata }, spec };
}

export function validateScale(scale: ScaleObject): readonly FieldError[] {
  const replicas = scale.spec?.replicas ?? 0;
  if (replicas >= 0) return [];
  const path = new FieldPath("spec", "replicas");
  return [fieldError.invalid(path, replicas, "must be greater than or equal to 0")];
}

/** Replication controllers select by a plain map, the rest by a label selector. */
function formatSelector(selector: unknown): string {
  if (typeof selector !== "object" || selector === null) return "";
  const isSelector = "matchLabels" in selector || "matchExpressions" in selector;
  return formatLabelSelector(isSelector ? (selector as LabelSelectorLike) : { matchLabels: selector as LabelMap });
}

function readManagedFields(
  managedFields: NonNullable<KubeObject["metadata"]["managedFields"]>,
  paths: ReplicasPaths,
): KubeObject["metadata"]["managedFields"] {
  try {
    return managedFieldsOfScale(managedFields, paths);
  } catch {
    // Managed fields that make no sense are dropped, here as in all writes.
    return undefined;
  }
}
