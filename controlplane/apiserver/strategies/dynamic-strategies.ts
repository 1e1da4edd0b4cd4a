/** The strategies of the kinds by which pods get devices, by their resource. */
import type { Strategy } from "../registry/strategy.ts";
import { deviceClassStrategy } from "./device-class.ts";
import { resourceClaimStrategy } from "./resource-claim.ts";
import { resourceClaimTemplateStrategy } from "./resource-claim-template.ts";
import { resourceSliceStrategy } from "./resource-slice.ts";

export const dynamicStrategies: Readonly<Record<string, Strategy>> = {
  "deviceclasses.resource.k8s.io": deviceClassStrategy as Strategy,
  "resourceclaims.resource.k8s.io": resourceClaimStrategy as Strategy,
  "resourceclaimtemplates.resource.k8s.io": resourceClaimTemplateStrategy as Strategy,
  "resourceslices.resource.k8s.io": resourceSliceStrategy as Strategy,
};
