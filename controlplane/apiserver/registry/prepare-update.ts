/**
 * A changed object on its way to the store: what it may not change is put back, what follows from the change is set, the
 * rest is validated. Changes the object it is given.
 * Source: k8s.io/apiserver/pkg/registry/rest/update.go and registry/generic/registry/store.go.
 */
import { FieldPath, fieldError } from "#pkg/api/field.ts";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { equalJson } from "./equal-json.ts";
import { checkPreconditions } from "./preconditions.ts";
import { hasGeneration, matchNamespace } from "./prepare-create.ts";
import { kindName, resourceName, type StoredResource } from "./stored-resource.ts";
import type { Strategy, StrategyContext, UpdateStrategy } from "./strategy.ts";
import { validateMetadataUpdate } from "./validate-metadata.ts";

/** Throws 409 when the new object was made from another state or another object, 422 when it must say which and does not. */
export function checkVersion(next: KubeObject, current: KubeObject, resource: StoredResource): void {
  const name = current.metadata.name ?? "";
  const { resourceVersion, uid } = next.metadata;
  if (uid) checkPreconditions(resourceName(resource), current, { uid });
  if (!resourceVersion || resourceVersion === "0") {
    if (!resource.allowsUnconditionalUpdate) {
      const path = new FieldPath("metadata", "resourceVersion");
      // Upstream names the resource here, not the kind.
      throw StatusError.invalid(resourceName(resource), name, [
        fieldError.invalid(path, 0, "must be specified for an update"),
      ]);
    }
    next.metadata.resourceVersion = current.metadata.resourceVersion;
  } else if (resourceVersion !== current.metadata.resourceVersion) {
    throw StatusError.modified(resourceName(resource), name);
  }
}

export function prepareUpdate(
  next: KubeObject,
  current: KubeObject,
  resource: StoredResource,
  strategy: Strategy,
  subresource: string,
  context: StrategyContext,
): void {
  matchNamespace(next, current.metadata.namespace ?? "");
  fillMetadata(next, current);
  if (subresource === "status" && resource.hasStatus) keepAllButStatus(next, current);
  else if (resource.hasStatus && isMain(strategy, subresource)) keepField(next, current, "status");
  const rules = updateStrategy(strategy, subresource);
  rules.prepareForUpdate?.(next, current, context);
  const { metadata } = next;
  if (rules.keepsGeneration || !hasGeneration(next, resource, strategy)) return;
  // The strategy may have counted already, for reasons of its own.
  if (metadata.generation !== current.metadata.generation) return;
  if (!equalDesiredState(next, current)) metadata.generation = (current.metadata.generation ?? 0) + 1;
}

/** Throws 422 with every fault. */
export function assertValidUpdate(
  next: KubeObject,
  current: KubeObject,
  resource: StoredResource,
  strategy: Strategy,
  subresource: string,
): void {
  const errors = [
    ...validateMetadataUpdate(next.metadata, current.metadata),
    ...(updateStrategy(strategy, subresource).validateUpdate?.(next, current) ?? []),
  ];
  if (errors.length > 0) throw StatusError.invalid(kindName(resource), current.metadata.name ?? "", errors);
}

/** True for the object itself and for subresources that are another way to change it (scale). */
export function isMain(strategy: Strategy, subresource: string): boolean {
  return subresource !== "status" && strategy.subresources?.[subresource] === undefined;
}

function updateStrategy(strategy: Strategy, subresource: string): UpdateStrategy {
  return strategy.subresources?.[subresource] ?? (subresource === "status" ? {} : strategy);
}

/** Fields a client may leave out, and those it can never change by writing them. */
function fillMetadata(next: KubeObject, current: KubeObject): void {
  const metadata = next.metadata;
  const old = current.metadata;
  metadata.name ||= old.name;
  metadata.uid ||= old.uid;
  metadata.creationTimestamp ||= old.creationTimestamp;
  if (old.generation === undefined) delete metadata.generation;
  else metadata.generation = old.generation;
  if (old.generateName !== undefined && !metadata.generateName) metadata.generateName = old.generateName;
  if (old.deletionTimestamp !== undefined) metadata.deletionTimestamp = old.deletionTimestamp;
  if (old.deletionGracePeriodSeconds !== undefined) {
    metadata.deletionGracePeriodSeconds = old.deletionGracePeriodSeconds;
  }
  delete metadata.selfLink;
}

function keepAllButStatus(next: KubeObject, current: KubeObject): void {
  for (const field of new Set([...Object.keys(next), ...Object.keys(current)])) {
    if (field !== "status" && field !== "metadata" && field !== "apiVersion" && field !== "kind") {
      keepField(next, current, field);
    }
  }
}

function keepField(next: KubeObject, current: KubeObject, field: string): void {
  if (current[field] === undefined) delete next[field];
  else next[field] = current[field];
}

const notDesired: ReadonlySet<string> = new Set(["metadata", "status", "apiVersion", "kind"]);

function equalDesiredState(next: KubeObject, current: KubeObject): boolean {
  return [...new Set([...Object.keys(next), ...Object.keys(current)])].every(
    (field) => notDesired.has(field) || equalJson(next[field], current[field]),
  );
}
