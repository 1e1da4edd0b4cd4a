/** What the generic registry must know of a resource besides its strategy. */
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

/** How errors about objects name the resource: `pods "x" not found`. */
export function resourceName(resource: StoredResource): ResourceName {
  return { group: resource.group, resource: resource.resource };
}

/** How validation errors name the kind: `Pod "x" is invalid`. */
export function kindName(resource: StoredResource): ResourceName {
  return { group: resource.group, resource: resource.kind };
}
