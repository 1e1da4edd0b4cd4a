/** Classes of storage and of volume attributes. Source: pkg/apis/storage/validation (v1.36). */
import type { TopologySelectorTerm } from "#pkg/api/core/v1.ts";
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, qualifiedNameProblems } from "#pkg/api/names.ts";
import type { StorageClass, VolumeAttributesClass } from "#pkg/api/storage/v1.ts";
import { plainEqual } from "../plain-equal.ts";
import { FieldErrors } from "./field-errors.ts";

const mostParameters = 512;
const longestParameters = 256 * 1024;
const parametersPath = new FieldPath("parameters");
const driverPath = new FieldPath("driverName");
const fixed = ["parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"] as const;

export function validateStorageClass(storageClass: StorageClass): FieldErrors {
  const errors = new FieldErrors();
  const { provisioner, parameters, reclaimPolicy, volumeBindingMode: mode, allowedTopologies } = storageClass;
  validateProvisioner(provisioner, new FieldPath("provisioner"), errors);
  validateParameters(parameters ?? {}, errors);
  errors.supported(new FieldPath("reclaimPolicy"), reclaimPolicy, ["Delete", "Retain"]);
  const modePath = new FieldPath("volumeBindingMode");
  const modes = ["Immediate", "WaitForFirstConsumer"];
  if (mode == null) errors.required(modePath);
  else if (!modes.includes(mode)) errors.notSupported(modePath, mode, modes);
  validateTopologies(allowedTopologies ?? [], new FieldPath("allowedTopologies"), errors);
  return errors;
}

export function validateStorageClassUpdate(next: StorageClass, current: StorageClass): FieldErrors {
  const errors = new FieldErrors();
  for (const field of fixed) errors.immutable(new FieldPath(field), next[field], current[field]);
  return errors;
}

function validateProvisioner(name: string | undefined, at: FieldPath, errors: FieldErrors): void {
  errors.named(at, name, (text) => qualifiedNameProblems(text.toLowerCase()));
}

function validateParameters(parameters: Readonly<Record<string, string>>, errors: FieldErrors): void {
  const entries = Object.entries(parameters);
  if (entries.length > mostParameters) {
    errors.tooLong(parametersPath, mostParameters);
    return;
  }
  if (Object.hasOwn(parameters, "")) errors.invalid(parametersPath, "", "field can not be empty.");
  const size = entries.reduce((sum, [key, value]) => sum + byteLength(key) + byteLength(value), 0);
  if (size > longestParameters) errors.tooLong(parametersPath, longestParameters);
}

function validateTopologies(terms: readonly TopologySelectorTerm[], at: FieldPath, errors: FieldErrors): void {
  const seen: Record<string, readonly string[]>[] = [];
  for (const [index, term] of terms.entries()) {
    const path = at.index(index).child("matchLabelExpressions");
    const values = validateTopology(term, path, errors);
    if (seen.some((one) => plainEqual(one, values))) errors.duplicate(path, "");
    seen.push(values);
  }
}

/** The values by key, in order. */
function validateTopology(
  { matchLabelExpressions }: TopologySelectorTerm,
  at: FieldPath,
  errors: FieldErrors,
): Record<string, readonly string[]> {
  const byKey = new Map<string, readonly string[]>();
  for (const [index, { key = "", values = [] }] of (matchLabelExpressions ?? []).entries()) {
    const path = at.index(index);
    if (values.length === 0) errors.required(path.child("values"));
    for (const [position, value] of values.entries()) {
      if (values.indexOf(value) < position) errors.duplicate(path.child("values").index(position), value);
    }
    errors.problems(path.child("key"), key, qualifiedNameProblems(key));
    if (byKey.has(key)) errors.duplicate(path.child("key"), key);
    byKey.set(key, [...new Set(values)].sort());
  }
  return Object.fromEntries(byKey);
}

export function validateVolumeAttributesClass({ driverName, parameters = {} }: VolumeAttributesClass): FieldErrors {
  const errors = new FieldErrors();
  validateProvisioner(driverName, driverPath, errors);
  validateParameters(parameters, errors);
  if (Object.keys(parameters).length === 0) {
    errors.required(parametersPath, "must contain at least one key/value pair");
  }
  return errors;
}

export function validateVolumeAttributesClassUpdate(
  next: VolumeAttributesClass,
  current: VolumeAttributesClass,
): FieldErrors {
  const errors = new FieldErrors();
  if (next.driverName !== current.driverName) errors.forbidden(driverPath, "updates to driverName are forbidden.");
  if (!plainEqual(next.parameters, current.parameters)) {
    errors.forbidden(parametersPath, "updates to parameters are forbidden.");
  }
  errors.add(...validateVolumeAttributesClass(next).list);
  return errors;
}
