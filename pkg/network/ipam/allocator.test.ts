import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  allocate,
  contains,
  emptyIpam,
  gatewayOf,
  type IpamState,
  parsePodCidr,
  release,
  releaseGone,
  restMs,
} from "./allocator.ts";

const range = parsePodCidr("10.244.1.0/28");

describe("parsePodCidr", () => {
  test("takes the network of any address in it, and refuses what is no range for pods", () => {
    expect(parsePodCidr("10.244.1.77/24")).toEqual(parsePodCidr("10.244.1.0/24"));
    expect(gatewayOf(range)).toBe("10.244.1.1");
    for (const bad of ["10.0.0.0", "10.0.0.0/31", "300.0.0.0/24", "fd00::/64"])
      expect(() => parsePodCidr(bad)).toThrow(/podCIDR/);
  });
});

describe("allocate", () => {
  test("gives each attachment its own address in the range, and the same one when asked again", () => {
    let state: IpamState = emptyIpam;
    const addresses = new Set<string>();
    for (let index = 0; index < 13; index++) {
      const got = allocate(state, range, `c${index}`, 0);
      expect(allocate(got.state, range, `c${index}`, 0).address).toBe(got.address);
      expect(contains(range, got.address)).toBe(true);
      addresses.add(got.address);
      state = got.state;
    }
    expect(addresses.size).toBe(13);
    expect(addresses.has("10.244.1.0") || addresses.has("10.244.1.1") || addresses.has("10.244.1.15")).toBe(false);
    expect(() => allocate(state, range, "more", 0)).toThrow(/all 13 pod addresses/);
  });

  test("lets an address rest, unless there is no other", () => {
    const first = allocate(emptyIpam, range, "a", 0);
    const freed = release(first.state, "a", 0);
    expect(allocate(freed, range, "b", 1).address).not.toBe(first.address);
    let state = freed;
    for (let index = 0; index < 12; index++) state = allocate(state, range, `c${index}`, 1).state;
    expect(allocate(state, range, "b", 1).address).toBe(first.address);
  });

  test("never gives one address to two, whatever happens in which order", () => {
    const step = fc.record({
      key: fc.integer({ min: 0, max: 15 }),
      gives: fc.boolean(),
      wait: fc.integer({ min: 0, max: restMs }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        let state: IpamState = emptyIpam;
        let now = 0;
        for (const { key, gives, wait } of steps) {
          now += wait;
          if (gives && Object.keys(state.allocated).length < 13) state = allocate(state, range, `c${key}`, now).state;
          else state = release(state, `c${key}`, now);
          const addresses = Object.values(state.allocated);
          expect(new Set(addresses).size).toBe(addresses.length);
        }
      }),
    );
  });
});

describe("releaseGone", () => {
  test("gives back what nobody holds any more", () => {
    const two = allocate(allocate(emptyIpam, range, "a", 0).state, range, "b", 0).state;
    const { state, gone } = releaseGone(two, (attachment) => attachment === "a", 5);
    expect(gone).toEqual(["b"]);
    expect(Object.keys(state.allocated)).toEqual(["a"]);
  });
});
