import type { Device, ResourceSlice, ResourceSliceSpec } from "#pkg/api/resource/v1.ts";
import { formatTime } from "#pkg/system/clock.ts";
import { defineStrategy } from "./define-strategy.ts";
import { validateResourceSlice, validateResourceSliceUpdate } from "./validation/resource-slice.ts";

export const resourceSliceStrategy = defineStrategy<ResourceSlice>("resource/v1.ResourceSlice", {
  hasGeneration: true,
  prepareForCreate(slice, { nowMs }) {
    slice.spec = prepared(slice.spec, formatTime(nowMs));
  },
  validate: validateResourceSlice,
  prepareForUpdate(slice, _current, { nowMs }) {
    slice.spec = prepared(slice.spec, formatTime(nowMs));
  },
  validateUpdate: validateResourceSliceUpdate,
  warnings: ({ spec: { driver = "" } }) => {
    if (driver === driver.toLowerCase()) return [];
    const name = JSON.stringify(driver);
    return [`spec.driver: driver names should be lowercase; ${name} contains uppercase characters`];
  },
  selectableFields: ({ spec }: Partial<ResourceSlice>) => ({
    "spec.nodeName": spec?.nodeName ?? "",
    "spec.driver": spec?.driver ?? "",
  }),
});

/** Taints get the time they were added at; fields of features that are off at this API level are dropped. */
function prepared(spec: ResourceSliceSpec, now: string): ResourceSliceSpec {
  return spec.devices ? { ...spec, devices: spec.devices.map((device) => preparedDevice(device, now)) } : spec;
}

function preparedDevice({ nodeAllocatableResourceMappings: _, ...device }: Device, now: string): Device {
  if (device.taints) device.taints = device.taints.map((taint) => ({ ...taint, timeAdded: taint.timeAdded ?? now }));
  if (!device.attributes) return device;
  const attributes = Object.entries(device.attributes).map(([name, attribute]) => {
    const { ints: _ints, bools: _bools, strings: _strings, versions: _versions, ...single } = attribute;
    return [name, single] as const;
  });
  return { ...device, attributes: Object.fromEntries(attributes) };
}
