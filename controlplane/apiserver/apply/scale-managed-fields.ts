/**
 * Managers of `spec.replicas` as the scale subresource shows them, and what a write through it means for the resource
 * behind it: scaling takes the replicas over and nothing else.
 * Source of the semantics: k8s.io/apimachinery/pkg/util/managedfields ScaleHandler.
 */
import type { ManagedFieldsEntry } from "#pkg/api/meta/v1.ts";
import { FieldSet } from "./field-set.ts";
import type { ManagerEntry } from "./managed-fields.ts";
import { formatManagedFields, managerKey, parseManagedFields } from "./managed-fields.ts";
import type { PathElement } from "./path-element.ts";
import { fieldElement } from "./path-element.ts";

const replicas: readonly PathElement[] = [fieldElement("spec"), fieldElement("replicas")];
const scaleVersion = "autoscaling/v1";

/** Where a version of the resource keeps its replicas: its apiVersion, and the path (spec.replicas for built-in kinds). */
export type ReplicasPaths = ReadonlyMap<string, readonly PathElement[] | undefined>;

/** For kinds whose replicas are at spec.replicas in all the versions given. */
export function builtinReplicasPaths(...apiVersions: readonly string[]): ReplicasPaths {
  return new Map(apiVersions.map((apiVersion) => [apiVersion, replicas]));
}

/** The managedFields of the Scale, from those of the resource. Throws when they are malformed. */
export function managedFieldsOfScale(
  parent: readonly ManagedFieldsEntry[] | undefined,
  paths: ReplicasPaths,
): ManagedFieldsEntry[] | undefined {
  const scale = new Map<string, ManagerEntry>();
  for (const entry of parseManagedFields(parent).values()) {
    const path = paths.get(entry.apiVersion);
    if (!path || !entry.set.has(path)) continue;
    const scaled = { ...entry, apiVersion: scaleVersion, set: FieldSet.of(replicas) };
    scale.set(managerKey(scaled), scaled);
  }
  return formatManagedFields(scale);
}

/**
 * The managedFields of the resource after a write of its Scale whose managedFields became `scale`. Throws when malformed.
 */
export function managedFieldsAfterScale(
  parent: readonly ManagedFieldsEntry[] | undefined,
  scale: readonly ManagedFieldsEntry[] | undefined,
  apiVersion: string,
  paths: ReplicasPaths,
): ManagedFieldsEntry[] | undefined {
  const scalers = new Map([...parseManagedFields(scale)].filter(([, entry]) => entry.set.has(replicas)));
  const result = new Map<string, ManagerEntry>();
  for (const [key, entry] of parseManagedFields(parent)) {
    if (!paths.has(entry.apiVersion)) continue;
    const path = paths.get(entry.apiVersion);
    if (!path || !entry.set.has(path)) {
      result.set(key, entry);
      continue;
    }
    const scaleKey = managerKey({ ...entry, apiVersion: scaleVersion });
    if (scalers.delete(scaleKey)) result.set(key, entry);
    else {
      const set = entry.set.difference(FieldSet.of(path));
      if (!set.isEmpty) result.set(key, { ...entry, set });
    }
  }
  for (const entry of scalers.values()) {
    const path = paths.get(apiVersion);
    if (!path) continue;
    const taken = { ...entry, apiVersion, set: FieldSet.of(path) };
    const key = managerKey(taken);
    const previous = result.get(key);
    result.set(key, previous ? { ...taken, set: previous.set.union(taken.set) } : taken);
  }
  return formatManagedFields(result);
}
