/** The volumes of a pod: one source each, names once. */
import type { Volume } from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { dns1123LabelProblems, nameIsSubdomain } from "#pkg/api/names.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateClaimTemplate } from "./persistent-volume-claim.ts";
import {
  validateConfigMapVolume,
  validateDownwardApiVolume,
  validateProjectedVolume,
  validateSecretVolume,
} from "./projected-volumes.ts";
import { amountOf } from "./resource-names.ts";
import * as sources from "./volume-sources.ts";

export interface VolumeOwner {
  /** The pod's name, when the volumes are those of a pod that has one. */
  readonly podName: string | undefined;
  /** False for templates, which may leave out what is filled in later. */
  readonly isPod: boolean;
}

interface SourceRule {
  readonly source: keyof Volume;
  /** Where upstream's path for faults is not the name of the field. */
  readonly path?: string;
  readonly refusalPath?: string;
  validate(volume: Volume, at: FieldPath, errors: FieldErrors, owner: VolumeOwner): void;
}

type Validator<T> = (source: T, at: FieldPath, errors: FieldErrors) => void;

function rule<K extends keyof Volume>(
  source: K,
  validator: Validator<NonNullable<Volume[K]>>,
  paths: { path?: string; refusalPath?: string } = {},
): SourceRule {
  return {
    source,
    ...paths,
    validate: (volume, at, errors) => validator(volume[source] as NonNullable<Volume[K]>, at, errors),
  };
}

/** In upstream's order: with several sources, the first is judged and the others are refused. */
const rules: readonly SourceRule[] = [
  rule("emptyDir", (source, at, errors) => {
    if (amountOf(source.sizeLimit).sign < 0) {
      errors.forbidden(at.child("sizeLimit"), "SizeLimit field must be a valid resource quantity");
    }
  }),
  rule("hostPath", sources.validateHostPath),
  rule("gitRepo", sources.validateGitRepo),
  rule("gcePersistentDisk", sources.validateGcePersistentDisk, { path: "persistentDisk" }),
  rule("awsElasticBlockStore", sources.validateAwsElasticBlockStore),
  rule("secret", validateSecretVolume),
  rule("nfs", sources.validateNfs),
  rule("iscsi", sources.validateIscsi),
  rule("glusterfs", sources.validateGlusterfs),
  rule("flocker", sources.validateFlocker),
  rule("persistentVolumeClaim", (source, at, errors) => errors.filled(at.child("claimName"), source.claimName)),
  rule("rbd", sources.validateRbd),
  rule("cinder", sources.validateCinder),
  rule("cephfs", sources.validateCephFs, { refusalPath: "cephFS" }),
  rule("quobyte", sources.validateQuobyte),
  rule("downwardAPI", validateDownwardApiVolume, { refusalPath: "downwarAPI" }),
  rule("fc", sources.validateFc),
  rule("flexVolume", sources.validateFlex),
  rule("configMap", validateConfigMapVolume),
  rule("azureFile", sources.validateAzureFile),
  rule("vsphereVolume", (source, at, errors) => errors.filled(at.child("volumePath"), source.volumePath)),
  rule("photonPersistentDisk", (source, at, errors) => errors.filled(at.child("pdID"), source.pdID)),
  rule("portworxVolume", (source, at, errors) => errors.filled(at.child("volumeID"), source.volumeID)),
  rule("azureDisk", sources.validateAzureDisk),
  rule("storageos", sources.validateStorageOs),
  rule("projected", validateProjectedVolume),
  rule("scaleIO", sources.validateScaleIo),
  rule("csi", sources.validateCsi),
  { source: "ephemeral", validate: validateEphemeral },
  { source: "image", validate: validateImage },
];

/** Returns the volumes without fault by name: what containers may mount. */
export function validateVolumes(
  volumes: readonly Volume[] | undefined,
  owner: VolumeOwner,
  at: FieldPath,
  errors: FieldErrors,
): ReadonlyMap<string, Volume> {
  const byName = new Map<string, Volume>();
  const { podName } = owner;
  const createdClaims = new Set(
    podName ? (volumes ?? []).filter((one) => one.ephemeral).map((one) => `${podName}-${one.name}`) : [],
  );
  for (const [index, volume] of (volumes ?? []).entries()) {
    const one = at.index(index);
    const own = new FieldErrors();
    validateSource(volume, one, own, owner);
    own.named(one.child("name"), volume.name, dns1123LabelProblems);
    if (byName.has(volume.name)) own.duplicate(one.child("name"), volume.name);
    if (own.isEmpty) byName.set(volume.name, volume);
    errors.add(...own.list);
    const claimName = volume.persistentVolumeClaim?.claimName;
    if (claimName && createdClaims.has(claimName)) {
      const claimPath = one.child("persistentVolumeClaim", "claimName");
      errors.invalid(claimPath, claimName, "must not reference a PVC that gets created for an ephemeral volume");
    }
  }
  return byName;
}

function validateSource(volume: Volume, at: FieldPath, errors: FieldErrors, owner: VolumeOwner): void {
  const given = rules.filter(({ source }) => volume[source] != null);
  for (const [index, { source, path, refusalPath, validate }] of given.entries()) {
    if (index === 0) validate(volume, at.child(path ?? source), errors, owner);
    else errors.forbidden(at.child(refusalPath ?? source), "may not specify more than 1 volume type");
  }
  if (given.length === 0) errors.required(at, "must specify a volume type");
  if (volume.iscsi && sources.isIscsiNameTooLong(volume.iscsi, volume.name)) {
    errors.invalid(at.child("name"), volume.name, sources.iscsiNameTooLong);
  }
  if (given[0]?.source === "ephemeral" && owner.podName && volume.name) {
    const claimName = `${owner.podName}-${volume.name}`;
    for (const problem of nameIsSubdomain(claimName, false)) {
      errors.invalid(at.child("name"), volume.name, `PVC name "${claimName}": ${problem}`);
    }
  }
}

function validateEphemeral({ ephemeral }: Volume, at: FieldPath, errors: FieldErrors): void {
  const template = ephemeral?.volumeClaimTemplate;
  if (!template) errors.required(at.child("volumeClaimTemplate"));
  else validateClaimTemplate(template, at.child("volumeClaimTemplate"), errors);
}

function validateImage({ image }: Volume, at: FieldPath, errors: FieldErrors, { isPod }: VolumeOwner): void {
  if (isPod) errors.filled(at.child("reference"), image?.reference);
  errors.oneOf(at.child("pullPolicy"), image?.pullPolicy, ["Always", "IfNotPresent", "Never"]);
}
