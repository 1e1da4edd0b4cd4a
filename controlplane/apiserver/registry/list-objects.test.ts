import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BerthError } from "#pkg/system/errors.ts";
import { MemoryStore } from "../../store/testing/memory-store.ts";
import { parseContinueToken } from "./continue-token.ts";
import type { ListOptions, ListResult } from "./resource-registry.ts";
import { LaggingStore } from "./testing/lagging-store.ts";
import { RegistryFixture } from "./testing/registry-fixture.ts";

function names({ entries }: ListResult): string[] {
  return entries.map(({ object }) => object.metadata.name ?? "");
}

async function startWith(...created: readonly string[]): Promise<RegistryFixture> {
  const fixture = await RegistryFixture.start();
  for (const name of created) await fixture.create(name);
  return fixture;
}

async function readPages(fixture: RegistryFixture, options: Partial<ListOptions>): Promise<ListResult[]> {
  const pages: ListResult[] = [];
  let continueToken = "";
  do {
    pages.push(await fixture.list({ ...options, continueToken }));
    continueToken = pages.at(-1)?.continueToken ?? "";
  } while (continueToken);
  return pages;
}

describe("ObjectLister", () => {
  test("lists in the order of namespace and name, with the revision of the state", async () => {
    await using fixture = await startWith("b", "a-1", "a");
    await fixture.create("z", {}, "another");
    const all = await fixture.list();
    expect([names(all), all.revision, all.continueToken]).toEqual([["z", "a", "a-1", "b"], 5, ""]);
    expect(all.remainingItemCount).toBeUndefined();
    expect(names(await fixture.list({ namespace: "default" }))).toEqual(["a", "a-1", "b"]);
    expect(names(await fixture.list({ namespace: "defaul" }))).toEqual([]);
  });

  test("a list sees every write that was answered before it, though the cache lags", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    store.hold();
    await fixture.create("b");
    const listing = fixture.list();
    const anything = await fixture.list({ resourceVersion: "0" });
    expect([names(anything), anything.revision]).toEqual([["a"], 2]);
    store.release();
    expect(names(await listing)).toEqual(["a", "b"]);
  });

  test("reads from the store itself when the cache does not catch up in three seconds", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    store.hold();
    await fixture.create("b", { metadata: { labels: { x: "y" } } });
    const listing = fixture.list({ limit: 1 });
    const selecting = fixture.list({ labelSelector: "x=y" });
    await fixture.clock.advance(3000);
    const page = await listing;
    expect([names(page), page.revision, page.remainingItemCount]).toEqual([["a"], 3, 1]);
    expect(names(await selecting)).toEqual(["b"]);
    expect(names(await fixture.list({ continueToken: page.continueToken }))).toEqual(["b"]);
  });

  test.each([true, false])("a revision used elsewhere holds nobody up; store tells progress: %j", async (tells) => {
    const store = new LaggingStore();
    store.canRequestProgress = tells;
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    const put = { kind: "put", key: Buffer.from("compact_rev_key"), value: Buffer.from("1") } as const;
    await store.txn({ compare: [], success: [put], failure: [] });
    const listing = fixture.list();
    const watching = fixture.reader();
    await fixture.clock.advance(tells ? 0 : 100);
    const list = await listing;
    expect([names(list), list.revision]).toEqual([["a"], 3]);
    expect(await (await watching).texts()).toEqual(["ADDED a@2"]);
  });

  test("many lists at once ask the store for its revision once or twice", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    await fixture.list();
    store.ranges = 0;
    const lists = await Promise.all(Array.from({ length: 100 }, () => fixture.list()));
    expect(lists.every((list) => names(list).length === 1)).toBe(true);
    expect(store.ranges).toBeLessThanOrEqual(2);
  });

  test("not older than a revision: waits for it, or 504", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    store.hold();
    const { revision } = await fixture.create("b");
    const listing = fixture.list({ resourceVersion: String(revision) });
    store.release();
    expect(names(await listing)).toEqual(["a", "b"]);
    const refused = expect(fixture.list({ resourceVersion: "9" })).rejects.toMatchObject({
      code: 504,
      message: "Timeout: Too large resource version: 9, current: 3",
    });
    await fixture.clock.advance(3000);
    await refused;
    const exact = { resourceVersion: "9", resourceVersionMatch: "Exact" } as const;
    await expect(fixture.list(exact)).rejects.toMatchObject({ code: 504 });
  });

  test("exactly a revision: the state as it was", async () => {
    await using fixture = await startWith("a", "b");
    await fixture.delete("a");
    await fixture.create("c");
    const then = await fixture.list({ resourceVersion: "3", resourceVersionMatch: "Exact" });
    expect([names(then), then.revision]).toEqual([["a", "b"], 3]);
    const legacy = await fixture.list({ resourceVersion: "2", limit: 5 });
    expect([names(legacy), legacy.revision]).toEqual([["a"], 2]);
    await fixture.store.compact(4);
    await expect(fixture.list({ resourceVersion: "3", resourceVersionMatch: "Exact" })).rejects.toMatchObject({
      code: 410,
      message: "The resourceVersion for the provided list is too old.",
    });
  });

  test("pages are of one state, say how much is left, and are not read from the store", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    for (const name of ["a", "b", "c", "d", "e"]) await fixture.create(name);
    const first = await fixture.list({ namespace: "default", limit: 2 });
    expect(parseContinueToken(first.continueToken)).toEqual({ revision: 6, start: "b\0" });
    await fixture.delete("c");
    await fixture.create("c2");
    store.ranges = 0;
    const rest: ListResult[] = [];
    for (let token = first.continueToken; token; token = rest.at(-1)?.continueToken ?? "") {
      rest.push(await fixture.list({ namespace: "default", limit: 2, continueToken: token }));
    }
    expect([first, ...rest].map(names)).toEqual([["a", "b"], ["c", "d"], ["e"]]);
    expect([first, ...rest].map((page) => page.remainingItemCount)).toEqual([3, 1, undefined]);
    expect([first, ...rest].map((page) => page.revision)).toEqual([6, 6, 6]);
    expect(store.ranges).toBeLessThanOrEqual(0);
  });

  test("a token outlives the snapshot as long as the history is there; then 410 offers an inconsistent rest", async () => {
    await using fixture = await startWith("a", "b", "c", "d");
    const first = await fixture.list({ limit: 1 });
    await fixture.delete("c");
    await fixture.clock.advance(61_000);
    const second = await fixture.list({ limit: 1, continueToken: first.continueToken });
    expect([names(second), second.revision, second.remainingItemCount]).toEqual([["b"], 5, 2]);
    await fixture.clock.advance(61_000);
    await fixture.store.compact(6);
    const refused = await fixture
      .list({ limit: 1, continueToken: second.continueToken })
      .catch((error: unknown) => error);
    expect(refused).toMatchObject({
      code: 410,
      reason: "Expired",
      message: expect.stringMatching(
        /^The provided continue parameter is too old to display a consistent list result\./,
      ),
    });
    const { metadata } = (refused as { status: { metadata: { continue: string } } }).status;
    expect(parseContinueToken(metadata.continue)).toEqual({ revision: -1, start: "default/b\0" });
    const rest = await fixture.list({ limit: 5, continueToken: metadata.continue });
    expect([names(rest), rest.revision]).toEqual([["d"], 6]);
  });

  test("with a selector nobody says how much is left", async () => {
    await using fixture = await RegistryFixture.start();
    for (const name of ["a", "b", "c", "d", "e"]) {
      await fixture.create(name, { metadata: { labels: name === "b" ? {} : { x: "y" } } });
    }
    const pages = await readPages(fixture, { labelSelector: "x", limit: 2 });
    expect(pages.map(names)).toEqual([
      ["a", "c"],
      ["d", "e"],
    ]);
    expect(pages.map((page) => page.remainingItemCount)).toEqual([undefined, undefined]);
  });

  test("a limit with resourceVersion 0 is ignored", async () => {
    await using fixture = await startWith("a", "b", "c");
    const all = await fixture.list({ resourceVersion: "0", limit: 1 });
    expect([names(all), all.continueToken]).toEqual([["a", "b", "c"], ""]);
  });

  test("a store that does not answer is 503", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    store.rangeFailure = new BerthError("Unavailable", "etcdserver: no leader");
    await expect(fixture.list()).rejects.toMatchObject({ code: 503, message: expect.stringContaining("no leader") });
    expect(names(await fixture.list({ resourceVersion: "0" }))).toEqual([]);
  });

  test("pages of any length, with writes in between and snapshots lost, make up one state", async () => {
    const change = fc.record({ name: fc.integer({ min: 0, max: 30 }), add: fc.boolean() });
    const run = fc.asyncProperty(
      fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.array(change, { maxLength: 3 }), { maxLength: 25 }),
      fc.boolean(),
      fc.boolean(),
      async (start, limit, changes, selects, loses) => {
        await using fixture = await RegistryFixture.start();
        for (const name of start) await fixture.create(`o${name}`, { metadata: { labels: { odd: `${name % 2}` } } });
        const view = selects ? { labelSelector: "odd=1" } : { namespace: "default" };
        const whole = names(await fixture.list(view));
        const seen: string[] = [];
        let continueToken = "";
        let turn = 0;
        do {
          const page = await fixture.list({ ...view, limit, continueToken });
          seen.push(...names(page));
          expect(page.entries.length).toBeLessThanOrEqual(limit);
          if (page.remainingItemCount !== undefined) expect(page.remainingItemCount).toBe(whole.length - seen.length);
          continueToken = page.continueToken;
          for (const { name, add } of changes[turn++] ?? []) {
            const labels = { odd: `${name % 2}` };
            const write = add ? fixture.create(`o${name}`, { metadata: { labels } }) : fixture.delete(`o${name}`);
            await write.catch(() => {});
          }
          if (loses) await fixture.clock.advance(61_000);
        } while (continueToken);
        expect(seen).toEqual(whole);
      },
    );
    await fc.assert(run, { numRuns: 60 });
  });
});

describe("GenericRegistry.get", () => {
  test("newest, any and not older than", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    const first = await fixture.create("a");
    store.hold();
    const second = await fixture.change("a", (object) => {
      object["data"] = { x: "1" };
    });
    expect((await fixture.get("a")).object).toEqual(second.object);
    expect(await fixture.get("a", "0")).toBe(first);
    const waiting = fixture.get("a", String(second.revision));
    store.release();
    expect(await waiting).toBe(second);
    const refused = expect(fixture.get("a", "9")).rejects.toMatchObject({ code: 504 });
    await fixture.clock.advance(3000);
    await refused;
  });

  test("answers 500 for an object in the store that cannot be read, and lists the rest", async () => {
    const store = new MemoryStore();
    await store.txn({
      compare: [],
      success: [{ kind: "put", key: Buffer.from("/registry/configmaps/default/bad"), value: Buffer.from("{") }],
      failure: [],
    });
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("good");
    await expect(fixture.get("bad")).rejects.toMatchObject({ code: 500 });
    expect(names(await fixture.list())).toEqual(["good"]);
    expect(fixture.logged).toEqual([expect.stringContaining("an object in the store cannot be read")]);
  });
});
