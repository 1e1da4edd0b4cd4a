import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { EndpointSlice } from "#pkg/api/discovery/v1.ts";
import type { Stored } from "#pkg/api/meta/object.ts";
import type { EndpointGroup } from "./compute-endpoints-of-pods.ts";
import { computeSliceChanges, type SliceChanges } from "./compute-slices.ts";

const port = (number: number) => ({ name: "", port: number, protocol: "TCP" as const });

function group(ips: readonly number[], portNumber = 80, ready = true): EndpointGroup {
  const endpoints = ips.map((ip) => ({ addresses: [`10.0.${ip >> 8}.${ip & 255}`], conditions: { ready } }));
  return { addressType: "IPv4", ports: [port(portNumber)], endpoints };
}

let made = 0;
function slice(ips: readonly number[], portNumber = 80): Stored<EndpointSlice> {
  const uid = `uid-${made++}`;
  const { addressType, ports, endpoints } = group(ips, portNumber);
  const metadata = { name: uid, uid, resourceVersion: "1", creationTimestamp: "" };
  return { metadata, addressType, ports: [...ports], endpoints: [...endpoints] };
}

function applied(existing: readonly Stored<EndpointSlice>[], changes: SliceChanges): readonly Stored<EndpointSlice>[] {
  const kept = existing
    .filter((one) => !changes.delete.includes(one))
    .map((one) => {
      const update = changes.update.find((change) => change.slice === one);
      return update ? { ...one, endpoints: [...update.endpoints] } : one;
    });
  const created = changes.create.map((one): Stored<EndpointSlice> => {
    const metadata = { name: "n", uid: `uid-${made++}`, resourceVersion: "1", creationTimestamp: "" };
    return { metadata, addressType: one.addressType, ports: [...one.ports], endpoints: [...one.endpoints] };
  });
  return [...kept, ...created];
}

const never = () => false;
const ips = fc.uniqueArray(fc.integer({ min: 0, max: 60 }), { maxLength: 40 });

describe("computeSliceChanges", () => {
  test("afterwards the slices hold exactly what is wanted, none too much, and a second look changes nothing", () => {
    fc.assert(
      fc.property(fc.array(ips, { maxLength: 5 }), ips, ips, (before, wanted, others) => {
        const existing = before.map((one) => slice(one));
        const groups = [group(wanted), group(others, 81)];
        const after = applied(existing, computeSliceChanges(existing, groups, 10, never));
        for (const { ports, endpoints } of groups) {
          const own = after.filter((one) => one.ports?.[0]?.port === ports[0]?.port);
          const held = own.flatMap((one) => one.endpoints ?? []).map(({ addresses }) => addresses[0]);
          expect(held.sort()).toEqual(endpoints.map(({ addresses }) => addresses[0]).sort());
          expect(own.length).toBeGreaterThan(0);
        }
        expect(after.every((one) => (one.endpoints?.length ?? 0) <= 10)).toBe(true);
        const again = computeSliceChanges(after, groups, 10, never);
        expect([again.create, again.update, again.delete]).toEqual([[], [], []]);
      }),
    );
  });

  test("one endpoint more is one write, to the slice that has room", () => {
    const existing = [slice([1, 2, 3]), slice([4])];
    const changes = computeSliceChanges(existing, [group([1, 2, 3, 4, 5])], 3, never);
    expect([changes.create.length, changes.delete.length]).toEqual([0, 0]);
    expect(changes.update.map((one) => [one.slice, one.endpoints.length])).toEqual([[existing[1], 2]]);
  });

  test("what changed elsewhere is filled up first", () => {
    const existing = [slice([1, 2]), slice([3])];
    const changes = computeSliceChanges(existing, [group([1, 3, 4])], 3, never);
    expect(changes.update.map((one) => one.slice)).toEqual([existing[0]]);
  });

  test("an endpoint that became ready is written where it is", () => {
    const existing = [slice([1])];
    const changes = computeSliceChanges(existing, [group([1], 80, false)], 3, never);
    expect(changes.update.map(({ endpoints }) => endpoints[0]?.conditions)).toEqual([{ ready: false }]);
  });

  test("the last slice stays, empty; other ports take a slice of their own", () => {
    const existing = [slice([1]), slice([2])];
    const emptied = computeSliceChanges(existing, [group([])], 1, never);
    expect([emptied.update.length, emptied.delete.length, emptied.create.length]).toEqual([1, 1, 0]);
    const moved = computeSliceChanges(existing, [group([1, 2], 81)], 3, never);
    expect([moved.create.length, moved.delete.length]).toEqual([1, 2]);
  });

  test("a slice whose labels are old is written even when its endpoints are right", () => {
    const existing = [slice([1])];
    expect(computeSliceChanges(existing, [group([1])], 3, () => true).update).toHaveLength(1);
  });

  test("groups with the same ports share their slices", () => {
    const existing = [slice([1]), slice([2])];
    const changes = computeSliceChanges(existing, [group([1]), group([2])], 3, never);
    expect([changes.create, changes.update, changes.delete]).toEqual([[], [], []]);
  });
});
