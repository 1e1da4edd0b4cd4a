/** Compaction, and the bugs etcd has had around it. */
import { describe, expect, test } from "vitest";
import { type StoreClient, text } from "./store-client.ts";

const compacted = { code: "Expired", message: "etcdserver: mvcc: required revision has been compacted" };
const future = { code: "Invalid", message: "etcdserver: mvcc: required revision is a future revision" };

export function compactionSuite(client: () => StoreClient): void {
  describe("compaction", () => {
    test("reading below the compacted revision fails, at it and above it works", async () => {
      const c = client();
      const one = await c.put("a", "1");
      const two = await c.put("a", "2");
      const three = await c.put("a", "3");
      await c.store.compact(two);
      await expect(c.range({ revision: one })).rejects.toMatchObject(compacted);
      expect(await c.get("a", two)).toMatchObject({ value: "2", version: 2 });
      expect(await c.get("a", three)).toMatchObject({ value: "3", version: 3 });
      expect(await c.get("a")).toMatchObject({ value: "3", create: one, version: 3 });
    });

    test("compacting again at or below, or in the future, fails", async () => {
      const c = client();
      const one = await c.put("a", "1");
      const two = await c.put("a", "2");
      await c.store.compact(two);
      await expect(c.store.compact(two)).rejects.toMatchObject(compacted);
      await expect(c.store.compact(one)).rejects.toMatchObject(compacted);
      await expect(c.store.compact(two + 1000)).rejects.toMatchObject(future);
    });

    test("compaction itself changes neither the revision nor the newest state", async () => {
      const c = client();
      for (const name of ["a", "b", "c"]) await c.put(name, name);
      await c.delete("b");
      const head = await c.put("a", "again");
      await c.store.compact(head);
      const state = (await c.range()).kvs.map((kv) => `${c.name(kv)}=${text(kv.value)}`);
      expect(state).toEqual(["a=again", "c=c"]);
      expect(await c.revision()).toBe(head);
    });

    test("a watch from below the compacted revision ends with Expired and that revision", async () => {
      const c = client();
      const one = await c.put("a", "1");
      const two = await c.put("a", "2");
      await c.put("a", "3");
      await c.store.compact(two);
      using watch = await c.watch({ startRevision: one });
      expect(await watch.untilClosed()).toMatchObject({ ...compacted, details: { compactRevision: two } });
      expect(watch.events).toEqual([]);
    });

    test("a watch from exactly the compacted revision gets that revision and all after it", async () => {
      const c = client();
      await c.put("a", "1");
      const two = await c.put("a", "2");
      await c.put("a", "3");
      await c.store.compact(two);
      using watch = await c.watch({ startRevision: two });
      expect((await watch.untilEvents(2)).map((event) => c.eventText(event))).toEqual([
        `put a=2 @${two}`,
        `put a=3 @${two + 1}`,
      ]);
    });

    test("an open watch that is up to date survives compaction", async () => {
      const c = client();
      using watch = await c.watch({ prevKv: true });
      await c.put("a", "1");
      const two = await c.delete("a");
      await watch.untilEvents(2);
      await c.store.compact(two);
      await c.put("a", "3");
      expect((await watch.untilEvents(3)).map((event) => c.eventText(event))).toEqual([
        `put a=1 @${two - 1}`,
        `delete a @${two} (was 1)`,
        `put a=3 @${two + 1}`,
      ]);
    });

    test("compacting right on a delete keeps the key gone and later events whole (etcd 18089)", async () => {
      const c = client();
      await c.put("a", "1");
      await c.put("b", "1");
      const gone = await c.delete("a");
      await c.store.compact(gone);
      const back = await c.put("a", "2");
      const again = await c.delete("a");
      using watch = await c.watch({ startRevision: gone + 1, prevKv: true });
      expect((await watch.untilEvents(2)).map((event) => c.eventText(event))).toEqual([
        `put a=2 @${back}`,
        `delete a @${again} (was 2)`,
      ]);
      expect(await c.names()).toEqual(["b"]);
      expect(await c.names({ revision: gone })).toEqual(["b"]);
    });

    test("a transaction that reads a compacted revision fails whole (etcd 18667)", async () => {
      const c = client();
      const one = await c.put("a", "1");
      const two = await c.put("a", "2");
      await c.store.compact(two);
      const head = await c.revision();
      await expect(c.do(c.putOperation("b", "1"), c.rangeOperation("a", { revision: one }))).rejects.toMatchObject(
        compacted,
      );
      expect(await c.get("b")).toBeUndefined();
      expect(await c.revision()).toBe(head);
    });

    test("status tells the newest revision", async () => {
      const c = client();
      const two = await c.put("a", "2");
      await c.store.compact(two);
      const status = await c.store.status();
      expect(status.revision).toBe(two);
      expect(status.sizeBytes).toBeGreaterThan(0);
      expect(status.version).toMatch(/^\d+\.\d+\.\d+/);
    });
  });
}
