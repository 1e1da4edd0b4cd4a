/** Storage drivers: what they can, where they run, what they have room for, and which volume is attached to which node. */
import type { CSIDriver, CSINode, CSIStorageCapacity, VolumeAttachment } from "#pkg/api/storage/v1.ts";
import { defineStrategy, keepMetadata } from "./define-strategy.ts";
import { typeEqual } from "./type-equal.ts";
import { validateCSIDriver, validateCSIDriverUpdate } from "./validation/csi-driver.ts";
import {
  validateCSINode,
  validateCSINodeUpdate,
  validateStorageCapacity,
  validateStorageCapacityUpdate,
  validateVolumeAttachment,
  validateVolumeAttachmentUpdate,
} from "./validation/csi-kinds.ts";

/** Its generation counts changes but not that it was made. */
export const csiDriverStrategy = defineStrategy<CSIDriver>("storage/v1.CSIDriver", {
  hasGeneration: false,
  prepareForCreate: dropDisabled,
  validate: validateCSIDriver,
  prepareForUpdate(next, current) {
    dropDisabled(next);
    if (typeEqual("storage/v1.CSIDriverSpec", next.spec, current.spec)) return;
    next.metadata.generation = (current.metadata.generation ?? 0) + 1;
  },
  validateUpdate: validateCSIDriverUpdate,
});

function dropDisabled(driver: CSIDriver): void {
  const { preventPodSchedulingIfMissing: _, ...spec } = driver.spec;
  driver.spec = spec;
}

export const csiNodeStrategy = defineStrategy<CSINode>("storage/v1.CSINode", {
  validate: validateCSINode,
  validateUpdate: validateCSINodeUpdate,
});

export const csiStorageCapacityStrategy = defineStrategy<CSIStorageCapacity>("storage/v1.CSIStorageCapacity", {
  validate: validateStorageCapacity,
  validateUpdate: validateStorageCapacityUpdate,
});

export const volumeAttachmentStrategy = defineStrategy<VolumeAttachment>("storage/v1.VolumeAttachment", {
  hasGeneration: false,
  validate: validateVolumeAttachment,
  validateUpdate: validateVolumeAttachmentUpdate,
  subresources: { status: { prepareForUpdate: keepMetadata, validateUpdate: validateVolumeAttachmentUpdate } },
});
