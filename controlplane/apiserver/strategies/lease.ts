/** Leases: who holds what, and until when. */
import type { Lease } from "#pkg/api/coordination/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateLease } from "./validation/lease.ts";

export const leaseStrategy = defineStrategy<Lease>("coordination/v1.Lease", { validate: validateLease });
