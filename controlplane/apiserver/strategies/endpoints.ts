/** Endpoints: the older way to list where a service's connections go. */
import type { Endpoints } from "#pkg/api/core/v1.ts";
import { addressWarnings } from "#pkg/api/ip-address.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateEndpoints, validateEndpointsUpdate } from "./validation/endpoints.ts";

export const endpointsStrategy = defineStrategy<Endpoints>("core/v1.Endpoints", {
  validate: validateEndpoints,
  validateUpdate: validateEndpointsUpdate,
  warnings({ metadata, subsets = [] }) {
    if (metadata.labels?.["endpoints.kubernetes.io/managed-by"] === "endpoint-controller") return [];
    return subsets.flatMap((subset, index) =>
      (["addresses", "notReadyAddresses"] as const).flatMap((list) =>
        (subset[list] ?? []).flatMap(({ ip }, position) =>
          addressWarnings(`subsets[${index}].${list}[${position}].ip`, ip ?? ""),
        ),
      ),
    );
  },
});
