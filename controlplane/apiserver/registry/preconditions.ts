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
