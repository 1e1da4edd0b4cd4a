/**
 * A new object on its way to the store: what the server sets, what it refuses. Changes the object it is given.
 * Source: k8s.io/apiserver/pkg/registry/rest/create.go.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { nameIsSubdomain } from "#pkg/api/names.ts";
import { StatusError } from "#pkg/api/status.ts";
import { formatTime } from "#pkg/system/clock.ts";
import type { Random } from "#pkg/system/random.ts";
import { generateName } from "./generate-name.ts";
import { kindName, type StoredResource } from "./stored-resource.ts";
import type { Strategy, StrategyContext } from "./strategy.ts";
import { validateMetadata } from "./validate-metadata.ts";

/** A copy whose top level and metadata may be changed. */
export function ownCopy(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata } };
}

/** Everything the server sets on a new object except its generated name. Throws 400. */
export function prepareCreate(
  object: KubeObject,
  resource: StoredResource,
  strategy: Strategy,
  namespace: string,
  uid: string,
  context: StrategyContext,
): void {
  const { metadata } = object;
  matchNamespace(object, namespace);
  if (metadata.resourceVersion) {
    throw StatusError.badRequest("resourceVersion should not be set on objects to be created");
  }
  delete metadata.resourceVersion;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  if (resource.hasStatus && !strategy.keepsStatusOnCreate) delete object["status"];
  if (hasGeneration(object, resource, strategy)) metadata.generation = 1;
  else delete metadata.generation;
  metadata.creationTimestamp = formatTime(context.nowMs);
  metadata.uid = uid;
  strategy.prepareForCreate?.(object, context);
}

/** Takes a name from generateName when there is none. True: another try may find a free one. */
export function takeGeneratedName(object: KubeObject, random: Random): boolean {
  const { metadata } = object;
  if (metadata.name || !metadata.generateName) return false;
  metadata.name = generateName(metadata.generateName, random);
  return true;
}

/** Throws 422 with every fault. */
export function assertValidCreate(object: KubeObject, resource: StoredResource, strategy: Strategy): void {
  const nameRule = strategy.validateName?.bind(strategy) ?? nameIsSubdomain;
  const errors = [
    ...validateMetadata(object.metadata, resource.namespaced, nameRule),
    ...(strategy.validate?.(object) ?? []),
  ];
  if (errors.length > 0) throw StatusError.invalid(kindName(resource), object.metadata.name ?? "", errors);
}

/** True when the kind counts changes in metadata.generation. */
export function hasGeneration(object: KubeObject, resource: StoredResource, strategy: Strategy): boolean {
  return strategy.hasGeneration ?? (resource.hasStatus && object["spec"] !== undefined);
}

/** Takes the request's namespace where the object has none. Throws 400 when they differ. */
export function matchNamespace(object: KubeObject, namespace: string): void {
  const own = object.metadata.namespace ?? "";
  if (own === namespace) return;
  if (own === "") object.metadata.namespace = namespace;
  else if (namespace === "") delete object.metadata.namespace;
  else {
    throw StatusError.badRequest(
      "the namespace of the provided object does not match the namespace sent on the request",
    );
  }
}
