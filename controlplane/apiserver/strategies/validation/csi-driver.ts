/** What a storage driver can. Source: pkg/apis/storage/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import type { CSIDriver, CSIDriverSpec } from "#pkg/api/storage/v1.ts";
import { FieldErrors } from "./field-errors.ts";

const at = new FieldPath("spec");
const groupPolicies = ["File", "None", "ReadWriteOnceWithFSType"];
const lifecycleModes = ["Persistent", "Ephemeral"];

export function validateCSIDriver({ spec }: CSIDriver): FieldErrors {
  const errors = new FieldErrors();
  const { attachRequired, podInfoOnMount, storageCapacity, seLinuxMount, fsGroupPolicy } = spec;
  // Upstream's path of attachRequired has one letter more than the field.
  const wanted = { attachedRequired: attachRequired, podInfoOnMount, storageCapacity, seLinuxMount };
  for (const [name, value] of Object.entries(wanted)) if (value == null) errors.required(at.child(name));
  if (fsGroupPolicy != null && !groupPolicies.includes(fsGroupPolicy)) {
    errors.notSupported(at.child("fsGroupPolicy"), fsGroupPolicy, groupPolicies);
  }
  validateTokenRequests(spec, errors);
  for (const mode of spec.volumeLifecycleModes ?? []) {
    if (!lifecycleModes.includes(mode)) errors.notSupported(at.child("volumeLifecycleModes"), mode, lifecycleModes);
  }
  const { nodeAllocatableUpdatePeriodSeconds: period } = spec;
  if (period != null && period < 10) {
    const path = at.child("nodeAllocatableUpdatePeriodSeconds");
    errors.invalid(path, period, "must be greater than or equal to 10 seconds");
  }
  return errors;
}

function validateTokenRequests(spec: CSIDriverSpec, errors: FieldErrors): void {
  const audiences = new Set<string>();
  for (const [index, { audience = "", expirationSeconds: seconds }] of (spec.tokenRequests ?? []).entries()) {
    const path = at.child("tokenRequests").index(index);
    if (audiences.has(audience)) {
      errors.duplicate(path.child("audience"), audience);
      continue;
    }
    audiences.add(audience);
    const secondsPath = path.child("expirationSeconds");
    if (seconds == null) continue;
    if (seconds < 600) errors.invalid(secondsPath, seconds, "may not specify a duration less than 10 minutes");
    if (seconds > 2 ** 32) {
      errors.invalid(secondsPath, seconds, "may not specify a duration larger than 2^32 seconds");
    }
  }
  const { serviceAccountTokenInSecrets: inSecrets } = spec;
  if (inSecrets != null && audiences.size === 0) {
    const why = "serviceAccountTokenInSecrets is set but no tokenRequests are specified";
    errors.invalid(at.child("serviceAccountTokenInSecrets"), inSecrets, why);
  }
}

export function validateCSIDriverUpdate(next: CSIDriver, current: CSIDriver): FieldErrors {
  const errors = validateCSIDriver(next);
  errors.immutable(at.child("attachedRequired"), next.spec.attachRequired, current.spec.attachRequired);
  errors.immutable(at.child("volumeLifecycleModes"), next.spec.volumeLifecycleModes, current.spec.volumeLifecycleModes);
  return errors;
}
