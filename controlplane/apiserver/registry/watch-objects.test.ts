import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import type { WatchItem, WatchOptions } from "./resource-registry.ts";
import { LaggingStore } from "./testing/lagging-store.ts";
import { itemText, RegistryFixture, readItems } from "./testing/registry-fixture.ts";

const initialEvents = { sendInitialEvents: true, resourceVersionMatch: "NotOlderThan", allowBookmarks: true } as const;

function setData(value: unknown): (object: KubeObject) => void {
  return (object) => {
    object["data"] = { value };
  };
}

/** Revisions 2, 3: a, b created; 4: a changed; 5: b deleted. */
async function startWithHistory(): Promise<RegistryFixture> {
  const fixture = await RegistryFixture.start();
  await fixture.create("a");
  await fixture.create("b");
  await fixture.change("a", setData(1));
  await fixture.delete("b");
  return fixture;
}

describe("watchObjects", () => {
  test.each<[string, Partial<WatchOptions>, string[]]>([
    ["from now: the state, then changes", {}, ["ADDED a@4", "ADDED c@6"]],
    ["from anywhere: the state, then changes", { resourceVersion: "0" }, ["ADDED a@4", "ADDED c@6"]],
    ["from a revision: what came after", { resourceVersion: "3" }, ["MODIFIED a@4", "DELETED b@5", "ADDED c@6"]],
    ["from the newest revision: what comes", { resourceVersion: "5" }, ["ADDED c@6"]],
    ["as a list: the state, its end, then changes", initialEvents, ["ADDED a@4", "BOOKMARK 5 end", "ADDED c@6"]],
    [
      "as a list not older than a revision",
      { ...initialEvents, resourceVersion: "3" },
      ["ADDED a@4", "BOOKMARK 5 end", "ADDED c@6"],
    ],
    ["as a list without bookmarks: no mark", { ...initialEvents, allowBookmarks: false }, ["ADDED a@4", "ADDED c@6"]],
    ["without the state", { ...initialEvents, sendInitialEvents: false }, ["ADDED c@6"]],
    [
      "without the state, from a revision",
      { ...initialEvents, sendInitialEvents: false, resourceVersion: "4" },
      ["DELETED b@5", "ADDED c@6"],
    ],
    ["of another namespace", { namespace: "other", resourceVersion: "1" }, []],
    ["of one name", { fieldSelector: "metadata.name=b", resourceVersion: "1" }, ["ADDED b@3", "DELETED b@5"]],
  ])("%s", async (_what, options, expected) => {
    await using fixture = await startWithHistory();
    using watch = await fixture.reader(options);
    await fixture.create("c");
    expect(await watch.texts()).toEqual(expected);
  });

  test("an object that enters or leaves the selection is ADDED or DELETED", async () => {
    await using fixture = await RegistryFixture.start();
    using watch = await fixture.watch({ labelSelector: "on" });
    const label =
      (labels: Record<string, string>, data: number) =>
      (object: KubeObject): void => {
        object.metadata.labels = labels;
        object["data"] = { data };
      };
    await fixture.create("a");
    await fixture.change("a", label({ on: "1" }, 1));
    await fixture.change("a", label({ on: "2" }, 2));
    await fixture.change("a", label({}, 3));
    await fixture.change("a", label({}, 4));
    await fixture.change("a", label({ on: "3" }, 5));
    await fixture.delete("a");
    const items = await readItems(watch, 5);
    expect(items.map(itemText)).toEqual(["ADDED a@3", "MODIFIED a@4", "DELETED a@5", "ADDED a@7", "DELETED a@8"]);
    expect(items[2]).toMatchObject({ entry: { object: { metadata: { labels: { on: "2" } }, data: { data: 2 } } } });
  });

  test("a start that is too old ends with an ERROR event of 410", async () => {
    const fixture = await startWithHistory();
    const { store } = fixture;
    await using second = new RegistryFixture({ store });
    await second.registries.start();
    using watch = await second.watch({ resourceVersion: "3" });
    const items = await readItems(watch, 1);
    expect(items).toEqual([
      {
        type: "ERROR",
        error: expect.objectContaining({
          code: 410,
          reason: "Expired",
          message: "too old resource version: 3 (5)",
        }),
      },
    ]);
    expect(await watch.next()).toBeUndefined();
  });

  test.each<Partial<WatchOptions>>([{}, initialEvents])(
    "a start in the future is 504 after three seconds, %j",
    async (options) => {
      await using fixture = await startWithHistory();
      const refused = expect(fixture.watch({ ...options, resourceVersion: "99" })).rejects.toMatchObject({
        code: 504,
        reason: "Timeout",
        message: "Timeout: Too large resource version: 99, current: 5",
        status: { details: { retryAfterSeconds: 1, causes: [{ reason: "ResourceVersionTooLarge" }] } },
      });
      await fixture.clock.advance(2999);
      await fixture.clock.advance(1);
      await refused;
    },
  );

  test("a start that the cache has not reached yet waits for it", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    store.hold();
    const { revision } = await fixture.create("b");
    const opening = fixture.reader({ resourceVersion: String(revision) });
    const newest = fixture.reader();
    store.release();
    using watch = await opening;
    await fixture.create("c");
    expect(await watch.texts()).toEqual(["ADDED c@4"]);
    expect(await (await newest).texts()).toEqual(["ADDED a@2", "ADDED b@3", "ADDED c@4"]);
  });

  test("sends bookmarks every minute and two seconds before the end, then ends", async () => {
    await using fixture = await startWithHistory();
    using watch = await fixture.reader({ allowBookmarks: true, timeoutSeconds: 130, resourceVersion: "5" });
    const seen: string[] = [];
    for (let second = 1; second <= 131; second++) {
      await fixture.clock.advance(1000);
      if (second === 90) await fixture.create("c");
      for (const text of await watch.texts()) seen.push(`${second} ${text}`);
      expect(watch.ended).toBe(second >= 130);
    }
    expect(seen).toEqual(["60 BOOKMARK 5", "90 ADDED c@6", "120 BOOKMARK 6", "128 BOOKMARK 6"]);
    expect(fixture.clock.waiting).toBe(0);
  });

  test("a bookmark of a quiet resource tells the revision that others moved to", async () => {
    await using fixture = await startWithHistory();
    const secrets = { ...fixture.registry.resource, resource: "secrets", kind: "Secret", prefix: "/registry/secrets/" };
    const other = fixture.registries.register(secrets, {});
    using watch = await fixture.reader({ allowBookmarks: true, resourceVersion: "5" });
    const options = { namespace: "default", dryRun: false, validateAdmission: async () => {} };
    await other.create(fixture.object("s"), options, fixture.context());
    await fixture.clock.advance(60_000);
    expect(await watch.texts()).toEqual(["BOOKMARK 6"]);
  });

  test("without a timeout it ends between half an hour and an hour", async () => {
    await using fixture = await startWithHistory();
    using watch = await fixture.watch({ timeoutSeconds: 0, resourceVersion: "5" });
    const end = watch.next();
    let ended = false;
    void end.then(() => {
      ended = true;
    });
    await fixture.clock.advance(1_799_000);
    expect(ended).toBe(false);
    await fixture.clock.advance(1_802_000);
    expect(await end).toBeUndefined();
  });

  test("an aborted or disposed watch ends at once and leaves nothing behind", async () => {
    await using fixture = await startWithHistory();
    const abort = new AbortController();
    const watch = await fixture.watch({ allowBookmarks: true }, abort.signal);
    await watch.next();
    const waiting = watch.next();
    abort.abort();
    expect(await waiting).toBeUndefined();
    const other = await fixture.watch({ allowBookmarks: true });
    other[Symbol.dispose]();
    expect(await other.next()).toBeUndefined();
    expect(fixture.registry.storage.cache.watcherCount).toBe(0);
    expect(fixture.clock.waiting).toBe(0);
  });

  test("a reader that falls behind what is kept is ended with 410", async () => {
    await using fixture = await RegistryFixture.start();
    using slow = await fixture.reader({ resourceVersion: "1" });
    for (let count = 0; count < 110; count++) {
      await fixture.create(`a${count}`);
      await fixture.clock.advance(1000);
    }
    expect(await slow.texts()).toEqual([expect.stringMatching(/^ERROR too old resource version: 1 \(\d+\)$/)]);
    expect(slow.ended).toBe(true);
    expect(fixture.registry.storage.cache.watcherCount).toBe(0);
  });

  test("hands out a long list in pieces", async () => {
    await using fixture = await RegistryFixture.start();
    for (let count = 0; count < 1200; count++) await fixture.create(`a${count}`);
    using watch = await fixture.watch(initialEvents);
    const sizes: number[] = [];
    for (let left = 1201; left > 0; ) {
      const items = (await watch.next()) ?? [];
      sizes.push(items.length);
      left -= items.length;
    }
    expect(sizes.length).toBeGreaterThan(2);
    expect(sizes.reduce((sum, size) => sum + size)).toBe(1201);
  });

  test("an event is the same entry for every watcher, for the writer and for a list", async () => {
    await using fixture = await RegistryFixture.start();
    const watches = await Promise.all(Array.from({ length: 5 }, () => fixture.watch()));
    const written = await fixture.create("a");
    for (const watch of watches) {
      const [item] = await readItems(watch, 1);
      expect(item && "entry" in item && item.entry).toBe(written);
    }
    expect((await fixture.list()).entries[0]).toBe(written);
  });
});

describe("watching and listing agree", () => {
  const names = ["a", "b", "c", "d"];
  const step = fc.record({
    name: fc.constantFrom(...names),
    namespace: fc.constantFrom("n1", "n2"),
    kind: fc.constantFrom("create", "change", "delete", "label"),
    value: fc.integer({ min: 0, max: 3 }),
  });

  test("whoever starts anywhere and applies the events has what a list shows", async () => {
    const run = fc.asyncProperty(
      fc.array(step, { minLength: 1, maxLength: 40 }),
      fc.array(fc.nat(45), { minLength: 1, maxLength: 4 }),
      fc.constantFrom({}, { namespace: "n1" }, { labelSelector: "on=1" }, { fieldSelector: "metadata.name=a" }),
      async (steps, starts, view) => {
        await using fixture = await RegistryFixture.start();
        const states: Map<string, string>[] = [];
        const remember = async (): Promise<void> => {
          const { entries, revision } = await fixture.list(view);
          states[revision] = new Map(entries.map(({ object, revision: at }) => [keyOf(object), `${at}`]));
        };
        await remember();
        using live = await fixture.reader(view);
        const liveState = new Map<string, string>();
        for (const one of steps) {
          await apply(fixture, one);
          await remember();
          applyItems(liveState, await live.items());
        }
        const last = states.length - 1;
        expect(liveState).toEqual(states[last]);
        for (const start of starts) {
          const revision = Math.min(Math.max(start, 1), last);
          const state = new Map(states[revision]);
          using watch = await fixture.reader({ ...view, resourceVersion: String(revision) });
          applyItems(state, await watch.items());
          expect(state).toEqual(states[last]);
        }
      },
    );
    await fc.assert(run, { numRuns: 60 });
  });

  test("concurrent watchers hear the same events in the same order", async () => {
    const run = fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
      await using fixture = await RegistryFixture.start();
      const watches = await Promise.all(Array.from({ length: 6 }, () => fixture.reader({ resourceVersion: "1" })));
      await Promise.all(steps.map((one) => apply(fixture, one)));
      const heard = await Promise.all(watches.map((watch) => watch.texts()));
      for (const one of heard) expect(one).toEqual(heard[0]);
      const revisions = (heard[0] ?? []).map((text) => Number(text.split("@")[1]));
      expect(revisions).toEqual([...new Set(revisions)].sort((a, b) => a - b));
      for (const watch of watches) watch[Symbol.dispose]();
    });
    await fc.assert(run, { numRuns: 40 });
  });

  interface Step {
    readonly name: string;
    readonly namespace: string;
    readonly kind: string;
    readonly value: number;
  }

  async function apply(fixture: RegistryFixture, { name, namespace, kind, value }: Step): Promise<void> {
    const options = { namespace };
    const write = (): Promise<unknown> => {
      if (kind === "create") return fixture.create(name, { data: { value } }, namespace);
      if (kind === "delete") return fixture.delete(name, options);
      return fixture.change(
        name,
        (object) => {
          if (kind === "label") object.metadata.labels = { on: String(value) };
          else object["data"] = { value };
        },
        options,
      );
    };
    await write().catch((error: unknown) => {
      expect(error).toMatchObject({ reason: expect.stringMatching(/^(NotFound|AlreadyExists)$/) });
    });
  }
});

function keyOf(object: KubeObject): string {
  return `${object.metadata.namespace}/${object.metadata.name}`;
}

function applyItems(state: Map<string, string>, items: readonly WatchItem[]): void {
  for (const item of items) {
    if (!("entry" in item)) throw new Error(itemText(item));
    const key = keyOf(item.entry.object);
    if (item.type === "DELETED") {
      expect(state.delete(key)).toBe(true);
      continue;
    }
    expect(state.has(key)).toBe(item.type === "MODIFIED");
    state.set(key, String(item.entry.revision));
  }
}
