import type { ResourceClaim, ResourceClaimStatus } from "#pkg/api/resource/v1.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import {
  deviceKey,
  validateResourceClaim,
  validateResourceClaimStatusUpdate,
  validateResourceClaimUpdate,
} from "./validation/resource-claim.ts";

export const resourceClaimStrategy = defineStrategy<ResourceClaim>("resource/v1.ResourceClaim", {
  hasGeneration: false,
  validate: validateResourceClaim,
  validateUpdate: validateResourceClaimUpdate,
  subresources: {
    status: {
      prepareForUpdate(next, current) {
        keepMetadata(next, current);
        if (next.status) next.status = withoutDeallocated(next.status, current.status);
      },
      validateUpdate: validateResourceClaimStatusUpdate,
    },
  },
});

/** What drivers said of a device goes with its allocation, also when the one who deallocates knows nothing of it. */
function withoutDeallocated(status: ResourceClaimStatus, before: ResourceClaimStatus | undefined): ResourceClaimStatus {
  const held = new Set((status.allocation?.devices?.results ?? []).map(deviceKey));
  const gone = new Set(
    (before?.allocation?.devices?.results ?? []).map(deviceKey).filter((device) => !held.has(device)),
  );
  const { devices = [], ...others } = status;
  const left = devices.filter((device) => !gone.has(deviceKey(device)));
  return left.length > 0 ? { ...others, devices: left } : others;
}
