/**
 * Watches: ordered, unique, atomic, reliable, resumable, bookmarkable; plus the watch bugs etcd has had, each as a case
 * named by its issue number in etcd-io/etcd.
 */
import { describe, expect, test } from "vitest";
import type { StoreClient } from "./store-client.ts";
import { watchProblems } from "./watch-validators.ts";

export function watchSuite(client: () => StoreClient, canRequestProgress: () => boolean): void {
  describe("watch", () => {
    test("from now on: changes made after the watch is ready arrive in order, with previous pairs when asked", async () => {
      const c = client();
      await c.put("a", "0");
      using plain = await c.watch();
      using previous = await c.watch({ prevKv: true });
      const base = await c.revision();
      await c.put("a", "1");
      await c.put("b", "1");
      await c.delete("a");
      await c.put("a", "2");
      expect((await plain.untilEvents(4)).map((event) => c.eventText(event))).toEqual([
        `put a=1 @${base + 1}`,
        `put b=1 @${base + 2}`,
        `delete a @${base + 3}`,
        `put a=2 @${base + 4}`,
      ]);
      expect((await previous.untilEvents(4)).map((event) => c.eventText(event))).toEqual([
        `put a=1 @${base + 1} (was 0)`,
        `put b=1 @${base + 2}`,
        `delete a @${base + 3} (was 1)`,
        `put a=2 @${base + 4}`,
      ]);
    });

    test("create revision and version of an event tell a creation from a change", async () => {
      const c = client();
      using watch = await c.watch();
      const created = await c.put("a", "1");
      await c.put("a", "2");
      await c.delete("a");
      const [creation, change, deletion] = await watch.untilEvents(3);
      expect(creation?.kv).toMatchObject({ createRevision: created, modRevision: created, version: 1 });
      expect(change?.kv).toMatchObject({ createRevision: created, modRevision: created + 1, version: 2 });
      expect(deletion?.kv).toMatchObject({ createRevision: 0, version: 0, value: { length: 0 } });
    });

    test("from an old revision: history first, then what comes, without a gap or a repeat", async () => {
      const c = client();
      const first = await c.put("a", "1");
      await c.put("a", "2");
      await c.delete("a");
      using watch = await c.watch({ startRevision: first, prevKv: true });
      await c.put("a", "3");
      expect((await watch.untilEvents(4)).map((event) => c.eventText(event))).toEqual([
        `put a=1 @${first}`,
        `put a=2 @${first + 1} (was 1)`,
        `delete a @${first + 2} (was 2)`,
        `put a=3 @${first + 3}`,
      ]);
    });

    test("only keys of the range: one key, or a half-open range", async () => {
      const c = client();
      using single = await c.watch({ start: c.key("b"), end: undefined });
      using range = await c.watch(c.between("b", "d"));
      for (const name of ["a", "b", "c", "d", "bb"]) await c.put(name, "1");
      expect((await range.untilEvents(3)).map((event) => c.name(event.kv))).toEqual(["b", "c", "bb"]);
      expect((await single.untilEvents(1)).map((event) => c.name(event.kv))).toEqual(["b"]);
    });

    test("a transaction's changes come together, in one call", async () => {
      const c = client();
      using watch = await c.watch();
      const puts = Array.from({ length: 50 }, (_, index) => c.putOperation(`k${index}`, "1"));
      const { revision } = await c.do(...puts);
      await watch.untilEvents(50);
      const calls = watch.records.filter((record) => record.kind === "events");
      expect(calls.map((call) => [call.revision, call.events.length])).toEqual([[revision, 50]]);
    });

    test("a start in the future stays silent until it is reached (etcd 20221)", async () => {
      const c = client();
      const start = (await c.revision()) + 3;
      using watch = await c.watch({ startRevision: start });
      using all = await c.watch();
      for (let index = 1; index <= 4; index++) await c.put("a", String(index));
      await all.untilEvents(4);
      expect((await watch.untilEvents(2)).map((event) => c.eventText(event))).toEqual([
        `put a=3 @${start}`,
        `put a=4 @${start + 1}`,
      ]);
    });

    test("close ends the watch without an error and nothing comes after it", async () => {
      const c = client();
      using watch = await c.watch();
      using other = await c.watch();
      watch.handle.close();
      expect(await watch.untilClosed()).toBeUndefined();
      await c.put("a", "1");
      await other.untilEvents(1);
      expect(watch.events).toEqual([]);
    });

    test("requested progress covers everything delivered before it, or is not given (etcd 15220)", async () => {
      const c = client();
      const first = await c.put("a", "1");
      await c.put("a", "2");
      using watch = await c.watch({ startRevision: first });
      watch.handle.requestProgress();
      if (!canRequestProgress()) {
        await watch.untilEvents(2);
        expect(watch.records.filter((record) => record.kind === "progress")).toEqual([]);
        return;
      }
      const revision = await watch.untilProgress(first + 1);
      const before = watch.records.slice(
        0,
        watch.records.findIndex((record) => record.kind === "progress"),
      );
      const seen = before.flatMap((record) => (record.kind === "events" ? record.events : []));
      expect(seen.map((event) => event.kv.modRevision)).toEqual([first, first + 1]);
      expect(revision).toBeGreaterThanOrEqual(first + 1);
    });

    test("progress also moves on for a watch whose keys do not change", async () => {
      const c = client();
      using watch = await c.watch({ start: c.key("quiet"), end: undefined });
      const revision = await c.put("other", "1");
      watch.handle.requestProgress();
      if (canRequestProgress()) expect(await watch.untilProgress(revision)).toBeGreaterThanOrEqual(revision);
      expect(watch.events).toEqual([]);
    });

    test("taken up again after the last revision it saw, wherever it was cut, it loses and repeats nothing", async () => {
      const c = client();
      const first = await c.put("start", "0");
      using story = await c.watch({ startRevision: first });
      for (let round = 0; round < 10; round++) {
        await c.do(c.putOperation("a", String(round)), c.putOperation("b", String(round)));
        if (round % 3 === 0) await c.delete("a");
      }
      const last = await c.put("end", "0");
      await story.until(() => story.events.at(-1)?.kv.modRevision === last, "the end");
      for (let cut = first; cut <= last; cut++) {
        using resumed = await c.watch({ startRevision: cut });
        await resumed.until(() => resumed.events.at(-1)?.kv.modRevision === last, "the end");
        const wanted = story.events.filter((event) => event.kv.modRevision >= cut);
        expect(resumed.events.map((event) => c.eventText(event))).toEqual(wanted.map((event) => c.eventText(event)));
      }
    });

    test("many watches with many starts all see the same story while 16 writers write (etcd 17247, 17529)", async () => {
      const c = client();
      const first = await c.put("start", "0");
      const watches = [await c.watch({ startRevision: first, prevKv: true })];
      const writer = async (id: number): Promise<void> => {
        for (let round = 0; round < 12; round++) {
          const name = `k${(id * 7 + round) % 10}`;
          if (round % 4 === 3) await c.delete(name);
          else await c.do(c.putOperation(name, `${id}/${round}`), c.putOperation(`w${id}`, String(round)));
          if (round % 6 === 0) watches.push(await c.watch({ startRevision: first, prevKv: true }));
        }
      };
      await Promise.all(Array.from({ length: 16 }, (_, id) => writer(id)));
      const last = await c.put("end", "0");
      for (const watch of watches) {
        await watch.until(() => watch.events.at(-1)?.kv.modRevision === last, `revision ${last}`);
        expect(watchProblems(watch.records, { startRevision: first, story: watches[0]?.events ?? [] })).toEqual([]);
        watch.handle.close();
      }
      expect(watches.length).toBeGreaterThan(30);
    });
  });
}
