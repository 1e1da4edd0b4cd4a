/** Which server serves which group and version. Those served here are available from the start. */
import type { APIService } from "#pkg/api/apiregistration/v1.ts";
import { nameIsPathSegment } from "#pkg/api/names.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import { validateAPIService, validateAPIServiceStatus } from "./validation/api-service.ts";

export const apiServiceStrategy = defineStrategy<APIService>("apiregistration/v1.APIService", {
  hasGeneration: false,
  validateName: nameIsPathSegment,
  prepareForCreate(service, { nowMs }) {
    service.status = {};
    if (service.spec.service) return;
    const message = "Local APIServices are always available";
    const condition = { type: "Available", status: "True", reason: "Local", message };
    service.status = { conditions: [{ ...condition, lastTransitionTime: formatTime(nowMs) }] };
  },
  validate: validateAPIService,
  subresources: { status: { prepareForUpdate: keepMetadata, validateUpdate: validateAPIServiceStatus } },
});
