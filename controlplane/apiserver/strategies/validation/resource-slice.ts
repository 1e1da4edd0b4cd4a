/** ResourceSlices: the devices a driver offers. Source: pkg/apis/resource/validation/validation.go (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { byteLength, dns1123LabelProblems, nameIsSubdomain } from "#pkg/api/names.ts";
import type {
  CapacityRequestPolicy,
  Counter,
  CounterSet,
  Device,
  DeviceAttribute,
  DeviceCapacity,
  DeviceCounterConsumption,
  ResourceSlice,
  ResourceSliceSpec,
} from "#pkg/api/resource/v1.ts";
import {
  validateAttributeName,
  validateBindingParameters,
  validateDeviceTaint,
  validatePoolName,
} from "./device-names.ts";
import { FieldErrors } from "./field-errors.ts";
import { validateNodeSelector } from "./node-selectors.ts";
import { validateRange, validateValues } from "./request-policies.ts";
import { validateEntries, validateItems, validateSet } from "./sized-lists.ts";
import { validateCsiDriverName } from "./volume-sources.ts";

const specPath = new FieldPath("spec");
const mostDevices = 128;
const mostAdvancedDevices = 64;
const mostCounterSets = 8;
const mostCounters = 32;
const mostConsumptions = 2;
const mostProperties = 32;
const mostAttributeValues = 48;
const mostTaints = 16;
const longestAttribute = 64;

export function validateResourceSlice(slice: ResourceSlice): FieldErrors {
  return validateSlice(slice.spec, undefined);
}

export function validateResourceSliceUpdate(next: ResourceSlice, current: ResourceSlice): FieldErrors {
  return validateSlice(next.spec, current.spec);
}

function validateSlice(spec: ResourceSliceSpec, current: ResourceSliceSpec | undefined): FieldErrors {
  const errors = new FieldErrors();
  validateCsiDriverName(spec.driver, specPath.child("driver"), errors);
  validatePool(spec, errors);
  if (current) {
    errors.immutable(specPath.child("pool", "name"), spec.pool?.name, current.pool?.name);
    errors.immutable(specPath.child("driver"), spec.driver, current.driver);
    errors.immutable(specPath.child("nodeName"), spec.nodeName, current.nodeName);
  }
  validateNodes(spec, errors);
  if (spec.sharedCounters?.length && spec.devices?.length) {
    errors.invalid(specPath, "", "only one of `sharedCounters` or `devices` is allowed");
  }
  const isAdvanced = spec.devices?.some((device) => device.taints?.length || device.consumesCounters?.length);
  const most = isAdvanced ? mostAdvancedDevices : mostDevices;
  const nameOf = ({ name }: { readonly name: string }): string => name ?? "";
  validateSet(spec.devices, most, specPath.child("devices"), errors, nameOf, (device, path) =>
    validateDevice(device, spec.perDeviceNodeSelection === true, path, errors),
  );
  validateSet(spec.sharedCounters, mostCounterSets, specPath.child("sharedCounters"), errors, nameOf, (set, path) =>
    validateCounters(set, set.name, path.child("name"), path.child("counters"), errors),
  );
  return errors;
}

function validatePool({ pool }: ResourceSliceSpec, errors: FieldErrors): void {
  const at = specPath.child("pool");
  validatePoolName(pool?.name, at.child("name"), errors);
  errors.positive(at.child("resourceSliceCount"), pool?.resourceSliceCount);
  const generation = pool?.generation ?? 0;
  if (generation < 0) errors.invalid(at.child("generation"), generation, "must be greater than or equal to zero");
}

function validateNodes(spec: ResourceSliceSpec, errors: FieldErrors): void {
  const given: string[] = [];
  if (spec.nodeName) {
    given.push("`nodeName`");
    errors.problems(specPath.child("nodeName"), spec.nodeName, nameIsSubdomain(spec.nodeName, false));
  } else if (spec.nodeName === "") {
    errors.invalid(specPath.child("nodeName"), "", "must be either unset or set to a non-empty string");
  }
  if (spec.nodeSelector) {
    given.push("`nodeSelector`");
    const at = specPath.child("nodeSelector");
    validateNodeSelector(spec.nodeSelector, at, errors);
    const terms = spec.nodeSelector.nodeSelectorTerms ?? [];
    if (terms.length !== 1) {
      errors.invalid(at.child("nodeSelectorTerms"), terms, "must have exactly one node selector term");
    }
  }
  for (const field of ["allNodes", "perDeviceNodeSelection"] as const) {
    if (spec[field]) given.push(`\`${field}\``);
    else if (spec[field] === false) {
      errors.invalid(specPath.child(field), false, "must be either unset or set to true");
    }
  }
  const one = "exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required";
  if (given.length === 0) errors.required(specPath, one);
  else if (given.length > 1) {
    errors.invalid(specPath, `{${given.join(", ")}}`, `${one}, but multiple fields are set`);
  }
}

function validateDevice(device: Device, choosesNodes: boolean, at: FieldPath, errors: FieldErrors): void {
  const { name = "", attributes = {}, capacity = {} } = device;
  errors.problems(at.child("name"), name, dns1123LabelProblems(name));
  const count = Object.keys(attributes).length + Object.keys(capacity).length;
  if (count > mostProperties) {
    errors.invalid(at, count, `the total number of attributes and capacities must not exceed ${mostProperties}`);
  }
  const values = Object.keys(attributes).length;
  if (values > mostAttributeValues) {
    errors.invalid(at, values, `the total number of attribute values must not exceed ${mostAttributeValues}`);
  }
  const all = Number.POSITIVE_INFINITY;
  const attributesPath = at.child("attributes");
  const named = (path: FieldPath) => (key: string) => validateAttributeName(key, path, errors);
  validateEntries(attributes, all, attributesPath, errors, named(attributesPath), (attribute, path) =>
    validateAttribute(attribute, path, errors),
  );
  const capacityPath = at.child("capacity");
  validateEntries(capacity, all, capacityPath, errors, named(capacityPath), (one, path) =>
    validateCapacity(one, device.allowMultipleAllocations === true, path, errors),
  );
  validateItems(device.taints, mostTaints, at.child("taints"), errors, (taint, path) =>
    validateDeviceTaint(taint, path, errors),
  );
  const setOf = ({ counterSet }: DeviceCounterConsumption): string => counterSet ?? "";
  validateSet(device.consumesCounters, mostConsumptions, at.child("consumesCounters"), errors, setOf, (used, path) =>
    validateCounters(used, used.counterSet, path.child("counterSet"), path.child("counters"), errors),
  );
  if (choosesNodes) validateDeviceNodes(device, at, errors);
  else if (device.nodeName != null || device.nodeSelector || device.allNodes != null) {
    const only = "can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
    errors.invalid(at, null, `\`nodeName\`, \`nodeSelector\` and \`allNodes\` ${only}`);
  }
  validateBindingParameters(device, at, errors);
}

function validateDeviceNodes(device: Device, at: FieldPath, errors: FieldErrors): void {
  const given: string[] = [];
  if (device.nodeName) {
    given.push("`nodeName`");
    errors.problems(at.child("nodeName"), device.nodeName, nameIsSubdomain(device.nodeName, false));
  } else if (device.nodeName === "") errors.invalid(at.child("nodeName"), "", "must not be empty");
  if (device.nodeSelector) {
    given.push("`nodeSelector`");
    validateNodeSelector(device.nodeSelector, at.child("nodeSelector"), errors);
  }
  if (device.allNodes) given.push("`allNodes`");
  else if (device.allNodes === false) {
    errors.invalid(at.child("allNodes"), false, "must be either unset or set to true");
  }
  const when = "is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec";
  const one = `exactly one of \`nodeName\`, \`nodeSelector\`, or \`allNodes\` ${when}`;
  if (given.length === 0) errors.required(at, one);
  else if (given.length > 1) errors.invalid(at, `{${given.join(", ")}}`, one);
}

function validateCounters(
  { counters }: Pick<CounterSet, "counters">,
  name: string,
  namePath: FieldPath,
  at: FieldPath,
  errors: FieldErrors,
): void {
  errors.named(namePath, name, dns1123LabelProblems);
  if (Object.keys(counters ?? {}).length === 0) {
    errors.required(at);
    return;
  }
  const checkKey = (key: string) => errors.problems(at, key, dns1123LabelProblems(key));
  const anyAmount = (_: Counter) => {};
  validateEntries(counters, mostCounters, at, errors, checkKey, anyAmount);
}

/** Semantic Versioning 2.0.0. */
const versionForm =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;

function validateAttribute(attribute: DeviceAttribute, at: FieldPath, errors: FieldErrors): void {
  const { string, version } = attribute;
  const limited = (field: "string" | "version", value: string): void => {
    if (byteLength(value) > longestAttribute) errors.tooLong(at.child(field), longestAttribute);
  };
  if (string != null) limited("string", string);
  if (version != null) {
    if (!versionForm.test(version)) {
      errors.invalid(at.child("version"), version, "must be a string compatible with semver.org spec 2.0.0");
    }
    limited("version", version);
  }
  const given = [attribute.bool, attribute.int, string, version].filter((value) => value != null).length;
  if (given !== 1) errors.invalid(at, given === 0 ? "" : attribute, "exactly one value must be specified");
}

function validateCapacity(capacity: DeviceCapacity, isShared: boolean, at: FieldPath, errors: FieldErrors): void {
  const { requestPolicy: policy } = capacity;
  if (!policy) return;
  const path = at.child("requestPolicy");
  if (!isShared) errors.forbidden(path, "allowMultipleAllocations must be true");
  else validatePolicy(policy, capacity, path, errors);
}

function validatePolicy(
  policy: CapacityRequestPolicy,
  { value }: DeviceCapacity,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const { default: usual, validValues = [], validRange } = policy;
  if (validValues.length > 0 && validRange) {
    const one = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    errors.forbidden(at, one);
  } else if (validValues.length > 0) {
    if (usual == null) errors.required(at.child("default"), "required when validValues is defined");
    else validateValues(usual, value, validValues, at.child("validValues"), errors);
  } else if (validRange) {
    if (usual == null) errors.required(at.child("default"), "required when validRange is defined");
    else validateRange(usual, value, validRange, at.child("validRange"), errors);
  }
}
