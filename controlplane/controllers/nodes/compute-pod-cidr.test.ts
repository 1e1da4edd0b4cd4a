import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { blocksOverlap, parseBlock } from "#pkg/api/ip-address.ts";
import { computePodCidr } from "./compute-pod-cidr.ts";

describe("computePodCidr", () => {
  test.each([
    ["10.244.0.0/16", [], "10.244.0.0/24"],
    ["10.244.0.0/16", ["10.244.1.0/24"], "10.244.0.0/24"],
    ["10.244.0.0/16", ["10.244.0.0/24", "10.244.2.0/24"], "10.244.1.0/24"],
    ["10.244.0.0/16", ["10.244.0.0/22"], "10.244.4.0/24"],
    ["10.244.0.0/16", ["192.168.0.0/24", "fd00::/64"], "10.244.0.0/24"],
    ["10.244.0.0/24", ["10.244.0.0/24"], undefined],
    ["10.244.0.0/25", [], "10.244.0.0/25"],
    ["fd00::/48", ["fd00::/64"], "fd00:0:0:1::/64"],
  ])("of %s without %j gives %s", (cluster, taken, wanted) => {
    expect(computePodCidr(cluster, taken)).toBe(wanted);
  });

  test("gives every part once and then none", () => {
    fc.assert(
      fc.property(fc.integer({ min: 17, max: 24 }), (prefixLength) => {
        const taken: string[] = [];
        for (let next = computePodCidr(`10.0.0.0/${prefixLength}`, taken); next; ) {
          const block = parseBlock(next);
          for (const other of taken) {
            const known = parseBlock(other);
            expect(block && known && blocksOverlap(block, known)).toBe(false);
          }
          taken.push(next);
          next = computePodCidr(`10.0.0.0/${prefixLength}`, taken);
        }
        expect(taken).toHaveLength(2 ** (24 - prefixLength));
      }),
      { numRuns: 8 },
    );
  });
});
