/** Where containers see the volumes of their pod: as directories and as block devices. */
import type { Container, Volume, VolumeDevice, VolumeMount } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateDescendingPath } from "./paths.ts";

type Volumes = ReadonlyMap<string, Volume>;

export function validateMounts(container: Container, volumes: Volumes, at: FieldPath, errors: FieldErrors): void {
  const mounts = container.volumeMounts ?? [];
  const devices = container.volumeDevices ?? [];
  validateVolumeMounts(mounts, devices, volumes, isPrivileged(container), at.child("volumeMounts"), errors);
  validateVolumeDevices(devices, mounts, volumes, at.child("volumeDevices"), errors);
}

function isPrivileged(container: Container): boolean {
  return container.securityContext?.privileged === true;
}

function validateVolumeMounts(
  mounts: readonly VolumeMount[],
  devices: readonly VolumeDevice[],
  volumes: Volumes,
  privileged: boolean,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const deviceNames = new Set(devices.map((device) => device.name));
  const devicePaths = new Set(devices.map((device) => device.devicePath));
  const seen = new Set<string>();
  for (const [index, mount] of mounts.entries()) {
    const one = at.index(index);
    const { name = "", mountPath = "", subPath, subPathExpr } = mount;
    errors.filled(one.child("name"), name);
    if (!volumes.has(name)) errors.notFound(one.child("name"), name);
    errors.filled(one.child("mountPath"), mountPath);
    if (seen.has(mountPath)) errors.invalid(one.child("mountPath"), mountPath, "must be unique");
    seen.add(mountPath);
    if (deviceNames.has(name)) errors.invalid(one.child("name"), name, "must not already exist in volumeDevices");
    if (devicePaths.has(mountPath)) {
      errors.invalid(one.child("mountPath"), mountPath, "must not already exist as a path in volumeDevices");
    }
    if (subPath) validateDescendingPath(subPath, at.child("subPath"), errors);
    if (subPathExpr && subPath) {
      errors.invalid(one.child("subPathExpr"), subPathExpr, "subPathExpr and subPath are mutually exclusive");
    }
    if (subPathExpr) validateDescendingPath(subPathExpr, at.child("subPathExpr"), errors);
    validatePropagation(mount, privileged, at.child("mountPropagation"), errors);
    validateRecursiveReadOnly(mount, at.child("recursiveReadOnly"), errors);
  }
}

function validatePropagation(mount: VolumeMount, privileged: boolean, at: FieldPath, errors: FieldErrors): void {
  errors.supported(at, mount.mountPropagation, ["Bidirectional", "HostToContainer", "None"]);
  if (mount.mountPropagation === "Bidirectional" && !privileged) {
    errors.forbidden(at, "Bidirectional mount propagation is available only to privileged containers");
  }
}

function validateRecursiveReadOnly(mount: VolumeMount, at: FieldPath, errors: FieldErrors): void {
  const { recursiveReadOnly: mode, mountPropagation: propagation } = mount;
  errors.supported(at, mode, ["Disabled", "Enabled", "IfPossible"]);
  if (mode !== "Enabled" && mode !== "IfPossible") return;
  if (!mount.readOnly) errors.forbidden(at, "may only be specified when readOnly is true");
  if (propagation != null && propagation !== "None") {
    errors.forbidden(at, "may only be specified when mountPropagation is None or not specified");
  }
}

function validateVolumeDevices(
  devices: readonly VolumeDevice[],
  mounts: readonly VolumeMount[],
  volumes: Volumes,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const mountNames = new Set(mounts.map((mount) => mount.name));
  const mountPaths = new Set(mounts.map((mount) => mount.mountPath));
  const names = new Set<string>();
  const paths = new Set<string>();
  for (const [index, { name = "", devicePath = "" }] of devices.entries()) {
    const one = at.index(index);
    const volume = volumes.get(name);
    errors.filled(one.child("name"), name);
    if (names.has(name)) errors.invalid(one.child("name"), name, "must be unique");
    if (volume && !volume.persistentVolumeClaim && !volume.ephemeral) {
      const why = "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode";
      errors.invalid(one.child("name"), name, why);
    }
    if (!volume) errors.notFound(one.child("name"), name);
    errors.filled(one.child("devicePath"), devicePath);
    if (paths.has(devicePath)) errors.invalid(one.child("devicePath"), devicePath, "must be unique");
    if (devicePath.split("/").includes("..")) {
      errors.invalid(one.child("devicePath"), devicePath, "can not contain backsteps ('..')");
    } else paths.add(devicePath);
    if (mountNames.has(name)) errors.invalid(one.child("name"), name, "must not already exist in volumeMounts");
    if (mountPaths.has(devicePath)) {
      errors.invalid(one.child("devicePath"), devicePath, "must not already exist as a path in volumeMounts");
    }
    if (name) names.add(name);
  }
}
