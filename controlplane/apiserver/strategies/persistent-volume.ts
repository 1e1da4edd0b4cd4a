/** Volumes of the cluster. The server notes when a volume's phase last changed. */
import type { PersistentVolume, PersistentVolumeStatus } from "#pkg/api/core/v1.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { defineStrategy } from "./define-strategy.ts";
import {
  validatePersistentVolume,
  validatePersistentVolumeStatus,
  validatePersistentVolumeUpdate,
} from "./validation/persistent-volume.ts";
import { persistentVolumeWarnings } from "./warnings/persistent-volume-warnings.ts";

export const persistentVolumeStrategy = defineStrategy<PersistentVolume>("core/v1.PersistentVolume", {
  hasGeneration: false,
  prepareForCreate(volume, { nowMs }) {
    volume.status = { phase: "Pending", lastPhaseTransitionTime: formatTime(nowMs) };
  },
  validate: validatePersistentVolume,
  validateUpdate: validatePersistentVolumeUpdate,
  warnings: persistentVolumeWarnings,
  subresources: {
    status: {
      prepareForUpdate(next, current, { nowMs }) {
        next.status = withTransitionTime(next.status ?? {}, current.status ?? {}, formatTime(nowMs));
      },
      validateUpdate: validatePersistentVolumeStatus,
    },
  },
});

function withTransitionTime(
  next: PersistentVolumeStatus,
  current: PersistentVolumeStatus,
  now: string,
): PersistentVolumeStatus {
  const { lastPhaseTransitionTime: given } = next;
  const { lastPhaseTransitionTime: before } = current;
  if (next.phase !== current.phase && (!given || given === before)) return { ...next, lastPhaseTransitionTime: now };
  return given || !before || next.phase !== current.phase ? next : { ...next, lastPhaseTransitionTime: before };
}
