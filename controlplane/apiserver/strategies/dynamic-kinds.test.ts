import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { DeviceClass, ResourceClaim, ResourceClaimTemplate, ResourceSlice } from "#pkg/api/resource/v1.ts";
import { decodeValue } from "#pkg/api/schema/decode.ts";
import { deviceClassStrategy } from "./device-class.ts";
import { resourceClaimStrategy } from "./resource-claim.ts";
import { resourceClaimTemplateStrategy } from "./resource-claim-template.ts";
import { resourceSliceStrategy } from "./resource-slice.ts";
import {
  created,
  createFaults,
  createMessages,
  updated,
  updateFaults,
  updateMessages,
  withValue,
} from "./testing/judge.ts";
import type { Case } from "./testing/template-cases.ts";

const metadata = { name: "x", namespace: "n" };

function from<T extends KubeObject>(kind: string, object: object): T {
  return decodeValue(`resource/v1.${kind}`, object).object as unknown as T;
}

const claim = from<ResourceClaim>("ResourceClaim", {
  metadata,
  spec: {
    devices: {
      requests: [
        { name: "gpu", exactly: { deviceClassName: "gpu.example.com", selectors: [{ cel: { expression: "true" } }] } },
        {
          name: "net",
          firstAvailable: [
            { name: "fast", deviceClassName: "fast" },
            { name: "slow", deviceClassName: "slow" },
          ],
        },
      ],
      constraints: [{ requests: ["gpu", "net/fast"], matchAttribute: "example.com/numa" }],
      config: [{ requests: ["gpu"], opaque: { driver: "gpu.example.com", parameters: { a: 1 } } }],
    },
  },
});
const stored = created(resourceClaimStrategy, claim);
const devices = "spec.devices";

describe("ResourceClaim", () => {
  test.each<Case>([
    [
      `${devices}.requests.0.name`,
      "GPU",
      [
        `${devices}.requests[0].name: Invalid`,
        `${devices}.constraints[0].requests[0]: Invalid`,
        `${devices}.config[0].requests[0]: Invalid`,
      ],
    ],
    [
      `${devices}.requests.1.name`,
      "gpu",
      [`${devices}.requests[1]: Duplicate`, `${devices}.constraints[0].requests[1]: Invalid`],
    ],
    [`${devices}.requests.0.exactly`, undefined, [`${devices}.requests[0]: Required`]],
    [
      `${devices}.requests.0.firstAvailable`,
      [{ name: "a", deviceClassName: "a" }],
      [`${devices}.requests[0]: Invalid`],
    ],
    [`${devices}.requests.0.exactly.deviceClassName`, "", [`${devices}.requests[0].exactly.deviceClassName: Required`]],
    [
      `${devices}.requests.0.exactly.allocationMode`,
      "Some",
      [`${devices}.requests[0].exactly.allocationMode: NotSupported`],
    ],
    [`${devices}.requests.0.exactly.count`, -1, [`${devices}.requests[0].exactly.count: Invalid`]],
    [`${devices}.requests.0.exactly.selectors`, [{}], [`${devices}.requests[0].exactly.selectors[0].cel: Required`]],
    [
      `${devices}.requests.0.exactly.selectors`,
      Array(33).fill({}),
      [`${devices}.requests[0].exactly.selectors: TooMany`],
    ],
    [
      `${devices}.requests.0.exactly.tolerations`,
      [{ operator: "Exists", value: "x" }],
      [`${devices}.requests[0].exactly.tolerations[0].value: Invalid`],
    ],
    [`${devices}.constraints.0.requests`, ["net/other"], [`${devices}.constraints[0].requests[0]: Invalid`]],
    [`${devices}.constraints.0.matchAttribute`, "numa", [`${devices}.constraints[0].matchAttribute: Invalid`]],
    [`${devices}.constraints.0.matchAttribute`, undefined, [`${devices}.constraints[0]: Required`]],
    [`${devices}.config.0.opaque`, undefined, [`${devices}.config[0].opaque: Required`]],
    [`${devices}.config.0.opaque.driver`, "", [`${devices}.config[0].opaque.driver: Required`]],
    [`${devices}.config.0.opaque.parameters`, [1], [`${devices}.config[0].opaque.parameters: Invalid`]],
  ])("%s = %j", (path, value, faults) => {
    expect(createFaults(resourceClaimStrategy, withValue(claim, path, value))).toEqual(faults);
  });

  test("is good when it is good, and stays as it is", () => {
    expect(createFaults(resourceClaimStrategy, claim)).toEqual([]);
    expect(stored.spec.devices?.requests?.[0]?.exactly).toMatchObject({ allocationMode: "ExactCount", count: 1 });
    expect(updateFaults(resourceClaimStrategy, stored, (next) => (next.metadata.labels = { a: "b" }))).toEqual([]);
    expect(updateFaults(resourceClaimStrategy, stored, (next) => (next.spec = {}))).toEqual(["spec: Invalid"]);
  });

  const device = { driver: "gpu.example.com", pool: "node-1", device: "gpu-0" };
  const allocation = { devices: { results: [{ request: "gpu", ...device }] } };
  const user = { resource: "pods", name: "p", uid: "u" };
  const status = (from: ResourceClaim, value: ResourceClaim["status"]) =>
    updateMessages(resourceClaimStrategy, from, (next) => (next.status = value), "status");
  const allocated: ResourceClaim = { ...stored, status: { allocation, reservedFor: [user], devices: [device] } };

  test("is allocated once, then used", () => {
    expect(status(stored, { allocation, reservedFor: [user] })).toEqual([]);
    expect(status(stored, { reservedFor: [user] })).toEqual([
      "status.reservedFor: Forbidden: may not be specified when `allocated` is not set",
    ]);
    expect(status(allocated, { ...allocated.status, allocation: { devices: {} } })).toContainEqual(
      expect.stringMatching(/^status\.allocation: Invalid value: .*: field is immutable$/),
    );
    const bad = { devices: { results: [{ ...device, request: "other", shareID: "X" }] } };
    expect(status(stored, { allocation: bad })).toEqual([
      expect.stringMatching(
        /^status\.allocation\.devices\.results\[0\]\.request: Invalid value: "other": must be the name/,
      ),
      expect.stringMatching(/^status\.allocation\.devices\.results\[0\]\.shareID: Invalid value: "X": uid must be/),
    ]);
  });

  test("gets no new users while it goes", () => {
    const going = { ...allocated, metadata: { ...metadata, deletionTimestamp: "2026-01-01T00:00:00Z" } };
    expect(status(going, { ...allocated.status, reservedFor: [] })).toEqual([]);
    expect(status(going, { ...allocated.status, reservedFor: [user, { ...user, uid: "v" }] })).toEqual([
      "status.reservedFor: Forbidden: new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set",
    ]);
  });

  test("what is known of devices goes with them", () => {
    const free = updated(resourceClaimStrategy, allocated, (next) => delete next.status?.allocation, "status");
    expect(free.status).toEqual({ reservedFor: [user] });
    expect(status(allocated, { ...allocated.status, devices: [{ ...device, device: "gpu-1" }] })).toEqual([
      'status.devices[0]: Invalid value: "gpu.example.com/node-1/gpu-1": must be an allocated device in the claim',
    ]);
  });
});

test("a ResourceClaimTemplate holds a claim and never changes", () => {
  const template = from<ResourceClaimTemplate>("ResourceClaimTemplate", { metadata, spec: { spec: claim.spec } });
  expect(createFaults(resourceClaimTemplateStrategy, template)).toEqual([]);
  expect(createFaults(resourceClaimTemplateStrategy, withValue(template, "spec.metadata.name", "x"))).toEqual([
    "spec.metadata.name: Forbidden",
  ]);
  const good = created(resourceClaimTemplateStrategy, template);
  expect(updateFaults(resourceClaimTemplateStrategy, good, (next) => (next.spec = { spec: {} }))).toEqual([
    "spec: Invalid",
  ]);
});

test("a DeviceClass may stand for an extended resource", () => {
  const good = from<DeviceClass>("DeviceClass", {
    metadata: { name: "x" },
    spec: { extendedResourceName: "example.com/gpu" },
  });
  expect(createFaults(deviceClassStrategy, good)).toEqual([]);
  expect(createMessages(deviceClassStrategy, withValue(good, "spec.extendedResourceName", "cpu"))).toEqual([
    'spec.extendedResourceName: Invalid value: "cpu": must be a valid extended resource name',
  ]);
});

describe("ResourceSlice", () => {
  const slice = from<ResourceSlice>("ResourceSlice", {
    metadata: { name: "x", generation: 1 },
    spec: {
      driver: "gpu.example.com",
      pool: { name: "node-1", resourceSliceCount: 1 },
      nodeName: "node-1",
      devices: [
        {
          name: "gpu-0",
          attributes: { model: { string: "a" }, "example.com/version": { version: "1.2.3-rc.1" } },
          capacity: { memory: { value: "40Gi" } },
        },
      ],
    },
  });
  const device = "spec.devices[0]";
  const shared = (policy: object) =>
    createMessages(
      resourceSliceStrategy,
      withValue(withValue(slice, "spec.devices.0.allowMultipleAllocations", true), "spec.devices.0.capacity", {
        memory: { value: "40Gi", requestPolicy: policy },
      }),
    );

  test.each<Case>([
    ["spec.driver", "", ["spec.driver: Required"]],
    ["spec.pool.name", "A", ["spec.pool.name: Invalid"]],
    ["spec.pool.resourceSliceCount", 0, ["spec.pool.resourceSliceCount: Invalid"]],
    ["spec.nodeName", undefined, ["spec: Required"]],
    ["spec.allNodes", true, ["spec: Invalid"]],
    ["spec.allNodes", false, ["spec.allNodes: Invalid"]],
    ["spec.sharedCounters", [{ name: "c", counters: { a: { value: "1" } } }], ["spec: Invalid"]],
    ["spec.devices.0.name", "GPU", [`${device}.name: Invalid`]],
    ["spec.devices.0.nodeName", "node-1", [`${device}: Invalid`]],
    ["spec.devices.0.attributes", { "1a": { bool: true } }, [`${device}.attributes: Invalid`]],
    ["spec.devices.0.attributes", { a: {} }, [`${device}.attributes[a]: Invalid`]],
    ["spec.devices.0.attributes", { a: { version: "1.2" } }, [`${device}.attributes[a].version: Invalid`]],
    [
      "spec.devices.0.taints",
      [{ key: "a b", effect: "Soon" }],
      [`${device}.taints[0].key: Invalid`, `${device}.taints[0].effect: NotSupported`],
    ],
    [
      "spec.devices.0.consumesCounters",
      [{ counterSet: "" }],
      [`${device}.consumesCounters[0].counterSet: Required`, `${device}.consumesCounters[0].counters: Required`],
    ],
    ["spec.devices.0.bindingConditions", ["a"], [`${device}.bindingFailureConditions: Invalid`]],
    [
      "spec.devices.0.capacity",
      { memory: { value: "1", requestPolicy: {} } },
      [`${device}.capacity[memory].requestPolicy: Forbidden`],
    ],
  ])("%s = %j", (path, value, faults) => {
    expect(createFaults(resourceSliceStrategy, withValue(slice, path, value))).toEqual(faults);
  });

  test("capacity is shared in the portions it says", () => {
    const path = `${device}.capacity[memory].requestPolicy`;
    expect(shared({ default: "10Gi", validValues: ["10Gi", "20Gi"] })).toEqual([]);
    expect(shared({ default: "5Gi", validValues: ["20Gi", "50Gi"] })).toEqual([
      `${path}.validValues[1]: Invalid value: "50Gi": option is larger than capacity value: 40Gi`,
      `${path}.validValues: Invalid value: "5Gi": default value is not valid according to the requestPolicy`,
    ]);
    expect(shared({ validRange: { min: "1Gi" } })).toEqual([
      `${path}.default: Required value: required when validRange is defined`,
    ]);
    expect(shared({ default: "2Gi", validRange: { min: "1Gi", max: "4Gi", step: "1Gi" } })).toEqual([]);
    expect(shared({ default: "5Gi", validRange: { min: "1Gi", max: "4Gi", step: "2Gi" } })).toEqual([
      `${path}.validRange.max: Invalid value: "5Gi": default is more than max: 4Gi`,
      `${path}.validRange.step: Invalid value: "4Gi": value is not a multiple of a given step (2Gi) from (1Gi)`,
    ]);
  });

  test("belongs to one pool of one driver on one node", () => {
    const good = created(resourceSliceStrategy, slice);
    const change = (next: ResourceSlice) =>
      Object.assign(next.spec, { driver: "b.example.com", nodeName: "b", pool: { ...next.spec.pool, name: "b" } });
    expect(updateFaults(resourceSliceStrategy, good, change)).toEqual([
      "spec.pool.name: Invalid",
      "spec.driver: Invalid",
      "spec.nodeName: Invalid",
    ]);
    expect(resourceSliceStrategy.selectableFields?.(good)).toEqual({
      "spec.nodeName": "node-1",
      "spec.driver": "gpu.example.com",
    });
  });

  test("taints get the time they came", () => {
    const tainted = withValue(slice, "spec.devices.0.taints", [{ key: "a", effect: "NoSchedule" }]);
    expect(created(resourceSliceStrategy, tainted).spec.devices?.[0]?.taints?.[0]?.timeAdded).toBe(
      "2026-01-02T03:04:05Z",
    );
    expect(resourceSliceStrategy.warnings?.(withValue(slice, "spec.driver", "GPU.example.com"))).toHaveLength(1);
  });
});
