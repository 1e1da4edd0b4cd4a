/**
 * Where a volume of the cluster is: exactly one source, each with its own rules. The first one in upstream's order wins.
 * Source: pkg/apis/core/validation/validation.go (v1.36).
 */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { byteLength } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateNoBacksteps } from "./paths.ts";
import * as sources from "./volume-sources.ts";

type Source = core.PersistentVolumeSource;
type Rule<K extends keyof Source> = (source: NonNullable<Source[K]>, at: FieldPath, errors: FieldErrors) => void;

const filled =
  <T>(...fields: readonly (keyof T & string)[]) =>
  (source: T, at: FieldPath, errors: FieldErrors): void => {
    for (const field of fields) if (!source[field]) errors.required(at.child(field));
  };

const rules: { readonly [K in keyof Source]-?: Rule<K> } = {
  hostPath: sources.validateHostPath,
  gcePersistentDisk: sources.validateGcePersistentDisk,
  awsElasticBlockStore: sources.validateAwsElasticBlockStore,
  glusterfs: sources.validateGlusterfs,
  flocker: sources.validateFlocker,
  nfs: sources.validateNfs,
  rbd: sources.validateRbd,
  quobyte: sources.validateQuobyte,
  cephfs: sources.validateCephFs,
  iscsi: (source, at, errors) => {
    sources.validateIscsi(source, at, errors);
    if (source.secretRef) errors.filled(at.child("secretRef", "name"), source.secretRef.name);
  },
  cinder: (source, at, errors) => sources.validateCinder(source, at, errors, true),
  fc: sources.validateFc,
  flexVolume: sources.validateFlex,
  azureFile: sources.validateAzureFile,
  vsphereVolume: filled<core.VsphereVirtualDiskVolumeSource>("volumePath"),
  photonPersistentDisk: filled<core.PhotonPersistentDiskVolumeSource>("pdID"),
  portworxVolume: filled<core.PortworxVolumeSource>("volumeID"),
  azureDisk: sources.validateAzureDisk,
  scaleIO: sources.validateScaleIo,
  local: validateLocal,
  storageos: (source, at, errors) => sources.validateStorageOs(source, at, errors, true),
  csi: validateCsi,
};
const names = Object.keys(rules) as readonly (keyof Source)[];
/** Where upstream's path differs from the field's name. */
const pathNames: Readonly<Partial<Record<keyof Source, string>>> = { gcePersistentDisk: "persistentDisk" };

/** The part of a spec that says where the volume is. */
export function sourceOf(spec: core.PersistentVolumeSpec): Source {
  return Object.fromEntries(names.flatMap((name) => (spec[name] ? [[name, spec[name]]] : [])));
}

export function validateVolumeSources(
  spec: core.PersistentVolumeSpec,
  volumeName: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  let count = 0;
  for (const name of names) {
    const source = spec[name];
    if (!source) continue;
    count++;
    if (count > 1 && name !== "flexVolume") {
      errors.forbidden(at.child(name === "cephfs" ? "cephFS" : name), "may not specify more than 1 volume type");
    } else (rules[name] as Rule<typeof name>)(source as never, at.child(pathNames[name] ?? name), errors);
  }
  if (count === 0) errors.required(at, "must specify a volume type");
  validateIscsiName(spec, volumeName, at, errors);
  if (spec.local && !spec.nodeAffinity) {
    errors.required(at.child("nodeAffinity"), "Local volume requires node affinity");
  }
}

function validateIscsiName(
  { iscsi }: core.PersistentVolumeSpec,
  name: string,
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (iscsi?.initiatorName == null || byteLength(`${name}:${iscsi.targetPortal ?? ""}`) <= 64) return;
  errors.invalid(at.child("iscsi", "targetportal"), iscsi.targetPortal, sources.iscsiNameTooLong);
}

function validateLocal({ path }: core.LocalVolumeSource, at: FieldPath, errors: FieldErrors): void {
  if (!path) errors.required(at.child("path"));
  else validateNoBacksteps(path, at.child("path"), errors);
}

function validateCsi(source: core.CSIPersistentVolumeSource, at: FieldPath, errors: FieldErrors): void {
  sources.validateCsiDriverName(source.driver, at.child("driver"), errors);
  errors.filled(at.child("volumeHandle"), source.volumeHandle);
  const secrets = [
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
  ] as const;
  for (const field of secrets) {
    const secret = source[field];
    if (secret) validateSecretReference(secret, at.child(field), errors);
  }
}

function validateSecretReference(secret: core.SecretReference, at: FieldPath, errors: FieldErrors): void {
  const { name, namespace } = secret;
  if (name) errors.dnsSubdomain(at.child("name"), name);
  else errors.required(at.child("name"));
  if (namespace) errors.dnsLabel(at.child("namespace"), namespace);
  else errors.required(at.child("namespace"));
}
