import { describe, expect, test } from "vitest";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { LeaseTable } from "../lease-table.ts";
import { StoreClient } from "../testing/store-client.ts";
import { type CompactionPolicy, defaultCompactionPolicy } from "./auto-compaction.ts";
import type { CompactionReport } from "./embedded-engine.ts";
import { EmbeddedEngine } from "./embedded-engine.ts";
import { Mvcc } from "./mvcc.ts";
import { MemoryLogFile } from "./testing/memory-log-file.ts";

interface Setup {
  readonly historyBytes?: number;
  readonly policy?: Partial<CompactionPolicy>;
  readonly shortage?: () => string | undefined;
}

async function setUp({ historyBytes, policy, shortage = () => undefined }: Setup = {}) {
  const clock = new FakeClock();
  const file = new MemoryLogFile();
  const leaseTable = new LeaseTable();
  const compactions: CompactionReport[] = [];
  const mvcc = new Mvcc({ historyBytes, hasLease: (id) => leaseTable.has(id) });
  const store = new EmbeddedEngine({
    mvcc,
    leaseTable,
    file,
    fileSize: { pageBytes: 4096, pages: 10, freePages: 0 },
    identity: { clusterId: 1n, memberId: 2n },
    clock,
    random: new SeededRandom(1),
    log: silentLogger,
    policy: { ...defaultCompactionPolicy, ...policy },
    shortage,
    observer: { compaction: (report) => compactions.push(report) },
    resources: { [Symbol.asyncDispose]: async () => undefined },
  });
  await store.start([], []);
  return { clock, file, mvcc, store, compactions, client: new StoreClient(store, "t/") };
}

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 5; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
};

describe("EmbeddedEngine", () => {
  test("shows a write to readers and watchers only when it is on disk", async () => {
    const { file, client } = await setUp();
    using watch = await client.watch();
    file.hold();
    const write = client.put("a", "1");
    await settle();
    expect(await client.get("a")).toBeUndefined();
    expect(await client.revision()).toBe(1);
    expect(watch.events).toEqual([]);
    file.release();
    expect(await write).toBe(2);
    expect(await client.get("a")).toMatchObject({ value: "1", mod: 2 });
    expect(watch.events).toHaveLength(1);
  });

  test("writes made while the disk is busy share the next batch", async () => {
    const { file, client } = await setUp();
    file.hold();
    const first = client.put("a", "1");
    await settle();
    const rest = Promise.all(Array.from({ length: 20 }, (_, index) => client.put(`k${index}`, "1")));
    await settle();
    file.release();
    await first;
    expect(await rest).toEqual(Array.from({ length: 20 }, (_, index) => index + 3));
    expect(file.batches.map((batch) => batch.revision)).toEqual([2, 22]);
  });

  test("a batch takes no more than about eight megabytes", async () => {
    const { file, client } = await setUp();
    file.hold();
    const first = client.put("first", "1");
    await settle();
    const large = "x".repeat(1_000_000);
    const rest = Promise.all(Array.from({ length: 20 }, (_, index) => client.put(`k${index}`, large)));
    await settle();
    file.release();
    await first;
    await rest;
    expect(file.batches.map((batch) => batch.revision)).toEqual([2, 11, 20, 22]);
  });

  test("an answer that rests on a write which is not durable waits for it", async () => {
    const { file, client } = await setUp();
    file.hold();
    const write = client.put("a", "1");
    const swap = client.store.txn({
      compare: [client.compare("a", "mod", "equal", 0)],
      success: [client.putOperation("a", "2")],
      failure: [client.rangeOperation("a")],
    });
    let answered = false;
    void swap.then(() => {
      answered = true;
    });
    await settle();
    expect(answered).toBe(false);
    file.release();
    await write;
    expect(await swap).toMatchObject({ succeeded: false, revision: 2 });
    // The visible state must not fall back behind what was acknowledged.
    expect(await client.get("a")).toMatchObject({ mod: 2 });
  });

  test("a full disk refuses writes, takes back what was not written, keeps reading, and heals by itself", async () => {
    const { clock, file, client, store } = await setUp();
    await client.put("a", "1");
    using watch = await client.watch();
    file.mode = "full";
    file.hold();
    const writes = ["x", "y", "z"].map((value) => client.put("a", value));
    const failedSwap = client.store.txn({
      compare: [client.compare("a", "value", "equal", "1")],
      success: [client.putOperation("b", "1")],
      failure: [client.rangeOperation("a")],
    });
    await settle();
    file.release();
    for (const write of writes) {
      await expect(write).rejects.toMatchObject({ code: "Exhausted", message: /database space exceeded/ });
    }
    // It had seen "z", which is gone; on what is left it would write, which is refused.
    await expect(failedSwap).rejects.toMatchObject({ code: "Exhausted" });
    await expect(client.delete("a")).rejects.toMatchObject({ code: "Exhausted" });
    await expect(store.leases.grant(10)).rejects.toMatchObject({ code: "Exhausted" });
    expect(await client.get("a")).toMatchObject({ value: "1", mod: 2, version: 1 });
    expect((await store.status()).readOnlyReason).toMatch(/full/);
    await clock.advance(5000);
    expect((await store.status()).readOnlyReason).toBeDefined();
    file.mode = "working";
    await clock.advance(1000);
    expect((await store.status()).readOnlyReason).toBeUndefined();
    expect(await client.put("a", "2")).toBe(3);
    expect((await watch.untilEvents(1)).map((event) => client.eventText(event))).toEqual(["put a=2 @3"]);
    expect(await store.leases.list()).toEqual([]);
  });

  test.each([
    ["turns out to be on disk", "writtenUnknown", "2", 3],
    ["turns out to be lost", "lostUnknown", "1", 2],
  ] as const)("after an error of which nobody knows the outcome, a write that %s", async (_what, mode, value, mod) => {
    const { clock, file, client } = await setUp();
    await client.put("a", "1");
    using watch = await client.watch();
    file.mode = mode;
    await expect(client.put("a", "2")).rejects.toMatchObject({ code: "Unavailable" });
    expect(await client.get("a")).toMatchObject({ value: "1" });
    await expect(client.put("a", "3")).rejects.toMatchObject({ code: "Unavailable" });
    file.mode = "working";
    await clock.advance(1000);
    expect(await client.get("a")).toMatchObject({ value, mod });
    expect(watch.events).toHaveLength(mod - 2);
    expect(await client.put("b", "1")).toBe(mod + 1);
  });

  test("short of space it takes deletions and compaction but nothing that adds", async () => {
    let shortage: string | undefined;
    const { client, store } = await setUp({ shortage: () => shortage });
    const revision = await client.put("a", "1");
    shortage = "the disk has 1 MiB left";
    await expect(client.put("b", "1")).rejects.toMatchObject({
      code: "Exhausted",
      message: "etcdserver: mvcc: database space exceeded: the disk has 1 MiB left",
    });
    expect(await store.status()).toMatchObject({ readOnlyReason: shortage });
    await client.delete("a");
    await store.compact(revision + 1);
    shortage = undefined;
    await client.put("b", "1");
  });

  test("values past the memory for history are read back from disk, by readers, watchers and transactions", async () => {
    const { client, mvcc } = await setUp({ historyBytes: 250 });
    const long = (text: string): string => text.padEnd(100, ".");
    const first = await client.put("a", long("v1"));
    for (let version = 2; version <= 10; version++) await client.put("a", long(`v${version}`));
    const at = (revision: number): string | undefined => {
      const { pairs } = mvcc.pairs({ start: "t/a", end: undefined, single: true }, revision, 1);
      return pairs[0]?.constructor.name;
    };
    expect([at(first), at(first + 8), at(first + 9)]).toEqual(["EvictedPair", "Object", "Object"]);
    expect(await client.get("a", first)).toMatchObject({ value: long("v1"), version: 1 });
    using watch = await client.watch({ startRevision: first, prevKv: true });
    const events = await watch.untilEvents(10);
    expect(events.map((event) => client.eventText(event)).slice(0, 2)).toEqual([
      `put a=${long("v1")} @${first}`,
      `put a=${long("v2")} @${first + 1} (was ${long("v1")})`,
    ]);
    const { results } = await client.do(client.putOperation("b", "1"), client.rangeOperation("a", { revision: first }));
    expect(results[1]?.kind === "range" && results[1].kvs.map((kv) => client.pair(kv).value)).toEqual([long("v1")]);
    await client.put("c", long("z"));
    const byValue = await client.range({ revision: first + 1, sort: { by: "value", descending: true } });
    expect(byValue.kvs.map((kv) => client.pair(kv).value)).toEqual([long("v2")]);
  });

  test("compaction deletes rows a share at a time along with writes, and by itself when nobody writes", async () => {
    const { client, file, store } = await setUp();
    for (let round = 0; round < 2000; round++) await client.put("a", String(round));
    expect(file.rows.size).toBe(2000);
    await store.compact(await client.revision());
    await settle();
    await client.put("b", "1");
    for (let turn = 0; turn < 20 && file.rows.size > 2; turn++) await settle();
    expect(file.rows.size).toBe(2);
    const record = file.batches.find((batch) => batch.compaction !== undefined);
    expect(record?.compaction).toMatchObject({ revision: 2001, lastId: 2000, base: { count: 1, idSum: 2000 } });
    const deleting = file.batches.filter((batch) => batch.deletes.length > 0);
    expect(Math.max(...deleting.map((batch) => batch.deletes.length))).toBeLessThanOrEqual(1024);
  });

  test("a steady stream of writes does not starve compaction", async () => {
    const { client, file, store } = await setUp();
    for (let round = 0; round < 3000; round++) await client.put("a", String(round));
    await store.compact(await client.revision());
    let writes = 0;
    while (file.rows.size > 200 && writes < 2000) {
      await Promise.all([client.put("b", "1"), client.put("c", "1")]);
      writes += 2;
      if (writes % 100 === 0) await store.compact(await client.revision());
    }
    expect(file.rows.size).toBeLessThanOrEqual(200);
  });

  test("compacts by age and keeps the least number of revisions", async () => {
    const policy = { keepMs: 60_000, leastRevisions: 10, mostRevisions: 1000 };
    const { clock, client, store, compactions } = await setUp({ policy });
    for (let round = 0; round < 50; round++) await client.put("a", String(round));
    await clock.advance(50_000);
    expect((await store.status()).compactRevision).toBe(0);
    for (let round = 0; round < 5; round++) await client.put("b", String(round));
    await clock.advance(20_000);
    expect((await store.status()).compactRevision).toBe(46);
    await clock.advance(600_000);
    expect((await store.status()).compactRevision).toBe(46);
    expect(compactions.map((report) => report.revision)).toEqual([46]);
  });

  test("compacts by number, however young the revisions are", async () => {
    const { clock, client, store } = await setUp({ policy: { mostRevisions: 20, leastRevisions: 5 } });
    for (let round = 0; round < 50; round++) await client.put("a", String(round));
    await clock.advance(30_000);
    expect((await store.status()).compactRevision).toBe(31);
  });

  test("a watch from exactly the compacted revision still gets a deletion made there (etcd 19179)", async () => {
    const { client, store } = await setUp();
    await client.put("a", "1");
    const gone = await client.delete("a");
    await store.compact(gone);
    using watch = await client.watch({ startRevision: gone });
    expect((await watch.untilEvents(1)).map((event) => client.eventText(event))).toEqual([`delete a @${gone}`]);
    await client.put("b", "1");
    await store.compact(gone + 1);
    expect(await client.names()).toEqual(["b"]);
  });

  test("a watch that catches up while history goes away ends with the compaction error", async () => {
    const { client, store, file } = await setUp({ historyBytes: 0 });
    const first = await client.put("a", "1");
    for (let round = 0; round < 3000; round++) await client.put("a", String(round));
    using watch = await client.watch({ startRevision: first });
    file.rows.clear();
    await store.compact(first + 2500);
    expect(await watch.untilClosed()).toMatchObject({ code: "Expired", details: { compactRevision: first + 2500 } });
  });

  test("a receiver that throws loses its watch and nobody else is disturbed", async () => {
    const { client, store } = await setUp();
    const ends: (Error | undefined)[] = [];
    store.watch(client.all(), {
      events: () => {
        throw new TypeError("receiver bug");
      },
      progress: () => undefined,
      closed: (error) => ends.push(error),
    });
    using watch = await client.watch();
    await client.put("a", "1");
    await client.put("a", "2");
    expect(await watch.untilEvents(2)).toHaveLength(2);
    expect(ends.map((error) => error?.message)).toEqual(["receiver bug"]);
  });

  test("after dispose everything is refused, watches end, and what was submitted before is written", async () => {
    const { client, store, file } = await setUp();
    const watch = await client.watch();
    const write = client.put("a", "1");
    await store[Symbol.asyncDispose]();
    expect(await write).toBe(2);
    expect(file.rows.size).toBe(1);
    expect(await watch.untilClosed()).toBeUndefined();
    await expect(client.put("a", "2")).rejects.toMatchObject({ code: "Unavailable" });
    await expect(client.get("a")).rejects.toMatchObject({ code: "Unavailable" });
  });
});
