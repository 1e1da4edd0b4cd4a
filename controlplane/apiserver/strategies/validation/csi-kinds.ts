/** Drivers on nodes, their room, and attachments. Source: pkg/apis/storage/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, nameIsSubdomain, qualifiedNameProblems, rangeProblem } from "#pkg/api/names.ts";
import type {
  CSINode,
  CSINodeDriver,
  CSIStorageCapacity,
  VolumeAttachment,
  VolumeAttachmentSource,
  VolumeError,
} from "#pkg/api/storage/v1.ts";
import { optionalTypeEqual, typeEqual } from "../type-equal.ts";
import { FieldErrors, immutableText, negativeText } from "./field-errors.ts";
import { validateLabelSelector } from "./label-selectors.ts";
import { validateVolumeSpec } from "./persistent-volume.ts";
import { amountOf } from "./resource-names.ts";
import { validateCsiDriverName } from "./volume-sources.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const driversPath = specPath.child("drivers");
const classPath = new FieldPath("storageClassName");
const topologyPath = new FieldPath("nodeTopology");
const longestNodeId = 256;
const longestMetadata = 256 * 1024;
const longestMessage = 1024;

export function validateCSINode({ spec }: CSINode): FieldErrors {
  const errors = new FieldErrors();
  const names = new Set<string>();
  for (const [index, driver] of (spec.drivers ?? []).entries()) {
    const at = driversPath.index(index);
    validateNodeDriver(driver, at, errors);
    if (names.has(driver.name)) errors.duplicate(at.child("name"), driver.name);
    names.add(driver.name);
  }
  return errors;
}

function validateNodeDriver(driver: CSINodeDriver, at: FieldPath, errors: FieldErrors): void {
  const { name, nodeID = "", allocatable, topologyKeys = [] } = driver;
  validateCsiDriverName(name, at.child("name"), errors);
  errors.filled(at.child("nodeID"), nodeID);
  if (byteLength(nodeID) > longestNodeId) {
    errors.invalid(at.child("nodeID"), nodeID, `must be ${longestNodeId} characters or less`);
  }
  errors.nonNegative(at.child("allocatable", "count"), allocatable?.count);
  for (const [index, key] of topologyKeys.entries()) {
    errors.filled(at, key);
    if (topologyKeys.indexOf(key) < index) errors.duplicate(at, key);
    errors.problems(at, key, qualifiedNameProblems(key));
  }
}

/** A driver that stays changes only in how many volumes it takes. */
export function validateCSINodeUpdate(next: CSINode, current: CSINode): FieldErrors {
  const errors = validateCSINode(next);
  for (const before of current.spec.drivers ?? []) {
    for (const after of next.spec.drivers ?? []) {
      const isOther = after.name !== before.name;
      const masked = { ...after, allocatable: before.allocatable };
      if (isOther || typeEqual("storage/v1.CSINodeDriver", masked, before)) continue;
      errors.invalid(driversPath, after, immutableText);
    }
  }
  return errors;
}

export function validateStorageCapacity(object: CSIStorageCapacity): FieldErrors {
  const errors = new FieldErrors();
  const { nodeTopology, storageClassName: name = "", capacity } = object;
  validateLabelSelector(nodeTopology, topologyPath, errors);
  errors.problems(classPath, name, nameIsSubdomain(name, false));
  const amount = amountOf(capacity);
  if (amount.sign < 0) errors.invalid(new FieldPath("capacity"), amount.toString(), negativeText);
  return errors;
}

export function validateStorageCapacityUpdate(next: CSIStorageCapacity, current: CSIStorageCapacity): FieldErrors {
  const errors = new FieldErrors();
  if (!optionalTypeEqual("meta/v1.LabelSelector", next.nodeTopology, current.nodeTopology)) {
    errors.invalid(topologyPath, next.nodeTopology, immutableText);
  }
  errors.immutable(classPath, next.storageClassName, current.storageClassName);
  return errors;
}

export function validateVolumeAttachment({ spec, status }: VolumeAttachment): FieldErrors {
  const errors = new FieldErrors();
  validateCsiDriverName(spec.attacher, specPath.child("attacher"), errors);
  validateSource(spec.source ?? {}, specPath.child("source"), errors);
  const { nodeName = "" } = spec;
  errors.problems(specPath.child("nodeName"), nodeName, nameIsSubdomain(nodeName, false));
  validateAttachmentMetadata(status?.attachmentMetadata ?? {}, errors);
  validateVolumeError(status?.attachError, statusPath.child("attachError"), errors);
  validateVolumeError(status?.detachError, statusPath.child("detachError"), errors);
  return errors;
}

function validateSource(source: VolumeAttachmentSource, at: FieldPath, errors: FieldErrors): void {
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = source;
  const one = "must specify exactly one of inlineVolumeSpec and persistentVolumeName";
  const path = at.child("persistentVolumeName");
  if (name == null && !inline) errors.required(at, one);
  else if (name != null && inline) errors.forbidden(at, one);
  else if (name === "") errors.required(path, "must specify non empty persistentVolumeName");
  else if (inline) validateVolumeSpec(inline, "", true, at.child("inlineVolumeSpec"), errors);
  if (name != null) errors.problems(path, name, nameIsSubdomain(name, false));
}

function validateAttachmentMetadata(metadata: Readonly<Record<string, string>>, errors: FieldErrors): void {
  const size = Object.entries(metadata).reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (size > longestMetadata) errors.tooLong(statusPath.child("attachmentMetadata"), longestMetadata);
}

function validateVolumeError(error: VolumeError | undefined, at: FieldPath, errors: FieldErrors): void {
  const { message = "", errorCode } = error ?? {};
  // The length told is upstream's, of another field.
  if (byteLength(message) > longestMessage) errors.tooLong(at.child("message"), longestMetadata);
  if (errorCode != null && errorCode < 0) {
    errors.invalid(at.child("errorCode"), errorCode, rangeProblem(0, 2 ** 31 - 1));
  }
}

export function validateVolumeAttachmentUpdate(next: VolumeAttachment, current: VolumeAttachment): FieldErrors {
  const errors = validateVolumeAttachment(next);
  if (!typeEqual("storage/v1.VolumeAttachmentSpec", next.spec, current.spec)) {
    errors.invalid(specPath, next.spec, immutableText);
  }
  return errors;
}
