import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { formatAddress, parseAddress, parseBlock } from "#pkg/api/ip-address.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { AddressPool, notInRange } from "./address-pool.ts";
import { NumberPool, reservedCount } from "./number-pool.ts";
import { PortPool } from "./port-pool.ts";

describe("NumberPool", () => {
  test("gives each number out once, whatever else happens", () => {
    const step = fc.oneof(
      fc.constant({ take: undefined, release: undefined }),
      fc.record({ take: fc.nat(20), release: fc.constant(undefined) }),
      fc.record({ take: fc.constant(undefined), release: fc.nat(20) }),
    );
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20 }),
        fc.nat(20),
        fc.array(step),
        fc.nat(),
        (size, reserved, steps, seed) => {
          const random = new SeededRandom(seed);
          const pool = new NumberPool(size, reserved);
          const held = new Set<number>();
          for (const { take, release } of steps) {
            if (release !== undefined) {
              pool.release(release);
              held.delete(release);
            } else if (take !== undefined && take < size) {
              expect(pool.take(take)).toBe(!held.has(take));
              held.add(take);
            } else {
              const number = pool.takeAny(random);
              if (held.size === size) expect(number).toBeUndefined();
              else {
                expect(number).toBeGreaterThanOrEqual(0);
                expect(number).toBeLessThan(size);
                expect(held.has(number ?? -1)).toBe(false);
                held.add(number ?? -1);
              }
            }
            expect(pool.held).toBe(held.size);
          }
        },
      ),
    );
  });

  test("the numbers meant for people come last", () => {
    const pool = new NumberPool(10, 4);
    const random = new SeededRandom(1);
    const order = Array.from({ length: 10 }, () => pool.takeAny(random) ?? -1);
    expect(order.slice(0, 6).every((number) => number >= 4)).toBe(true);
    expect(order.slice(6).every((number) => number < 4)).toBe(true);
    expect(pool.takeAny(random)).toBeUndefined();
  });

  test.each([
    [8, 16, 16, 256, 0],
    [254, 16, 16, 256, 16],
    [4094, 16, 16, 256, 255],
    [65_534, 16, 16, 256, 256],
    [2768, 32, 16, 128, 86],
  ])("of %i numbers, a %i-th: %i to %i", (size, share, least, most, count) => {
    expect(reservedCount(size, share, least, most)).toBe(count);
  });
});

function pool(text: string): AddressPool {
  const block = parseBlock(text);
  if (!block) throw new Error(text);
  return new AddressPool(block);
}

function address(text: string) {
  const parsed = parseAddress(text);
  if (!parsed) throw new Error(text);
  return parsed;
}

describe("AddressPool", () => {
  test("has neither the network nor the broadcast address of an IPv4 block", () => {
    const four = pool("10.0.0.0/30");
    expect(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3", "fd00::1"].map((ip) => four.contains(address(ip)))).toEqual(
      [false, true, true, false, false],
    );
    const random = new SeededRandom(3);
    const both = [four.takeAny(random), four.takeAny(random)].map((ip) => ip && formatAddress(ip)).sort();
    expect(both).toEqual(["10.0.0.1", "10.0.0.2"]);
    expect(four.takeAny(random)).toBeUndefined();
    four.release(address("10.0.0.2"));
    expect(four.take(address("10.0.0.2"))).toBe(true);
    expect(four.take(address("10.0.0.2"))).toBe(false);
  });

  test("has the last address of an IPv6 block", () => {
    const six = pool("fd00:10:96::/112");
    expect(six.contains(address("fd00:10:96::ffff"))).toBe(true);
    expect(six.contains(address("fd00:10:96::"))).toBe(false);
    const given = six.takeAny(new SeededRandom(1));
    expect(given && six.contains(given)).toBe(true);
  });

  test("very large blocks work", () => {
    const given = pool("fd00::/8").takeAny(new SeededRandom(1));
    expect(given && formatAddress(given)).toMatch(/^fd00::/);
  });

  test("a block without usable addresses is refused", () => {
    expect(() => pool("10.0.0.0/31")).toThrow(RangeError);
    expect(() => pool("10.0.0.0/32")).toThrow(RangeError);
  });

  test("the text for foreign addresses names all ranges", () => {
    expect(notInRange(address("1.2.3.4"), [pool("10.0.0.0/24"), pool("fd00::/112")])).toBe(
      "the provided IP (1.2.3.4) is not in the valid range. The range of valid IPs is 10.0.0.0/24,fd00::/112",
    );
  });
});

describe("PortPool", () => {
  test("says why a port cannot be had", () => {
    const ports = new PortPool({ first: 30_000, last: 32_767 });
    expect(ports.take(30_000)).toBeUndefined();
    expect(ports.take(30_000)).toBe("provided port is already allocated");
    const outside = "provided port is not in the valid range. The range of valid ports is 30000-32767";
    expect(ports.take(29_999)).toBe(outside);
    expect(ports.take(32_768)).toBe(outside);
    ports.release(30_000);
    expect(ports.take(30_000)).toBeUndefined();
    expect(ports.take(32_767)).toBeUndefined();
  });

  test("chooses above the ports meant for people", () => {
    const ports = new PortPool({ first: 30_000, last: 32_767 });
    const random = new SeededRandom(5);
    for (let count = 0; count < 200; count++) expect(ports.takeAny(random)).toBeGreaterThanOrEqual(30_086);
  });
});
