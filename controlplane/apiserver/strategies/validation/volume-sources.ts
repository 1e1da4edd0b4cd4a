/**
 * Volume sources that a pod names directly or through a PersistentVolume. A rule per source, in the order in which
 * upstream looks at them, because the first one wins when there are several.
 * Source: pkg/apis/core/validation/validation.go (v1.36).
 */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import {
  byteLength,
  dns1123LabelProblems,
  dns1123SubdomainProblems,
  inRangeProblems,
  nameIsLabel,
  nameIsSubdomain,
} from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateDescendingPath, validateNoBacksteps } from "./paths.ts";

const hostPathTypes = [
  "",
  "BlockDevice",
  "CharDevice",
  "Directory",
  "DirectoryOrCreate",
  "File",
  "FileOrCreate",
  "Socket",
];

export function validateHostPath(source: core.HostPathVolumeSource, at: FieldPath, errors: FieldErrors): void {
  if (!source.path) {
    errors.required(at.child("path"));
    return;
  }
  validateNoBacksteps(source.path, at.child("path"), errors);
  errors.supported(at.child("type"), source.type, hostPathTypes);
}

export function validateGitRepo(source: core.GitRepoVolumeSource, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("repository"), source.repository);
  validateDescendingPath(source.directory ?? "", at.child("directory"), errors);
}

interface Partitioned {
  readonly partition?: number | undefined;
}

export function validateGcePersistentDisk(
  source: Partitioned & { readonly pdName: string },
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("pdName"), source.pdName);
  validatePartition(source, at, errors);
}

export function validateAwsElasticBlockStore(
  source: Partitioned & { readonly volumeID: string },
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("volumeID"), source.volumeID);
  validatePartition(source, at, errors);
}

function validatePartition({ partition = 0 }: Partitioned, at: FieldPath, errors: FieldErrors): void {
  if (partition < 0 || partition > 255)
    errors.problems(at.child("partition"), partition, inRangeProblems(partition, 1, 255));
}

export function validateNfs(source: core.NFSVolumeSource, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("server"), source.server);
  errors.filled(at.child("path"), source.path);
  if (!source.path?.startsWith("/")) errors.invalid(at.child("path"), source.path ?? "", "must be an absolute path");
}

type Iscsi = Omit<core.ISCSIVolumeSource, "secretRef"> & {
  readonly secretRef?: { readonly name?: string | undefined } | undefined;
};

const iscsiNames: Readonly<Record<string, RegExp>> = {
  iqn: /iqn\.\d{4}-\d{2}\.([a-zA-Z0-9\-.]+)(:[^,;*&$|\s]+)$/,
  eui: /^eui.[a-zA-Z0-9]{16}$/,
  naa: /^naa.[a-zA-Z0-9]{32}$/,
};

export function validateIscsi(source: Iscsi, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("targetPortal"), source.targetPortal);
  if (!source.iqn) errors.required(at.child("iqn"));
  else validateIscsiName(source.iqn, at.child("iqn"), errors);
  errors.problems(at.child("lun"), source.lun ?? 0, inRangeProblems(source.lun ?? 0, 0, 255));
  if ((source.chapAuthDiscovery || source.chapAuthSession) && !source.secretRef) errors.required(at.child("secretRef"));
  if (source.initiatorName != null) validateIscsiName(source.initiatorName, at.child("initiatorname"), errors);
}

function validateIscsiName(name: string, at: FieldPath, errors: FieldErrors): void {
  const format = iscsiNames[name.slice(0, 3)];
  if (!format) errors.invalid(at, name, "must be valid format starting with iqn, eui, or naa");
  else if (!format.test(name)) errors.invalid(at, name, "must be valid format");
}

export const iscsiNameTooLong =
  "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is specified.";

export function isIscsiNameTooLong(source: Iscsi, volumeName: string): boolean {
  return source.initiatorName != null && byteLength(`${volumeName}:${source.targetPortal ?? ""}`) > 64;
}

export function validateFc(source: core.FCVolumeSource, at: FieldPath, errors: FieldErrors): void {
  const names = source.targetWWNs ?? [];
  const wwids = source.wwids ?? [];
  if (names.length === 0 && wwids.length === 0) {
    errors.required(at.child("targetWWNs"), "must specify either targetWWNs or wwids, but not both");
  }
  if (names.length > 0 && wwids.length > 0) {
    errors.invalid(at.child("targetWWNs"), names, "targetWWNs and wwids can not be specified simultaneously");
  }
  if (names.length === 0) return;
  if (source.lun == null) errors.required(at.child("lun"), "lun is required if targetWWNs is specified");
  else errors.problems(at.child("lun"), source.lun, inRangeProblems(source.lun, 0, 255));
}

export function validateQuobyte(source: core.QuobyteVolumeSource, at: FieldPath, errors: FieldErrors): void {
  const pairs = "must be a host:port pair or multiple pairs separated by commas";
  if (!source.registry) errors.required(at.child("registry"), pairs);
  else if (byteLength(source.tenant ?? "") >= 65) {
    errors.required(at.child("tenant"), "must be a UUID and may not exceed a length of 64 characters");
  } else {
    for (const pair of source.registry.split(",")) {
      if (!/^([^:[\]]*|\[[^[\]]*\]):[^:[\]]*$/.test(pair)) errors.invalid(at.child("registry"), source.registry, pairs);
    }
  }
  errors.filled(at.child("volume"), source.volume);
}

export function validateGlusterfs(
  source: core.GlusterfsPersistentVolumeSource,
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("endpoints"), source.endpoints);
  errors.filled(at.child("path"), source.path);
  const { endpointsNamespace: namespace } = source;
  if (namespace == null) return;
  const problems = namespace
    ? nameIsLabel(namespace, false)
    : ["if the endpointnamespace is set, it must be a valid namespace name"];
  errors.problems(at.child("endpointsNamespace"), namespace, problems);
}

export function validateFlocker(source: core.FlockerVolumeSource, at: FieldPath, errors: FieldErrors): void {
  const { datasetName: name, datasetUUID: uuid } = source;
  if (!name && !uuid) errors.required(at, "one of datasetName and datasetUUID is required");
  if (name && uuid) errors.invalid(at, "resource", "datasetName and datasetUUID can not be specified simultaneously");
  if (name?.includes("/")) errors.invalid(at.child("datasetName"), name, "must not contain '/'");
}

export function validateRbd(
  source: { readonly monitors?: readonly string[]; readonly image?: string },
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!source.monitors?.length) errors.required(at.child("monitors"));
  errors.filled(at.child("image"), source.image);
}

export function validateCephFs(
  source: { readonly monitors?: readonly string[] },
  at: FieldPath,
  errors: FieldErrors,
): void {
  if (!source.monitors?.length) errors.required(at.child("monitors"));
}

interface NamedSecret {
  readonly name?: string | undefined;
  readonly namespace?: string | undefined;
}

export function validateCinder(
  source: { readonly volumeID: string; readonly secretRef?: NamedSecret | undefined },
  at: FieldPath,
  errors: FieldErrors,
  isPersistent = false,
): void {
  errors.filled(at.child("volumeID"), source.volumeID);
  validateSecretRef(source.secretRef, at, errors, isPersistent);
}

export function validateStorageOs(
  source: {
    readonly volumeName?: string | undefined;
    readonly volumeNamespace?: string | undefined;
    readonly secretRef?: NamedSecret | undefined;
  },
  at: FieldPath,
  errors: FieldErrors,
  isPersistent = false,
): void {
  errors.named(at.child("volumeName"), source.volumeName, dns1123LabelProblems);
  if (source.volumeNamespace) errors.dnsLabel(at.child("volumeNamespace"), source.volumeNamespace);
  validateSecretRef(source.secretRef, at, errors, isPersistent);
}

function validateSecretRef(
  ref: NamedSecret | undefined,
  at: FieldPath,
  errors: FieldErrors,
  withNamespace: boolean,
): void {
  if (!ref) return;
  errors.filled(at.child("secretRef", "name"), ref.name);
  if (withNamespace) errors.filled(at.child("secretRef", "namespace"), ref.namespace);
}

export function validateFlex(
  source: { readonly driver: string; readonly options?: Readonly<Record<string, string>> | undefined },
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("driver"), source.driver);
  for (const key of Object.keys(source.options ?? {})) {
    const domain = `.${(key.split("/")[0] ?? "").toLowerCase()}`;
    if (domain.endsWith(".kubernetes.io") || domain.endsWith(".k8s.io")) {
      errors.invalid(at.child("options").key(key), key, "kubernetes.io and k8s.io namespaces are reserved");
    }
  }
}

export function validateAzureFile(
  source: { readonly secretName: string; readonly shareName: string; readonly secretNamespace?: string | undefined },
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("secretName"), source.secretName);
  errors.filled(at.child("shareName"), source.shareName);
  if (source.secretNamespace === "") errors.required(at.child("secretNamespace"));
}

export function validateAzureDisk(source: core.AzureDiskVolumeSource, at: FieldPath, errors: FieldErrors): void {
  const uri = source.diskURI ?? "";
  errors.filled(at.child("diskName"), source.diskName);
  errors.filled(at.child("diskURI"), uri);
  errors.supported(at.child("cachingMode"), source.cachingMode, ["None", "ReadOnly", "ReadWrite"]);
  errors.supported(at.child("kind"), source.kind, ["Dedicated", "Managed", "Shared"]);
  if (source.kind == null) return;
  const [prefix, shape] =
    source.kind === "Managed"
      ? [
          "/subscriptions/",
          "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}",
        ]
      : ["https://", "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"];
  if (!uri.startsWith(prefix)) errors.notSupported(at.child("diskURI"), uri, [shape]);
}

export function validateScaleIo(
  source: { readonly gateway: string; readonly system: string; readonly volumeName?: string | undefined },
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("gateway"), source.gateway);
  errors.filled(at.child("system"), source.system);
  errors.filled(at.child("volumeName"), source.volumeName);
}

/** The name of a CSI driver: a DNS subdomain in which capital letters are tolerated. */
export function validateCsiDriverName(name: string | undefined, at: FieldPath, errors: FieldErrors): void {
  if (!name) {
    errors.required(at);
    return;
  }
  if (byteLength(name) > 63) errors.tooLong(at, 63);
  errors.problems(at, name, dns1123SubdomainProblems(name.toLowerCase()));
}

export function validateCsi(source: core.CSIVolumeSource, at: FieldPath, errors: FieldErrors): void {
  validateCsiDriverName(source.driver, at.child("driver"), errors);
  const { nodePublishSecretRef: secret } = source;
  if (!secret) return;
  if (!secret.name) errors.required(at.child("nodePublishSecretRef", "name"));
  else errors.problems(at.child("name"), secret.name, nameIsSubdomain(secret.name, false));
}
