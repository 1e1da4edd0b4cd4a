/** Claims of storage. A data source has two names, an old one for claims and snapshots only; both are filled in. */
import type { PersistentVolumeClaim, PersistentVolumeClaimSpec } from "#pkg/api/core/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateClaim, validateClaimStatusUpdate, validateClaimUpdate } from "./validation/persistent-volume-claim.ts";
import { claimWarnings } from "./warnings/claim-warnings.ts";

export const persistentVolumeClaimStrategy = defineStrategy<PersistentVolumeClaim>("core/v1.PersistentVolumeClaim", {
  hasGeneration: false,
  prepareForCreate(claim) {
    claim.status = { phase: "Pending" };
    claim.spec = withDataSources(claim.spec, {});
  },
  validate: validateClaim,
  prepareForUpdate(next, current) {
    next.spec = withDataSources(next.spec, current.spec);
  },
  validateUpdate: validateClaimUpdate,
  warnings: claimWarnings,
  subresources: { status: { validateUpdate: validateClaimStatusUpdate } },
});

function withDataSources(
  spec: PersistentVolumeClaimSpec,
  current: Partial<PersistentVolumeClaimSpec>,
): PersistentVolumeClaimSpec {
  const { dataSource, dataSourceRef, ...others } = spec;
  // Sources in other namespaces are a feature that is off.
  const isDropped = Boolean(dataSourceRef?.namespace) && !current.dataSourceRef;
  const newer = isDropped ? undefined : dataSourceRef;
  const older = current.dataSource || isClaimOrSnapshot(dataSource) ? dataSource : undefined;
  const result: PersistentVolumeClaimSpec = { ...others };
  const fromNewer = newer && !newer.namespace ? withoutNamespace(newer) : undefined;
  if (older ?? fromNewer) result.dataSource = older ?? fromNewer;
  if (newer ?? older) result.dataSourceRef = newer ?? (older && { ...older });
  return result;
}

function withoutNamespace({ namespace: _, ...reference }: NonNullable<PersistentVolumeClaimSpec["dataSourceRef"]>) {
  return reference;
}

function isClaimOrSnapshot(source: PersistentVolumeClaimSpec["dataSource"]): boolean {
  const group = source?.apiGroup ?? "";
  if (source?.kind === "PersistentVolumeClaim") return group === "";
  return source?.kind === "VolumeSnapshot" && group === "snapshot.storage.k8s.io";
}
