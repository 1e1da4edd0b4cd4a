/**
 * Random programs: several writers at once, a cache that lags, watches that break, history that is compacted. Whatever
 * happens, no acknowledged write is lost, none is applied twice, and in the end cache, store and watchers agree.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { isStatus } from "#pkg/api/status.ts";
import { LaggingStore } from "./testing/lagging-store.ts";
import { RegistryFixture, type WatchReader } from "./testing/registry-fixture.ts";

const names = ["a", "b", "c"];

const action = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("increment" as const), name: fc.constantFrom(...names) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("create" as const), name: fc.constantFrom(...names) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("delete" as const), name: fc.constantFrom(...names) }) },
);
const set = fc.record({ kind: fc.constant("set" as const), name: fc.constantFrom(...names), to: fc.nat(2) });
const disturbance = fc.constantFrom("hold", "release", "break", "compact", "none", "none");
type Action =
  | { readonly kind: "increment" | "create" | "delete"; readonly name: string }
  | { readonly kind: "set"; readonly name: string; readonly to: number };

function countOf(object: KubeObject): number {
  return (object["data"] as { count: number }).count;
}

/** Runs one action; answers with what was acknowledged. */
async function act(fixture: RegistryFixture, action: Action): Promise<{ revision: number; kind: string } | undefined> {
  const { kind, name } = action;
  try {
    if (kind === "create") return { kind, revision: (await fixture.create(name, { data: { count: 0 } })).revision };
    if (kind === "delete") return { kind, revision: (await fixture.delete(name)).entry.revision };
    const entry = await fixture.change(name, (object) => {
      object["data"] = { count: kind === "set" ? action.to : countOf(object) + 1 };
    });
    return { kind, revision: entry.revision };
  } catch (error) {
    if (isStatus(error, "NotFound") || isStatus(error, "AlreadyExists")) return undefined;
    throw error;
  }
}

async function disturb(fixture: RegistryFixture, store: LaggingStore, what: string): Promise<void> {
  if (what === "hold") store.hold();
  if (what === "release") store.release();
  if (what === "break") store.breakWatches();
  if (what === "compact") {
    const { revision, compactRevision } = await store.status();
    if (revision > compactRevision) await store.compact(revision);
  }
  await fixture.clock.advance(what === "none" ? 0 : 100);
}

describe("a registry under concurrent writers", () => {
  test("loses nothing, repeats nothing, and cache, store and watchers agree in the end", async () => {
    const round = fc.record({ actions: fc.array(action, { maxLength: 8 }), disturbance });
    const run = fc.asyncProperty(fc.array(round, { maxLength: 12 }), async (rounds) => {
      const store = new LaggingStore();
      await using fixture = await RegistryFixture.start({ store });
      const acknowledged: { revision: number; kind: string; name: string }[] = [];
      for (const { actions, disturbance: what } of rounds) {
        await Promise.all(
          actions.map(async (one) => {
            const done = await act(fixture, one);
            if (done) acknowledged.push({ ...done, name: one.name });
          }),
        );
        await disturb(fixture, store, what);
      }
      store.release();
      await fixture.clock.advance(2000);

      expect(new Set(acknowledged.map((one) => one.revision)).size).toBe(acknowledged.length);
      const expected = new Map<string, number>();
      for (const { kind, name } of acknowledged.toSorted((left, right) => left.revision - right.revision)) {
        if (kind === "delete") expected.delete(name);
        else expected.set(name, kind === "create" ? 0 : (expected.get(name) ?? Number.NaN) + 1);
      }
      const { entries } = await fixture.list();
      expect(new Map(entries.map(({ object }) => [object.metadata.name, countOf(object)]))).toEqual(expected);
      for (const name of names) {
        const read = await fixture.get(name).catch(() => undefined);
        expect(read).toBe(fixture.registry.storage.cache.get("default", name));
      }
    });
    await fc.assert(run, { numRuns: 80 });
  });

  test("what is read, and what turns out to need no change, is never older than what was acknowledged before", async () => {
    const step = fc.record({ action: fc.oneof(action, set, set), disturbance });
    const run = fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      const store = new LaggingStore();
      await using fixture = await RegistryFixture.start({ store });
      const newest = new Map<string, number>();
      for (const { action: one, disturbance: what } of steps) {
        const least = newest.get(one.name) ?? 0;
        const done = await act(fixture, one);
        expect(done?.revision ?? least).toBeGreaterThanOrEqual(least);
        if (done) newest.set(one.name, done.revision);
        const read = await fixture.get(one.name).catch(() => undefined);
        if (read) expect(read.revision).toBe(newest.get(one.name));
        if (what !== "compact") await disturb(fixture, store, what);
      }
    });
    await fc.assert(run, { numRuns: 100 });
  });

  test("a client that watches, and lists again when told 410, ends up with the state", async () => {
    const round = fc.record({ actions: fc.array(action, { maxLength: 5 }), disturbance });
    const run = fc.asyncProperty(fc.array(round, { maxLength: 12 }), async (rounds) => {
      const store = new LaggingStore();
      await using fixture = await RegistryFixture.start({ store });
      const client = new InformerLike(fixture);
      await client.sync();
      for (const { actions, disturbance: what } of rounds) {
        await Promise.all(actions.map((one) => act(fixture, one)));
        await disturb(fixture, store, what);
        await client.read();
      }
      store.release();
      await fixture.clock.advance(5000);
      await client.read();
      const { entries } = await fixture.list();
      expect(client.state).toEqual(new Map(entries.map(({ object, revision }) => [object.metadata.name, revision])));
      client[Symbol.dispose]();
    });
    await fc.assert(run, { numRuns: 60 });
  });
});

/** Lists, watches from there, and begins again when the watch ends. */
class InformerLike implements Disposable {
  readonly state = new Map<string | undefined, number>();
  readonly #fixture: RegistryFixture;
  #watch: WatchReader | undefined;

  constructor(fixture: RegistryFixture) {
    this.#fixture = fixture;
  }

  async sync(): Promise<void> {
    const { entries, revision } = await this.#fixture.list({ resourceVersion: "0" });
    this.state.clear();
    for (const { object, revision: at } of entries) this.state.set(object.metadata.name, at);
    this.#watch = await this.#fixture.reader({ resourceVersion: String(revision) });
  }

  async read(): Promise<void> {
    for (const item of (await this.#watch?.items()) ?? []) {
      if (!("entry" in item)) continue;
      const { name } = item.entry.object.metadata;
      if (item.type === "DELETED") this.state.delete(name);
      else this.state.set(name, item.entry.revision);
    }
    if (!this.#watch?.ended) return;
    await this.sync();
    await this.read();
  }

  [Symbol.dispose](): void {
    this.#watch?.[Symbol.dispose]();
  }
}
