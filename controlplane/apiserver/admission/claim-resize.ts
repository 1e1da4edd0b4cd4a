/** PersistentVolumeClaimResize: only bound claims grow, and only where their class says that its volumes can. */
import type { PersistentVolumeClaim } from "#pkg/api/core/v1.ts";
import { parseQuantity } from "#pkg/api/quantity.ts";
import type { ObjectReader } from "../registry/resource-registry.ts";
import type { AdmissionPlugin } from "./admission.ts";
import { isRequest, refuse } from "./attributes.ts";

export function persistentVolumeClaimResize(reader: ObjectReader): AdmissionPlugin {
  return {
    name: "PersistentVolumeClaimResize",
    handles: (attributes) => isRequest(attributes, "persistentvolumeclaims", "UPDATE"),
    async validate(attributes) {
      const next = attributes.object as PersistentVolumeClaim | undefined;
      const old = attributes.oldObject as PersistentVolumeClaim | undefined;
      if (!next || !old || sizeOf(next).compare(sizeOf(old)) <= 0) return;
      if (old.status?.phase !== "Bound")
        throw refuse(attributes, "Only bound persistent volume claims can be expanded");
      const name = classOf(next);
      const found =
        name && name === classOf(old) ? reader.get("storage.k8s.io", "storageclasses", "", name) : undefined;
      if (found?.["allowVolumeExpansion"] === true) return;
      throw refuse(
        attributes,
        "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize",
      );
    },
  };
}

function sizeOf(claim: PersistentVolumeClaim) {
  return parseQuantity(claim.spec?.resources?.requests?.["storage"] ?? "0");
}

function classOf({ metadata, spec }: PersistentVolumeClaim): string {
  return metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? spec?.storageClassName ?? "";
}
