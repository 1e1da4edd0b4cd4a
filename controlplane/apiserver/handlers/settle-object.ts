/**
 * What happens to an object between its decoding and the registry, alike for create, update and patch: defaults, managed
 * fields, mutating admission.
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

/** `next` belongs to this function; `current` is not changed. */
export async function settleObject(
  next: KubeObject,
  current: KubeObject | undefined,
  request: SettleRequest,
): Promise<KubeObject> {
  const { endpoint, managed, manager, nowMs } = request;
  endpoint.strategy.applyDefaults?.(next);
  if (manager !== undefined) updateManagedFields({ endpoint: managed, live: current, next, manager, nowMs });
  await request.admission.mutate(next, current);
  if (current) keepTimesOfUnchanged(next, current);
  return next;
}
