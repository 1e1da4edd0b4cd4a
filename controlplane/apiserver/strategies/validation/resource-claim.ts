/** ResourceClaims, what was allocated for them, and their templates. Source: pkg/apis/resource/validation (v1.36). */
import { FieldPath } from "#pkg/api/field.ts";
import { interfaceAddressProblems } from "#pkg/api/ip-address.ts";
import { byteLength, dns1123LabelProblems } from "#pkg/api/names.ts";
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
  ResourceClaimStatus,
  ResourceClaimTemplate,
} from "#pkg/api/resource/v1.ts";
import { optionalTypeEqual, typeEqual } from "../type-equal.ts";
import {
  mostConfigs,
  type RequestNames,
  requestNamesOf,
  validateConfiguration,
  validateDeviceClaim,
  validateFreeForm,
  validateRequestRef,
  validateRequestRefs,
} from "./device-claim.ts";
import { validateBindingParameters, validatePoolName, validateShareId } from "./device-names.ts";
import { FieldErrors, immutableText } from "./field-errors.ts";
import { validateConditions } from "./label-selectors.ts";
import { validateNodeSelector } from "./node-selectors.ts";
import { validateTemplateMetadata } from "./persistent-volume-claim.ts";
import { validateItems, validateSet } from "./sized-lists.ts";
import { validateCsiDriverName } from "./volume-sources.ts";

const specPath = new FieldPath("spec");
const statusPath = new FieldPath("status");
const mostUsers = 256;
const mostResults = 32;
const mostConditions = 8;
const mostAddresses = 16;
const longestData = 10 * 1024;

export function validateResourceClaim({ spec }: ResourceClaim): FieldErrors {
  const errors = new FieldErrors();
  validateDeviceClaim(spec?.devices ?? {}, specPath.child("devices"), errors);
  return errors;
}

export function validateResourceClaimUpdate(next: ResourceClaim, current: ResourceClaim): FieldErrors {
  const errors = new FieldErrors();
  if (!typeEqual("resource/v1.ResourceClaimSpec", next.spec, current.spec)) {
    errors.invalid(specPath, next.spec, immutableText);
  }
  return errors;
}

export function validateClaimTemplateKind({ spec }: ResourceClaimTemplate): FieldErrors {
  const errors = new FieldErrors();
  validateTemplateMetadata(spec?.metadata ?? {}, specPath.child("metadata"), errors);
  validateDeviceClaim(spec?.spec?.devices ?? {}, specPath.child("spec", "devices"), errors);
  return errors;
}

export function validateClaimTemplateUpdate(next: ResourceClaimTemplate, current: ResourceClaimTemplate): FieldErrors {
  const errors = new FieldErrors();
  if (!typeEqual("resource/v1.ResourceClaimTemplateSpec", next.spec, current.spec)) {
    errors.invalid(specPath, next.spec, immutableText);
  }
  return errors;
}

interface DeviceKey {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string | undefined;
}

/** Tells devices, and shares of one device, from all others in the cluster. */
export function deviceKey({ driver, pool, device, shareID }: DeviceKey): string {
  return [driver, pool, device, ...(shareID == null ? [] : [shareID])].join("/");
}

export function validateResourceClaimStatusUpdate(next: ResourceClaim, current: ResourceClaim): FieldErrors {
  const errors = new FieldErrors();
  const { status = {} } = next;
  const before = current.status ?? {};
  const usersPath = statusPath.child("reservedFor");
  const uidOf = (user: ResourceClaimConsumerReference): string => user.uid ?? "";
  validateSet(status.reservedFor, mostUsers, usersPath, errors, uidOf, (user, path) => {
    for (const field of ["resource", "name", "uid"] as const) errors.filled(path.child(field), user[field]);
  });
  const allocated = new Set((status.allocation?.devices?.results ?? []).map(deviceKey));
  validateSet(
    status.devices,
    Number.POSITIVE_INFINITY,
    statusPath.child("devices"),
    errors,
    deviceKey,
    (device, path) => validateDeviceStatus(device, allocated, path, errors),
  );
  validateUsers(status, before, next.metadata.deletionTimestamp != null, errors);
  const { allocation } = status;
  const allocationPath = statusPath.child("allocation");
  if (!allocation) return errors;
  if (!before.allocation) {
    validateAllocation(allocation, requestNamesOf(next.spec?.devices), allocationPath, errors);
  } else if (!optionalTypeEqual("resource/v1.AllocationResult", allocation, before.allocation)) {
    errors.invalid(allocationPath, allocation, immutableText);
  }
  return errors;
}

function validateUsers(
  status: ResourceClaimStatus,
  before: ResourceClaimStatus,
  isDeleted: boolean,
  errors: FieldErrors,
): void {
  const users = status.reservedFor ?? [];
  const at = statusPath.child("reservedFor");
  if (users.length === 0) return;
  if (!status.allocation) errors.forbidden(at, "may not be specified when `allocated` is not set");
  else if (isDeleted) {
    const known = new Set((before.reservedFor ?? []).map((user) => user.uid));
    if (users.some((user) => !known.has(user.uid))) {
      errors.forbidden(at, "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set");
    }
  }
}

function validateAllocation(
  allocation: AllocationResult,
  names: RequestNames,
  at: FieldPath,
  errors: FieldErrors,
): void {
  const devicesPath = at.child("devices");
  validateItems(allocation.devices?.results, mostResults, devicesPath.child("results"), errors, (result, path) =>
    validateResult(result, names, path, errors),
  );
  // Of the class and of the claim.
  validateItems(allocation.devices?.config, 2 * mostConfigs, devicesPath.child("config"), errors, (config, path) => {
    errors.oneOf(path.child("source"), config.source, ["FromClaim", "FromClass"]);
    validateRequestRefs(config.requests, names, path.child("requests"), errors);
    validateConfiguration(config, path, errors);
  });
  if (allocation.nodeSelector) validateNodeSelector(allocation.nodeSelector, at.child("nodeSelector"), errors);
}

function validateResult(
  result: DeviceRequestAllocationResult,
  names: RequestNames,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateRequestRef(result.request ?? "", names, at.child("request"), errors);
  validateDeviceAddress(result, at, errors);
  validateBindingParameters(result, at, errors);
  validateShareId(result.shareID, at.child("shareID"), errors);
}

function validateDeviceAddress({ driver, pool, device = "" }: DeviceKey, at: FieldPath, errors: FieldErrors): void {
  validateCsiDriverName(driver, at.child("driver"), errors);
  validatePoolName(pool, at.child("pool"), errors);
  errors.problems(at.child("device"), device, dns1123LabelProblems(device));
}

function validateDeviceStatus(
  device: AllocatedDeviceStatus,
  allocated: ReadonlySet<string>,
  at: FieldPath,
  errors: FieldErrors,
): void {
  validateDeviceAddress(device, at, errors);
  validateShareId(device.shareID, at.child("shareID"), errors);
  const key = deviceKey(device);
  if (!allocated.has(key)) errors.invalid(at, key, "must be an allocated device in the claim");
  const count = device.conditions?.length ?? 0;
  if (count > mostConditions) errors.tooMany(at.child("conditions"), count, mostConditions);
  validateConditions(device.conditions, at.child("conditions"), errors);
  if (device.data != null) validateFreeForm(device.data, longestData, at.child("data"), errors);
  if (device.networkData) validateNetworkData(device.networkData, at.child("networkData"), errors);
}

function validateNetworkData(data: NetworkDeviceData, at: FieldPath, errors: FieldErrors): void {
  const longest = { interfaceName: 256, hardwareAddress: 128 } as const;
  for (const field of ["interfaceName", "hardwareAddress"] as const) {
    if (byteLength(data[field] ?? "") > longest[field]) errors.tooLong(at.child(field), longest[field]);
  }
  const self = (address: string): string => address;
  validateSet(data.ips, mostAddresses, at.child("ips"), errors, self, (address, path) =>
    errors.problems(path, address, interfaceAddressProblems(address)),
  );
}
