/** Environment variables of containers. */
import type * as core from "#pkg/api/core/v1.ts";
import type { FieldPath } from "#pkg/api/field.ts";
import {
  configMapKeyProblems,
  dns1123LabelProblems,
  nameIsSubdomain,
  relaxedEnvVarNameProblems,
} from "#pkg/api/names.ts";
import type { FieldErrors } from "./field-errors.ts";
import { validateFieldRef, validateResourceFieldRef } from "./field-refs.ts";
import { validateNoBacksteps } from "./paths.ts";

const envFields = [
  "metadata.name",
  "metadata.namespace",
  "metadata.uid",
  "spec.nodeName",
  "spec.serviceAccountName",
  "status.hostIP",
  "status.hostIPs",
  "status.podIP",
  "status.podIPs",
];
const sourceNames = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`";

export function validateEnv(vars: readonly core.EnvVar[] | undefined, at: FieldPath, errors: FieldErrors): void {
  for (const [index, variable] of (vars ?? []).entries()) {
    const one = at.index(index);
    errors.named(one.child("name"), variable.name, relaxedEnvVarNameProblems);
    if (variable.valueFrom) validateSource(variable, variable.valueFrom, one.child("valueFrom"), errors);
  }
}

function validateSource(variable: core.EnvVar, source: core.EnvVarSource, at: FieldPath, errors: FieldErrors): void {
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef } = source;
  if (fieldRef) validateFieldRef(fieldRef, envFields, at.child("fieldRef"), errors);
  if (resourceFieldRef) validateResourceFieldRef(resourceFieldRef, at.child("resourceFieldRef"), errors, false);
  if (configMapKeyRef) validateKeyRef(configMapKeyRef, at.child("configMapKeyRef"), errors);
  if (secretKeyRef) validateKeyRef(secretKeyRef, at.child("secretKeyRef"), errors);
  if (fileKeyRef) validateFileKeyRef(fileKeyRef, at.child("fileKeyRef"), errors);
  const given = [fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef, fileKeyRef].filter(Boolean).length;
  if (given === 0) errors.invalid(at, "", `must specify one of: ${sourceNames}`);
  else if (variable.value) errors.invalid(at, "", "may not be specified when `value` is not empty");
  else if (given > 1) errors.invalid(at, "", "may not have more than one field specified at a time");
}

function validateKeyRef(
  ref: { readonly name?: string | undefined; readonly key: string },
  at: FieldPath,
  errors: FieldErrors,
): void {
  const name = ref.name ?? "";
  errors.problems(at.child("name"), name, nameIsSubdomain(name, false));
  errors.named(at.child("key"), ref.key, configMapKeyProblems);
}

function validateFileKeyRef(ref: core.FileKeySelector, at: FieldPath, errors: FieldErrors): void {
  errors.named(at.child("key"), ref.key, relaxedEnvVarNameProblems);
  errors.named(at.child("volumeName"), ref.volumeName, dns1123LabelProblems);
  errors.filled(at.child("path"), ref.path);
  if (ref.path) validateNoBacksteps(ref.path, at.child("path"), errors);
}

export function validateEnvFrom(
  sources: readonly core.EnvFromSource[] | undefined,
  at: FieldPath,
  errors: FieldErrors,
): void {
  for (const [index, { prefix, configMapRef, secretRef }] of (sources ?? []).entries()) {
    const one = at.index(index);
    if (prefix) errors.problems(one.child("prefix"), prefix, relaxedEnvVarNameProblems(prefix));
    const rule = (name: string) => nameIsSubdomain(name, true);
    if (configMapRef) errors.named(one.child("configMapRef", "name"), configMapRef.name, rule);
    if (secretRef) errors.named(one.child("secretRef", "name"), secretRef.name, rule);
    if (!configMapRef && !secretRef) errors.invalid(at, "", "must specify one of: `configMapRef` or `secretRef`");
    else if (configMapRef && secretRef) {
      errors.invalid(at, "", "may not have more than one field specified at a time");
    }
  }
}
