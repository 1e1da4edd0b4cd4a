/** What the generic registry must know of a resource besides its strategy. */
import { type Resource, subresourceOf } from "#pkg/api/schema/resources.ts";
import type { ResourceName } from "#pkg/api/status.ts";

export interface StoredResource {
  /** "" for the core group. */
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** The plural, as in paths. */
  readonly resource: string;
  readonly namespaced: boolean;
  /** Where objects lie in the store, with the slash at the end: "/registry/pods/". */
  readonly prefix: string;
  /** The kind has a status subresource, so a status is only changed through it. */
  readonly hasStatus: boolean;
  /** A PUT may create the object. */
  readonly allowsCreateOnUpdate: boolean;
  /** A PUT may leave out metadata.resourceVersion. */
  readonly allowsUnconditionalUpdate: boolean;
}

/** The description of a built-in resource; undefined when nothing of it is stored. */
export function storedResourceOf(resource: Resource): StoredResource | undefined {
  if (resource.storagePrefix === undefined) return undefined;
  return {
    group: resource.group,
    version: resource.version,
    kind: resource.kind,
    resource: resource.plural,
    namespaced: resource.namespaced,
    prefix: `/registry/${resource.storagePrefix}/`,
    hasStatus: subresourceOf(resource, "status") !== undefined,
    allowsCreateOnUpdate: resource.createOnUpdate,
    allowsUnconditionalUpdate: resource.unconditionalUpdate,
  };
}

/** How errors about objects name the resource: `pods "x" not found`. */
export function resourceName(resource: StoredResource): ResourceName {
  return { group: resource.group, resource: resource.resource };
}

/** How validation errors name the kind: `Pod "x" is invalid`. */
export function kindName(resource: StoredResource): ResourceName {
  return { group: resource.group, resource: resource.kind };
}
