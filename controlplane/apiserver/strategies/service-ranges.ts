/** The ranges that cluster IPs come from, and the addresses taken from them. */
import { addressProblems } from "#pkg/api/ip-address.ts";
import type { IPAddress, ServiceCIDR } from "#pkg/api/networking/v1.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import {
  validateIPAddress,
  validateIPAddressUpdate,
  validateServiceCIDR,
  validateServiceCIDRUpdate,
} from "./validation/service-ranges.ts";

export const serviceCIDRStrategy = defineStrategy<ServiceCIDR>("networking/v1.ServiceCIDR", {
  hasGeneration: false,
  validate: validateServiceCIDR,
  validateUpdate: validateServiceCIDRUpdate,
  subresources: { status: { prepareForUpdate: keepMetadata } },
});

/** Its name is the address. */
export const ipAddressStrategy = defineStrategy<IPAddress>("networking/v1.IPAddress", {
  validateName: (name) => addressProblems(name),
  validate: validateIPAddress,
  validateUpdate: validateIPAddressUpdate,
});
