/** Volumes made of files of the API: config maps, secrets, downward API, projected. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import { byteLength, nameIsSubdomain, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateFieldRef, validateResourceFieldRef } from "./field-refs.ts";
import { validateLabelSelector } from "./label-selectors.ts";
import { validateFileMode, validateVolumeFilePath } from "./paths.ts";
import { isKubernetesSigner, validateSignerName } from "./signer-names.ts";

const downwardFields = [
  "metadata.annotations",
  "metadata.labels",
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
];

export function validateSecretVolume(source: core.SecretVolumeSource, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("secretName"), source.secretName);
  validateFileMode(source.defaultMode, at.child("defaultMode"), errors);
  validateItems(source.items, at, errors);
}

export function validateConfigMapVolume(source: core.ConfigMapVolumeSource, at: FieldPath, errors: FieldErrors): void {
  errors.filled(at.child("name"), source.name);
  validateFileMode(source.defaultMode, at.child("defaultMode"), errors);
  validateItems(source.items, at, errors);
}

function validateItems(items: readonly core.KeyToPath[] | undefined, at: FieldPath, errors: FieldErrors): void {
  for (const [index, item] of (items ?? []).entries()) {
    const one = at.child("items").index(index);
    errors.filled(one.child("key"), item.key);
    validateFile(item, one, errors);
  }
}

function validateFile(
  { path = "", mode }: { readonly path?: string; readonly mode?: number | undefined },
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.filled(at.child("path"), path);
  validateVolumeFilePath(path, at.child("path"), errors);
  validateFileMode(mode, at.child("mode"), errors);
}

export function validateDownwardApiVolume(
  source: core.DownwardAPIVolumeSource,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateFileMode(source.defaultMode, at.child("defaultMode"), errors);
  for (const file of source.items ?? []) validateDownwardApiFile(file, at, errors);
}

function validateDownwardApiFile(file: core.DownwardAPIVolumeFile, at: FieldPath, errors: FieldErrors): void {
  validateFile(file, at, errors);
  if (file.fieldRef) {
    validateFieldRef(file.fieldRef, downwardFields, at.child("fieldRef"), errors);
    if (file.resourceFieldRef) {
      errors.invalid(at, "resource", "fieldRef and resourceFieldRef can not be specified simultaneously");
    }
  } else if (file.resourceFieldRef) {
    validateResourceFieldRef(file.resourceFieldRef, at.child("resourceFieldRef"), errors, true);
  } else errors.required(at, "one of fieldRef and resourceFieldRef is required");
}

/** Every file of a projected volume is there once. `use` reports the second one. */
class UsedPaths {
  readonly #used = new Set<string>();
  readonly #at: FieldPath;
  readonly #errors: FieldErrors;

  constructor(at: FieldPath, errors: FieldErrors) {
    this.#at = at;
    this.#errors = errors;
  }

  use(path: string, shown: string): void {
    if (this.#used.has(path)) this.#errors.invalid(this.#at, shown, "conflicting duplicate paths");
    this.#used.add(path);
  }
}

export function validateProjectedVolume(source: core.ProjectedVolumeSource, at: FieldPath, errors: FieldErrors): void {
  validateFileMode(source.defaultMode, at.child("defaultMode"), errors);
  const used = new UsedPaths(at, errors);
  for (const [index, projection] of (source.sources ?? []).entries()) {
    const one = at.child("sources").index(index);
    const given = Object.values(projection).filter((value) => value != null).length;
    const { secret, configMap, downwardAPI, serviceAccountToken, clusterTrustBundle, podCertificate } = projection;
    if (secret) validateKeyProjection(secret, one.child("secret"), errors, used);
    if (configMap) validateKeyProjection(configMap, one.child("configMap"), errors, used);
    for (const file of downwardAPI?.items ?? []) {
      validateDownwardApiFile(file, one.child("downwardAPI"), errors);
      if (file.path) used.use(file.path, file.path);
    }
    if (serviceAccountToken) validateToken(serviceAccountToken, one.child("serviceAccountToken"), at, errors);
    if (clusterTrustBundle) validateTrustBundle(clusterTrustBundle, one.child("clusterTrustBundle"), errors, used);
    if (podCertificate) validatePodCertificate(podCertificate, one.child("podCertificate"), errors, used);
    if (given > 1) errors.forbidden(one, "may not specify more than 1 volume type per source");
  }
}

function validateKeyProjection(
  source: core.SecretProjection | core.ConfigMapProjection,
  at: FieldPath,
  errors: FieldErrors,
  used: UsedPaths,
): void {
  errors.filled(at.child("name"), source.name);
  validateItems(source.items, at, errors);
  for (const item of source.items ?? []) if (item.path) used.use(item.path, source.name ?? "");
}

function validateToken(
  token: core.ServiceAccountTokenProjection,
  at: FieldPath,
  volume: FieldPath,
  errors: FieldErrors,
): void {
  const { expirationSeconds: seconds = 3600 } = token;
  const expiration = at.child("expirationSeconds");
  if (seconds < 600) errors.invalid(expiration, seconds, "may not specify a duration less than 10 minutes");
  if (seconds > 2 ** 32) errors.invalid(expiration, seconds, "may not specify a duration larger than 2^32 seconds");
  if (!token.path) errors.required(volume.child("path"));
  else validateVolumeFilePath(token.path, volume.child("path"), errors);
}

function validateTrustBundle(
  bundle: core.ClusterTrustBundleProjection,
  at: FieldPath,
  errors: FieldErrors,
  used: UsedPaths,
): void {
  const { name, signerName, path = "" } = bundle;
  if (name != null && signerName != null) errors.invalid(at, bundle, "only one of name and signerName may be used");
  else if (name != null) {
    if (!name) errors.required(at.child("name"), "must be a valid object name");
    for (const problem of trustBundleNameProblems(name)) {
      errors.invalid(at.child("name"), name, `not a valid clustertrustbundlename: ${problem}`);
    }
    if (bundle.labelSelector) {
      errors.invalid(
        at.child("labelSelector"),
        bundle.labelSelector,
        "labelSelector must be unset if name is specified",
      );
    }
  } else if (signerName != null) {
    if (!signerName) errors.required(at.child("signerName"), "must be a valid signer name");
    validateSignerName(signerName, at.child("signerName"), errors);
    validateLabelSelector(bundle.labelSelector, at.child("labelSelector"), errors);
  } else errors.required(at, "either name or signerName must be specified");
  if (!path) errors.required(at.child("path"));
  validateVolumeFilePath(path, at.child("path"), errors);
  used.use(path, path);
}

/** `domain:path:name` for bundles of a signer, a plain name for the others. */
function trustBundleNameProblems(name: string): readonly string[] {
  const colon = name.lastIndexOf(":");
  return nameIsSubdomain(colon < 0 ? name : name.slice(colon + 1), false);
}

const keyTypes = ["RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519"];

function validatePodCertificate(
  certificate: core.PodCertificateProjection,
  at: FieldPath,
  errors: FieldErrors,
  used: UsedPaths,
): void {
  const { signerName = "", keyType = "", maxExpirationSeconds: seconds } = certificate;
  validateSignerName(signerName, at.child("signerName"), errors);
  validateUserAnnotations(certificate.userAnnotations ?? {}, at.child("userAnnotations"), errors);
  if (!keyTypes.includes(keyType)) errors.notSupported(at.child("keyType"), keyType, keyTypes);
  const longest = isKubernetesSigner(signerName) ? 86_400 : 91 * 86_400;
  const expiration = at.child("maxExpirationSeconds");
  if (seconds != null && seconds < 3600) {
    errors.invalid(expiration, seconds, "if provided, maxExpirationSeconds must be >= 3600");
  }
  if (seconds != null && seconds > longest) {
    errors.invalid(expiration, seconds, `if provided, maxExpirationSeconds must be <= ${longest}`);
  }
  const fields = ["credentialBundlePath", "keyPath", "certificateChainPath"] as const;
  const given = fields.filter((field) => certificate[field]);
  for (const field of given) {
    const path = certificate[field] ?? "";
    validateVolumeFilePath(path, at.child(field), errors);
    used.use(path, path);
  }
  if (given.length === 0) {
    errors.required(at, "specify at least one of credentialBundlePath, keyPath, and certificateChainPath");
  }
}

const maxAnnotationsBytes = 256 * 1024;

function validateUserAnnotations(
  annotations: Readonly<Record<string, string>>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  let bytes = 0;
  for (const [key, value] of Object.entries(annotations)) {
    const lower = key.toLowerCase();
    const problems = lower ? qualifiedNameProblems(lower) : [];
    if (!lower) errors.required(at);
    errors.problems(at, lower, problems);
    if (lower && problems.length === 0 && !lower.includes("/")) {
      errors.invalid(at, lower, 'must be a domain-prefixed key (such as "acme.io/foo")');
    }
    bytes += byteLength(key) + byteLength(value);
  }
  if (bytes > maxAnnotationsBytes) errors.tooLong(at, maxAnnotationsBytes);
}
