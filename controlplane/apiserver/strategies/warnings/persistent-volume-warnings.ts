/** Old ways to describe a volume of the cluster. Source: pkg/api/persistentvolume (v1.36). */
import type { PersistentVolume } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { nodeTermWarnings } from "./node-label-warnings.ts";

const annotations: Readonly<Record<string, string>> = {
  "volume.beta.kubernetes.io/storage-class": 'deprecated since v1.8; use "storageClassName" attribute instead',
  "volume.beta.kubernetes.io/mount-options": 'deprecated since v1.31; use "mountOptions" attribute instead',
};
const recycleText =
  "The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.";
const gone = {
  cephfs: "deprecated in v1.28, non-functional in v1.31+",
  photonPersistentDisk: "deprecated in v1.11, non-functional in v1.16+",
  scaleIO: "deprecated in v1.16, non-functional in v1.22+",
  storageos: "deprecated in v1.22, non-functional in v1.25+",
  glusterfs: "deprecated in v1.25, non-functional in v1.26+",
  rbd: "deprecated in v1.28, non-functional in v1.31+",
} as const;

export function persistentVolumeWarnings({ metadata, spec }: PersistentVolume): readonly string[] {
  const old = Object.entries(annotations).filter(([key]) => metadata.annotations?.[key] !== undefined);
  const terms = spec.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const at = new FieldPath("spec", "nodeAffinity", "required", "nodeSelectorTerms");
  const sources = Object.entries(gone).filter(([source]) => spec[source as keyof typeof gone]);
  return [
    ...old.map(([key, text]) => `metadata.annotations[${key}]: ${text}`),
    ...(spec.persistentVolumeReclaimPolicy === "Recycle" ? [`spec.persistentVolumeReclaimPolicy: ${recycleText}`] : []),
    ...terms.flatMap((term, index) => nodeTermWarnings(term, at.index(index), false)),
    // The one field whose name upstream writes differently here.
    ...sources.map(([source, text]) => `spec.${source === "storageos" ? "storageOS" : source}: ${text}`),
  ];
}
