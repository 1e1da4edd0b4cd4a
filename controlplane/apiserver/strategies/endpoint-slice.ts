/** Endpoint slices: where a service's connections go, in pieces. */
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import { addressWarnings } from "#pkg/api/ip-address.ts";
import { defineStrategy } from "./define-strategy.ts";
import { plainEqual } from "./plain-equal.ts";
import { validateEndpointSlice, validateEndpointSliceUpdate } from "./validation/endpoint-slice.ts";

const managers: ReadonlySet<string | undefined> = new Set([
  "endpointslice-controller.k8s.io",
  "endpointslicemirroring-controller.k8s.io",
]);

export const endpointSliceStrategy = defineStrategy<EndpointSlice>("discovery/v1.EndpointSlice", {
  hasGeneration: true,
  validate: validateEndpointSlice,
  prepareForUpdate(next, current) {
    // Labels say which service a slice is of: changing them counts.
    if (plainEqual(next.metadata.labels, current.metadata.labels)) return;
    next.metadata.generation = (current.metadata.generation ?? 0) + 1;
  },
  validateUpdate: validateEndpointSliceUpdate,
  warnings(slice, current) {
    const isOld = !current && slice.addressType === "FQDN";
    const old = isOld ? ["spec.addressType: FQDN endpoints are deprecated"] : [];
    if (managers.has(slice.metadata.labels?.["endpointslice.kubernetes.io/managed-by"])) return old;
    const bad = (slice.endpoints ?? []).flatMap(({ addresses }, index) =>
      (addresses ?? []).flatMap((text, position) =>
        addressWarnings(`endpoints[${index}].addresses[${position}]`, text),
      ),
    );
    return [...old, ...bad];
  },
});
