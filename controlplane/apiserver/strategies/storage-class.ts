/** Classes of storage, and of what may change in a volume afterwards. */
import type { StorageClass, VolumeAttributesClass } from "#pkg/api/storage/v1.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  validateStorageClass,
  validateStorageClassUpdate,
  validateVolumeAttributesClass,
  validateVolumeAttributesClassUpdate,
} from "./validation/storage-class.ts";

export const storageClassStrategy = defineStrategy<StorageClass>("storage/v1.StorageClass", {
  validate: validateStorageClass,
  validateUpdate: validateStorageClassUpdate,
});

export const volumeAttributesClassStrategy = defineStrategy<VolumeAttributesClass>("storage/v1.VolumeAttributesClass", {
  validate: validateVolumeAttributesClass,
  validateUpdate: validateVolumeAttributesClassUpdate,
});
