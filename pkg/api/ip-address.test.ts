import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  addressProblems,
  addressWarnings,
  blockContains,
  blockProblems,
  blockSize,
  blocksOverlap,
  blockWarnings,
  formatAddress,
  formatBlock,
  interfaceAddressProblems,
  isLinkLocalMulticast,
  isLinkLocalUnicast,
  isLoopback,
  isMulticast,
  legacyAddressProblems,
  legacyBlockProblems,
  parseAddress,
  parseBlock,
} from "./ip-address.ts";

const good: Record<string, string> = {
  "10.9.8.7": "10.9.8.7",
  "010.001.0.255": "10.1.0.255",
  "::": "::",
  "::1": "::1",
  "1::": "1::",
  "2001:DB8:0:0:0:0:0:FFFF": "2001:db8::ffff",
  "2001:db8:0:1:0:0:1:0": "2001:db8:0:1::1:0",
  "1:0:0:2:0:0:0:3": "1:0:0:2::3",
  "1:2:3:4:5:6:7:0": "1:2:3:4:5:6:7:0",
  "1:2:3:4:5:6:7::": "1:2:3:4:5:6:7:0",
  "64:ff9b::1.2.3.4": "64:ff9b::102:304",
  "::ffff:1.2.3.4": "1.2.3.4",
  "::ffff:102:304": "1.2.3.4",
};

describe("parseAddress", () => {
  test.each(Object.entries(good))("reads %s as %s", (text, canonical) => {
    expect(formatAddress(parseAddress(text)!)).toBe(canonical);
  });

  test.each([
    "",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.-1",
    "a.b.c.d",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "g::",
    "fe80::1%eth0",
    "1.2.3.4:80",
    "::1.2.3",
    " 1.2.3.4",
  ])("refuses %j", (text) => {
    expect(parseAddress(text)).toBeUndefined();
    expect(legacyAddressProblems(text)).toEqual(["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"]);
  });

  test("reads back what formatAddress writes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 128n - 1n }), (value) => {
        fc.pre(value >> 32n !== 0xffffn);
        const address = { family: 6 as const, value };
        expect(parseAddress(formatAddress(address))).toEqual(address);
        expect(addressProblems(formatAddress(address))).toEqual([]);
      }),
    );
  });
});

describe("addressProblems", () => {
  test.each([
    ["01.2.3.4", "must not have leading 0s"],
    ["::ffff:1.2.3.4", "must not be an IPv4-mapped IPv6 address"],
    ["2001:DB8::1", 'must be in canonical form ("2001:db8::1")'],
  ])("says why %s is refused", (text, problem) => expect(addressProblems(text)).toEqual([problem]));

  test("older fields take any spelling but the ambiguous ones", () => {
    expect(legacyAddressProblems("2001:DB8::1")).toEqual([]);
    expect(legacyAddressProblems("01.2.3.4")).toEqual(["must not have leading 0s"]);
    expect(legacyBlockProblems("2001:DB8::/64")).toEqual([]);
    expect(legacyBlockProblems("10.0.0.1/8")).toEqual(["must not have bits set beyond the prefix length"]);
  });
});

describe("addressWarnings", () => {
  test("names the text to use", () => {
    expect(addressWarnings("spec.ip", "1.2.3.4")).toEqual([]);
    expect(addressWarnings("spec.ip", "01.2.3.4")).toEqual([
      'spec.ip: non-standard IP address "01.2.3.4" is invalid: use "1.2.3.4"',
    ]);
    expect(addressWarnings("spec.ip", "2001:DB8::1")).toEqual([
      'spec.ip: IPv6 address "2001:DB8::1" should be in RFC 5952 canonical format ("2001:db8::1")',
    ]);
  });
});

describe("blockProblems", () => {
  test.each([
    ["10.0.0.0/8", undefined],
    ["2001:db8::/64", undefined],
    ["10.0.0.0", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"],
    ["10.0.0.0/33", "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"],
    ["10.0.0.0/08", "must not have leading 0s in IP or prefix length"],
    ["::ffff:10.0.0.0/104", "must not have an IPv4-mapped IPv6 address"],
    ["10.0.0.1/8", "must not have bits set beyond the prefix length"],
    ["2001:DB8::/64", 'must be in canonical form ("2001:db8::/64")'],
  ])("%s: %s", (text, problem) => expect(blockProblems(text)).toEqual(problem ? [problem] : []));

  test("interface addresses keep their host bits", () => {
    expect(interfaceAddressProblems("10.1.2.3/8")).toEqual([]);
    expect(interfaceAddressProblems("2001:DB8::1/64")).toEqual(['must be in canonical form ("2001:db8::1/64")']);
    expect(interfaceAddressProblems("10.1.2.3")).toHaveLength(1);
  });

  test("warnings tell an ambiguous block", () => {
    expect(blockWarnings("spec.cidr", "192.168.1.5/24")).toEqual([
      'spec.cidr: CIDR value "192.168.1.5/24" is ambiguous in this context (should be "192.168.1.0/24" or "192.168.1.5/32"?)',
    ]);
    expect(blockWarnings("spec.cidr", "192.168.1.0/24")).toEqual([]);
  });
});

describe("blocks", () => {
  test("know what they contain, how big they are and what they overlap", () => {
    const block = parseBlock("10.96.0.0/12")!;
    expect(formatBlock(block)).toBe("10.96.0.0/12");
    expect(blockSize(block)).toBe(1n << 20n);
    expect(blockContains(block, parseAddress("10.111.255.255")!)).toBe(true);
    expect(blockContains(block, parseAddress("10.112.0.0")!)).toBe(false);
    expect(blockContains(block, parseAddress("::1")!)).toBe(false);
    expect(blocksOverlap(block, parseBlock("10.0.0.0/8")!)).toBe(true);
    expect(blocksOverlap(block, parseBlock("10.112.0.0/12")!)).toBe(false);
  });
});

describe("address kinds", () => {
  test.each([
    ["127.0.0.1", isLoopback],
    ["::1", isLoopback],
    ["169.254.1.1", isLinkLocalUnicast],
    ["fe80::1", isLinkLocalUnicast],
    ["224.0.0.1", isLinkLocalMulticast],
    ["ff02::1", isLinkLocalMulticast],
    ["239.1.2.3", isMulticast],
    ["ff05::1", isMulticast],
  ])("%s is recognised", (text, holds) => {
    expect(holds(parseAddress(text)!)).toBe(true);
    expect(holds(parseAddress("10.1.2.3")!)).toBe(false);
    expect(holds(parseAddress("2001:db8::1")!)).toBe(false);
  });
});
