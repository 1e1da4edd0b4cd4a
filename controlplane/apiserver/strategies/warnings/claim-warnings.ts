import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { amountOf } from "../validation/resource-names.ts";

export const betaClassAnnotation = "volume.beta.kubernetes.io/storage-class";
export const betaClassGone = 'deprecated since v1.8; use "storageClassName" attribute instead';

export function claimWarnings(claim: PersistentVolumeClaim): readonly string[] {
  const isOld = claim.metadata.annotations?.[betaClassAnnotation] !== undefined;
  const path = new FieldPath("metadata", "annotations").key(betaClassAnnotation);
  return [...(isOld ? [`${path}: ${betaClassGone}`] : []), ...claimSpecWarnings(claim.spec, new FieldPath("spec"))];
}

export function claimSpecWarnings(spec: PersistentVolumeClaimSpec | undefined, at: FieldPath): readonly string[] {
  return (["requests", "limits"] as const).flatMap((field) => {
    const amount = amountOf(spec?.resources?.[field]?.["storage"]);
    if (amount.milliValue() % 1000n === 0n) return [];
    const path = at.child("resources", field).key("storage");
    return [`${path}: fractional byte value "${amount.toString()}" is invalid, must be an integer`];
  });
}
