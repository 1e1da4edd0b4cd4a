/** Tables of volumes, claims, classes and CSI. */
import type { PersistentVolume, PersistentVolumeClaim } from "#pkg/api/core/v1.ts";
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  StorageClass,
  VolumeAttachment,
  VolumeAttributesClass,
} from "#pkg/api/storage/v1.ts";
import { ageOf, nameOf, orNone } from "./cell-text.ts";
import { defineTable, type Row } from "./table-kind.ts";

export const persistentVolumeTable = defineTable<PersistentVolume>(
  "Name | Capacity | Access Modes | Reclaim Policy | Status | Claim | StorageClass | VolumeAttributesClass | Reason | Age | VolumeMode*",
  (volume, nowMs) => {
    const { spec, status } = volume;
    const claim = spec?.claimRef;
    return [
      nameOf(volume),
      spec?.capacity?.["storage"] ?? "0",
      formatAccessModes(spec?.accessModes),
      spec?.persistentVolumeReclaimPolicy ?? "",
      volume.metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""),
      claim ? `${claim.namespace ?? ""}/${claim.name ?? ""}` : "",
      storageClassOf(volume, spec?.storageClassName),
      spec?.volumeAttributesClassName ?? "<unset>",
      status?.reason ?? "",
      ageOf(volume, nowMs),
      spec?.volumeMode ?? "<unset>",
    ];
  },
);

export const persistentVolumeClaimTable = defineTable<PersistentVolumeClaim>(
  "Name | Status | Volume | Capacity | Access Modes | StorageClass | VolumeAttributesClass | Age | VolumeMode*",
  (claim, nowMs) => {
    const { spec, status } = claim;
    const isBound = Boolean(spec?.volumeName);
    return [
      nameOf(claim),
      claim.metadata.deletionTimestamp ? "Terminating" : (status?.phase ?? ""),
      spec?.volumeName ?? "",
      isBound ? (status?.capacity?.["storage"] ?? "0") : "",
      isBound ? formatAccessModes(status?.accessModes) : "",
      storageClassOf(claim, spec?.storageClassName),
      spec?.volumeAttributesClassName ?? "<unset>",
      ageOf(claim, nowMs),
      spec?.volumeMode ?? "<unset>",
    ];
  },
);

const accessModes = [
  ["ReadWriteOnce", "RWO"],
  ["ReadOnlyMany", "ROX"],
  ["ReadWriteMany", "RWX"],
  ["ReadWriteOncePod", "RWOP"],
] as const;

function formatAccessModes(modes: readonly string[] | undefined): string {
  return accessModes
    .filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(",");
}

/** The annotation is older than the field and wins. */
function storageClassOf(object: Row, name: string | undefined): string {
  return object.metadata.annotations?.["volume.beta.kubernetes.io/storage-class"] ?? name ?? "";
}

export const storageClassTable = defineTable<StorageClass>(
  "Name | Provisioner | ReclaimPolicy | VolumeBindingMode | AllowVolumeExpansion | Age",
  (storageClass, nowMs) => [
    withDefaultMark(storageClass, [
      "storageclass.kubernetes.io/is-default-class",
      "storageclass.beta.kubernetes.io/is-default-class",
    ]),
    storageClass.provisioner ?? "",
    storageClass.reclaimPolicy ?? "Delete",
    storageClass.volumeBindingMode ?? "Immediate",
    storageClass.allowVolumeExpansion ?? false,
    ageOf(storageClass, nowMs),
  ],
);

export const volumeAttributesClassTable = defineTable<VolumeAttributesClass>(
  "Name | DriverName | Age",
  (one, nowMs) => [
    withDefaultMark(one, ["volumeattributesclass.alpha.kubernetes.io/is-default-class"]),
    one.driverName ?? "",
    ageOf(one, nowMs),
  ],
);

function withDefaultMark(object: Row, annotations: readonly string[]): string {
  const isDefault = annotations.some((key) => object.metadata.annotations?.[key] === "true");
  return isDefault ? `${nameOf(object)} (default)` : nameOf(object);
}

export const volumeAttachmentTable = defineTable<VolumeAttachment>(
  "Name | Attacher | PV | Node | Attached:boolean | Age",
  (attachment, nowMs) => [
    nameOf(attachment),
    attachment.spec?.attacher ?? "",
    attachment.spec?.source?.persistentVolumeName ?? "",
    attachment.spec?.nodeName ?? "",
    attachment.status?.attached ?? false,
    ageOf(attachment, nowMs),
  ],
);

export const csiNodeTable = defineTable<CSINode>("Name | Drivers:integer | Age", (node, nowMs) => [
  nameOf(node),
  (node.spec?.drivers ?? []).length,
  ageOf(node, nowMs),
]);

export const csiDriverTable = defineTable<CSIDriver>(
  "Name | AttachRequired:boolean | PodInfoOnMount:boolean | StorageCapacity:boolean | TokenRequests | RequiresRepublish:boolean | Modes | Age",
  (driver, nowMs) => [
    nameOf(driver),
    driver.spec?.attachRequired ?? true,
    driver.spec?.podInfoOnMount ?? false,
    driver.spec?.storageCapacity ?? false,
    driver.spec?.tokenRequests?.map((one) => one.audience).join(",") ?? "<unset>",
    driver.spec?.requiresRepublish ?? false,
    orNone((driver.spec?.volumeLifecycleModes ?? []).join(",")),
    ageOf(driver, nowMs),
  ],
);

export const csiStorageCapacityTable = defineTable<CSIStorageCapacity>(
  "Name | StorageClassName | Capacity",
  (capacity) => [nameOf(capacity), capacity.storageClassName ?? "", capacity.capacity ?? "<unset>"],
);
