/**
 * What to write so that a store, new or old, holds the objects a cluster starts from. Pure: desired and present objects in,
 * actions out. Roles and bindings are only ever added to: what an administrator put in stays; and those marked not to be
 * updated are left alone.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { ClusterRole, ClusterRoleBinding, PolicyRule, Subject } from "#pkg/api/rbac/v1.ts";
import { uncoveredRules } from "../authz/rule-matching.ts";
import { equalJson } from "../registry/equal-json.ts";
import { autoUpdateAnnotation } from "./role-objects.ts";

/** How a present object is brought in line with the desired one. */
export type ReconcileMode = "createOnly" | "roleRules" | "bindingSubjects" | "spec" | "mandatorySpec" | "fields";

export interface DesiredObject {
  readonly group: string;
  readonly resource: string;
  readonly object: KubeObject;
  readonly mode: ReconcileMode;
}

export interface BootstrapAction {
  readonly kind: "create" | "update";
  readonly group: string;
  readonly resource: string;
  readonly object: KubeObject;
}

/** Undefined: nothing to do. */
export function computeBootstrapAction(
  desired: DesiredObject,
  present: KubeObject | undefined,
): BootstrapAction | undefined {
  const { group, resource, object, mode } = desired;
  if (!present) return { kind: "create", group, resource, object };
  const next = reconciled(object, present, mode);
  return next && { kind: "update", group, resource, object: next };
}

function reconciled(object: KubeObject, present: KubeObject, mode: ReconcileMode): KubeObject | undefined {
  switch (mode) {
    case "createOnly":
      return undefined;
    case "roleRules":
      return reconcileRole(object as ClusterRole, present as ClusterRole);
    case "bindingSubjects":
      return reconcileBinding(object as ClusterRoleBinding, present as ClusterRoleBinding);
    case "spec":
      if (present.metadata.annotations?.["apf.kubernetes.io/autoupdate-spec"] === "false") return undefined;
      return replaceWhereDifferent(object, present, ["spec"]);
    case "mandatorySpec":
      return replaceWhereDifferent(object, present, ["spec"]);
    case "fields": {
      const own = Object.keys(object).filter((name) => !["apiVersion", "kind", "metadata"].includes(name));
      return replaceWhereDifferent(object, present, own);
    }
  }
}

function reconcileRole(desired: ClusterRole, present: ClusterRole): KubeObject | undefined {
  if (isProtected(present)) return undefined;
  // The rules of an aggregated role belong to the aggregation controller.
  const missing = desired.aggregationRule ? [] : uncoveredRules(present.rules ?? [], desired.rules ?? []);
  const metadata = withMissingMetadata(desired, present);
  const selectors = present.aggregationRule?.clusterRoleSelectors ?? [];
  const added = (desired.aggregationRule?.clusterRoleSelectors ?? []).filter(
    (selector) => !selectors.some((one) => equalJson(one, selector)),
  );
  if (missing.length === 0 && added.length === 0 && !metadata) return undefined;
  return {
    ...present,
    metadata: metadata ?? present.metadata,
    ...(missing.length > 0 ? { rules: [...(present.rules ?? []), ...(missing as PolicyRule[])] } : {}),
    ...(added.length > 0 ? { aggregationRule: { clusterRoleSelectors: [...selectors, ...added] } } : {}),
  };
}

function reconcileBinding(desired: ClusterRoleBinding, present: ClusterRoleBinding): KubeObject | undefined {
  // What a binding refers to cannot be changed; one that refers elsewhere was made so on purpose.
  if (isProtected(present) || !isSameRole(desired, present)) return undefined;
  const subjects = present.subjects ?? [];
  const added = (desired.subjects ?? []).filter((subject) => !subjects.some((one) => isSameSubject(one, subject)));
  const metadata = withMissingMetadata(desired, present);
  if (added.length === 0 && !metadata) return undefined;
  return { ...present, metadata: metadata ?? present.metadata, subjects: [...subjects, ...added] };
}

function isSameRole({ roleRef: a }: ClusterRoleBinding, { roleRef: b }: ClusterRoleBinding): boolean {
  return a.kind === b.kind && a.name === b.name;
}

function isSameSubject(a: Subject, b: Subject): boolean {
  return a.kind === b.kind && a.name === b.name && (a.namespace ?? "") === (b.namespace ?? "");
}

function isProtected({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[autoUpdateAnnotation] === "false";
}

/** Undefined when the labels and annotations are all there. */
function withMissingMetadata(desired: KubeObject, present: KubeObject): KubeObject["metadata"] | undefined {
  const labels = { ...desired.metadata.labels, ...present.metadata.labels };
  const annotations = { ...desired.metadata.annotations, ...present.metadata.annotations };
  const isSame =
    equalJson(labels, present.metadata.labels ?? {}) && equalJson(annotations, present.metadata.annotations ?? {});
  return isSame ? undefined : { ...present.metadata, labels, annotations };
}

function replaceWhereDifferent(
  desired: KubeObject,
  present: KubeObject,
  fields: readonly string[],
): KubeObject | undefined {
  const changed = fields.filter((field) => !isWithin(desired[field], present[field]));
  if (changed.length === 0) return undefined;
  return { ...present, ...Object.fromEntries(changed.map((field) => [field, desired[field]])) };
}

/** True when everything wanted is there; what else is there came from defaults. */
function isWithin(wanted: unknown, present: unknown): boolean {
  if (Array.isArray(wanted)) {
    return (
      Array.isArray(present) &&
      wanted.length === present.length &&
      wanted.every((item, index) => isWithin(item, present[index]))
    );
  }
  if (typeof wanted !== "object" || wanted === null) return wanted === present;
  if (typeof present !== "object" || present === null) return false;
  return Object.entries(wanted).every(([key, value]) => isWithin(value, (present as Record<string, unknown>)[key]));
}
