import { describe, expect, test } from "vitest";
import { Housekeeping } from "./housekeeping.ts";

const size = (pages: number, freePages: number) => ({ pageBytes: 4096, pages, freePages });
const ids = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("Housekeeping", () => {
  test("gives batches of writes a share that grows with them, and everything in the end", () => {
    const work = new Housekeeping();
    const record = { revision: 9, lastId: 2000, base: { count: 1, idSum: 1 } };
    work.addCompaction(record, ids(2000));
    const first = work.take(1);
    expect(first).toMatchObject({ compaction: record, deletes: { length: 128 } });
    expect(work.take(300)).toMatchObject({ compaction: undefined, deletes: { length: 600 } });
    expect(work.take(0).deletes).toHaveLength(1024);
    const last = work.take(0);
    expect(last.deletes.at(-1)).toBe(2000);
    expect(work.hasWork).toBe(false);
  });

  test("a share that was not written is due again, whole", () => {
    const work = new Housekeeping();
    work.addCompaction({ revision: 9, lastId: 9, base: { count: 0, idSum: 0 } }, ids(50));
    const share = work.take(0);
    expect(work.hasWork).toBe(false);
    work.notWritten(share);
    expect(work.take(0)).toEqual(share);
  });

  test("gives pages back when much is free, until little is, and then brings the log into the file", () => {
    const work = new Housekeeping();
    work.written(size(10_000, 1000));
    expect(work.hasWork).toBe(false);
    work.written(size(10_000, 4000));
    expect(work.take(0).vacuumPages).toBe(256);
    expect(work.take(10).vacuumPages).toBe(16);
    work.written(size(8000, 2000));
    expect(work.take(0).vacuumPages).toBe(256);
    work.written(size(6600, 600));
    expect(work.take(0)).toMatchObject({ vacuumPages: 0, checkpoint: "passive" });
    expect(work.hasWork).toBe(false);
  });

  test("defragmentation goes down to the last page", () => {
    const work = new Housekeeping();
    work.written(size(100, 5));
    work.defragment();
    expect(work.take(0).vacuumPages).toBe(256);
    work.written(size(95, 0));
    expect(work.take(0)).toMatchObject({ vacuumPages: 0, checkpoint: "truncate" });
    expect(work.hasWork).toBe(false);
  });
});
