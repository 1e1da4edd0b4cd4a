/**
 * What happens to an object between its decoding and the registry, alike for create, update and patch: defaults, managed
 * fields, mutating admission; and the change into the stored form where an endpoint serves another one.
 */
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { keepTimesOfUnchanged, type ManagedEndpoint, updateManagedFields } from "../apply/field-manager.ts";
import type { RequestAdmission } from "./admit.ts";
import type { ResourceEndpoint } from "./resource-endpoint.ts";

export interface SettleRequest {
  readonly endpoint: ResourceEndpoint;
  readonly managed: ManagedEndpoint;
  /** Undefined: managed fields are already what they should be (server-side apply). */
  readonly manager: string | undefined;
  readonly admission: RequestAdmission;
  readonly nowMs: number;
}

/**
 * `next` is in the endpoint's version and belongs to this function; `current` is in the stored version and not changed.
 * The result is in the stored version.
 */
export async function settleObject(
  next: KubeObject,
  current: KubeObject | undefined,
  request: SettleRequest,
): Promise<KubeObject> {
  const { endpoint, managed, manager, nowMs } = request;
  const { converter, strategy } = endpoint;
  let settled = next;
  if (converter) {
    settled = converter.toStored(next);
    strategy.applyDefaults?.(settled);
    if (manager !== undefined) {
      const served = converter.fromStored(settled);
      const live = current && converter.fromStored(current);
      updateManagedFields({ endpoint: managed, live, next: served, manager, nowMs });
      setManagedFields(settled, served);
    }
  } else {
    strategy.applyDefaults?.(settled);
    if (manager !== undefined) updateManagedFields({ endpoint: managed, live: current, next: settled, manager, nowMs });
  }
  await request.admission.mutate(settled, current);
  if (current) keepTimesOfUnchanged(settled, current);
  return settled;
}

function setManagedFields(target: KubeObject, source: KubeObject): void {
  const { managedFields } = source.metadata;
  if (managedFields) target.metadata.managedFields = managedFields;
  else delete target.metadata.managedFields;
}
