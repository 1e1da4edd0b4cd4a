import { describe, expect, test } from "vitest";
import { LeaseTable, leaseIdFrom, remainingSeconds } from "./lease-table.ts";

describe("LeaseTable", () => {
  test("expires leases in the order their time ends, and renewal starts it again", () => {
    const table = new LeaseTable();
    table.grant(1n, 10, 0);
    table.grant(2n, 5, 0);
    expect(table.nextExpiry()).toBe(5000);
    expect(table.expired(4999)).toEqual([]);
    table.renew(2n, 4000);
    expect(table.nextExpiry()).toBe(9000);
    expect(table.expired(10_000).map((lease) => lease.id)).toEqual([2n, 1n]);
  });

  test("counts at least a second and whole seconds", () => {
    const table = new LeaseTable();
    const lease = table.grant(1n, 0, 0);
    expect(lease.ttlSeconds).toBe(1);
    expect(remainingSeconds(lease, 1)).toBe(1);
    expect(remainingSeconds(lease, 5000)).toBe(0);
    expect(table.grant(2n, 2.2, 0).ttlSeconds).toBe(3);
  });
});

describe("leaseIdFrom", () => {
  test("makes positive 63-bit numbers, never 0", () => {
    expect(leaseIdFrom(new Uint8Array(8).fill(0xff))).toBe(0x7fff_ffff_ffff_ffffn);
    expect(leaseIdFrom(new Uint8Array(8))).toBe(1n);
  });
});
