/** Preconditions of writes: the object must be the one, and at the state, that the client has seen. */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { type ResourceName, StatusError } from "#pkg/api/status.ts";

export interface Preconditions {
  readonly uid?: string | undefined;
  readonly resourceVersion?: string | undefined;
}

/** Throws 409. Texts: k8s.io/apiserver/pkg/storage/interfaces.go. */
export function checkPreconditions(
  about: ResourceName,
  object: KubeObject,
  preconditions: Preconditions | undefined,
): void {
  const { name = "", uid = "", resourceVersion = "" } = object.metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw StatusError.conflict(
      about,
      name,
      `Precondition failed: UID in precondition: ${preconditions.uid}, UID in object meta: ${uid}`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw StatusError.conflict(
      about,
      name,
      `Precondition failed: ResourceVersion in precondition: ${preconditions.resourceVersion}, ResourceVersion in object meta: ${resourceVersion}`,
    );
  }
}

/** The same for deletions, whose texts differ: k8s.io/apiserver/pkg/registry/rest/delete.go. */
export function checkDeletePreconditions(
  about: ResourceName,
  object: KubeObject,
  preconditions: Preconditions | undefined,
): void {
  const { name = "", uid = "", resourceVersion = "" } = object.metadata;
  if (preconditions?.uid !== undefined && preconditions.uid !== uid) {
    throw StatusError.conflict(
      about,
      name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  }
  if (preconditions?.resourceVersion !== undefined && preconditions.resourceVersion !== resourceVersion) {
    throw StatusError.conflict(
      about,
      name,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
  }
}
