/** Volumes of the cluster, and those described inside an attachment. Source: pkg/apis/core/validation (v1.36). */
import type { PersistentVolume, PersistentVolumeSpec, VolumeNodeAffinity } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { nameIsSubdomain } from "#pkg/api/names.ts";
import { typeEqual } from "../type-equal.ts";
import { FieldErrors, immutableText, notPositiveText } from "./field-errors.ts";
import { validateNodeSelector } from "./node-selectors.ts";
import { validateAccessModes, validateClassName, volumeModes } from "./persistent-volume-claim.ts";
import { sourceOf, validateVolumeSources } from "./persistent-volume-sources.ts";
import { amountOf } from "./resource-names.ts";

const specPath = new FieldPath("spec");
const reclaimPolicies = ["Delete", "Recycle", "Retain"];
const inline = "in the context of inline volumes";
const notInline = `may not be specified ${inline}`;

export function validatePersistentVolume({ metadata, spec }: PersistentVolume): FieldErrors {
  const errors = new FieldErrors();
  validateVolumeSpec(spec, metadata.name ?? "", false, specPath, errors);
  return errors;
}

/** `isInline`: the volume is described where it is attached, without an object of its own. */
export function validateVolumeSpec(
  spec: PersistentVolumeSpec,
  name: string,
  isInline: boolean,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if ((spec.accessModes ?? []).length === 0) errors.required(at.child("accessModes"));
  validateAccessModes(spec.accessModes, at.child("accessModes"), errors);
  if (isInline) validateInline(spec, at, errors);
  else validateOwn(spec, at, errors);
  validateVolumeSources(spec, name, at, errors);
  const isRoot = spec.hostPath && /^\/+(\.?\/*)*$/.test(spec.hostPath.path);
  if (isRoot && spec.persistentVolumeReclaimPolicy === "Recycle") {
    errors.forbidden(at.child("persistentVolumeReclaimPolicy"), "may not be 'recycle' for a hostPath mount of '/'");
  }
  validateAttributesClass(spec, at, errors);
}

function validateOwn(spec: PersistentVolumeSpec, at: FieldPath, errors: FieldErrors): void {
  validateCapacity(spec.capacity ?? {}, at.child("capacity"), errors);
  const { persistentVolumeReclaimPolicy: policy, nodeAffinity } = spec;
  errors.supported(at.child("persistentVolumeReclaimPolicy"), policy, reclaimPolicies);
  const required = at.child("nodeAffinity", "required");
  if (nodeAffinity && !nodeAffinity.required) errors.required(required, "must specify required node constraints");
  if (nodeAffinity?.required) validateNodeSelector(nodeAffinity.required, required, errors);
  validateClassName(spec.storageClassName, at.child("storageClassName"), errors);
  if (spec.volumeMode != null && !volumeModes.includes(spec.volumeMode)) {
    errors.notSupported(at.child("volumeMode"), spec.volumeMode, volumeModes);
  }
}

function validateInline(spec: PersistentVolumeSpec, at: FieldPath, errors: FieldErrors): void {
  if (spec.claimRef) errors.forbidden(at.child("claimRef"), notInline);
  if (Object.keys(spec.capacity ?? {}).length > 0) errors.forbidden(at.child("capacity"), notInline);
  if (!spec.csi) errors.required(at.child("csi"), `has to be specified ${inline}`);
  const { persistentVolumeReclaimPolicy: policy, volumeMode } = spec;
  if (policy && policy !== "Retain") {
    errors.forbidden(at.child("persistentVolumeReclaimPolicy"), `may only be Retain ${inline}`);
  }
  if (spec.nodeAffinity) errors.forbidden(at.child("nodeAffinity"), notInline);
  if (spec.storageClassName) errors.forbidden(at.child("storageClassName"), notInline);
  if (volumeMode != null && volumeMode !== "Filesystem") {
    errors.forbidden(at.child("volumeMode"), `may not specify volumeMode other than Filesystem ${inline}`);
  }
}

/** Of storage and nothing else. */
function validateCapacity(capacity: Readonly<Record<string, string>>, at: FieldPath, errors: FieldErrors): void {
  const names = Object.keys(capacity);
  if (names.length === 0) errors.required(at);
  if (!Object.hasOwn(capacity, "storage") || names.length > 1) errors.notSupported(at, capacity, ["storage"]);
  for (const [name, text] of Object.entries(capacity)) {
    const amount = amountOf(text);
    if (amount.value() < 0n) errors.invalid(at.key(name), Number(amount.value()), "must be a valid resource quantity");
    if (amount.sign <= 0) errors.invalid(at.key(name), amount.toString(), notPositiveText);
  }
}

function validateAttributesClass(spec: PersistentVolumeSpec, at: FieldPath, errors: FieldErrors): void {
  const { volumeAttributesClassName: name } = spec;
  if (name == null) return;
  errors.named(
    at.child("volumeAttributesClassName"),
    name,
    (text) => nameIsSubdomain(text, false),
    "an empty string is disallowed",
  );
  if (!spec.csi) errors.required(at.child("csi"), "has to be specified when using volumeAttributesClassName");
}

/** Where a volume is stays as it is; a secret to grow it may be added. */
export function validatePersistentVolumeUpdate(next: PersistentVolume, current: PersistentVolume): FieldErrors {
  const errors = validatePersistentVolume(next);
  const [before, after] = [sourceOf(current.spec), sourceOf(next.spec)];
  if (before.csi && after.csi && !before.csi.controllerExpandSecretRef) {
    const { controllerExpandSecretRef: _, ...csi } = after.csi;
    after.csi = csi;
  }
  if (!typeEqual("core/v1.PersistentVolumeSource", after, before)) {
    const text = "spec.persistentvolumesource is immutable after creation";
    errors.forbidden(specPath.child("persistentvolumesource"), text);
  }
  errors.immutable(new FieldPath("volumeMode"), next.spec.volumeMode, current.spec.volumeMode);
  validateAffinityChange(next.spec.nodeAffinity, current.spec.nodeAffinity, errors);
  if (current.spec.volumeAttributesClassName != null && next.spec.volumeAttributesClassName == null) {
    errors.forbidden(specPath.child("volumeAttributesClassName"), "update from non-nil value to nil is forbidden");
  }
  return errors;
}

/** Labels that have a new name. */
const renamed: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": "kubernetes.io/arch",
  "beta.kubernetes.io/os": "kubernetes.io/os",
  "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
  "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
  "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
};

function validateAffinityChange(
  next: VolumeNodeAffinity | undefined,
  current: VolumeNodeAffinity | undefined,
  errors: FieldErrors,
): void {
  if (!current) return;
  const isSame = (one: VolumeNodeAffinity) => next && typeEqual("core/v1.VolumeNodeAffinity", next, one);
  if (isSame(current) || isSame(withNewLabels(current))) return;
  const why = `${immutableText}, except for updating from beta label to GA`;
  errors.invalid(new FieldPath("nodeAffinity"), next, why);
}

function withNewLabels(affinity: VolumeNodeAffinity): VolumeNodeAffinity {
  if (!affinity.required) return affinity;
  const nodeSelectorTerms = (affinity.required.nodeSelectorTerms ?? []).map((term) => {
    if (!term.matchExpressions) return term;
    const matchExpressions = term.matchExpressions.map((one) => ({
      ...one,
      key: Object.hasOwn(renamed, one.key) ? (renamed[one.key] ?? one.key) : one.key,
    }));
    return { ...term, matchExpressions };
  });
  return { required: { ...affinity.required, nodeSelectorTerms } };
}

export function validatePersistentVolumeStatus(next: PersistentVolume): FieldErrors {
  const errors = new FieldErrors();
  if (!next.metadata.resourceVersion) errors.required(new FieldPath("resourceVersion"));
  return errors;
}
