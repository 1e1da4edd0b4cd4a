import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { BerthError } from "#pkg/system/errors.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { keyBytes } from "../../store/keys.ts";
import type { Store } from "../../store/store.ts";
import { MemoryStore } from "../../store/testing/memory-store.ts";
import { storedCodec } from "./object-codec.ts";
import { Registries } from "./registries.ts";
import { LaggingStore } from "./testing/lagging-store.ts";
import { configMaps, RegistryFixture, widgets } from "./testing/registry-fixture.ts";

async function put(store: Store, key: string, object: unknown): Promise<number> {
  const value = Buffer.from(JSON.stringify(object));
  const put = { kind: "put", key: keyBytes(key), value } as const;
  return (await store.txn({ compare: [], success: [put], failure: [] })).revision;
}

function named(name: string, namespace = "default"): KubeObject {
  return { kind: "ConfigMap", apiVersion: "v1", metadata: { name, namespace } };
}

function cachedNames(fixture: RegistryFixture): string[] {
  return fixture.registries.reader.list("", "configmaps", "").map((object) => object.metadata.name ?? "");
}

describe("WatchCache", () => {
  test("holds what was in the store and what others write to it", async () => {
    const store = new MemoryStore();
    await put(store, "/registry/configmaps/default/old", named("old"));
    await put(store, "/registry/health", { metadata: {} });
    await put(store, "/registry/configmapsnot/default/x", named("x"));
    await using fixture = await RegistryFixture.start({ store });
    const revision = await put(store, "/registry/configmaps/default/new", named("new"));
    const { entries } = await fixture.list();
    expect(entries.map((entry) => entry.object.metadata)).toEqual([
      { name: "new", namespace: "default", resourceVersion: String(revision) },
      { name: "old", namespace: "default", resourceVersion: "2" },
    ]);
  });

  test("resumes a watch that was lost, and nobody notices", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    await fixture.list();
    using watch = await fixture.reader();
    store.breakWatches();
    await fixture.create("b");
    await fixture.delete("a");
    expect(cachedNames(fixture)).toEqual(["a"]);
    await fixture.clock.advance(1000);
    expect(await watch.texts()).toEqual(["ADDED a@2", "ADDED b@3", "DELETED a@4"]);
    expect(watch.ended).toBe(false);
  });

  test("reads everything anew when history is gone, ends watches with 410 and tells listeners the difference", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    for (const name of ["same", "changed", "gone"]) await fixture.create(name);
    await fixture.list();
    using watch = await fixture.reader();
    await watch.texts();
    const heard: string[] = [];
    fixture.registries.reader.onChange("", "configmaps", (next, previous) => {
      heard.push(`${previous?.metadata.resourceVersion ?? "-"}>${next?.metadata.resourceVersion ?? "-"}`);
    });
    store.breakWatches();
    await fixture.change("changed", (object) => {
      object["data"] = { x: "1" };
    });
    await fixture.delete("gone");
    await fixture.create("new");
    await store.compact(7);
    await fixture.clock.advance(1000);
    expect(await watch.texts()).toEqual(["ERROR too old resource version: 4 (7)"]);
    expect(watch.ended).toBe(true);
    expect(heard.toSorted()).toEqual(["->7", "3>5", "4>-"]);
    expect(cachedNames(fixture)).toEqual(["changed", "new", "same"]);
    using again = await fixture.reader({ resourceVersion: "7" });
    await fixture.create("later");
    expect(await again.texts()).toEqual(["ADDED later@8"]);
  });

  test("starts over when the store went back in time", async () => {
    const clock = new FakeClock();
    let inner = new MemoryStore();
    const store = new Proxy({} as Store, {
      get: (_target, property) => {
        const value: unknown = Reflect.get(inner, property);
        return typeof value === "function" ? value.bind(inner) : value;
      },
    });
    await put(inner, "/registry/configmaps/default/a", named("a"));
    const backup = new MemoryStore();
    await put(backup, "/registry/configmaps/default/b", named("b"));
    for (const name of ["c", "d"]) await put(inner, `/registry/configmaps/default/${name}`, named(name));
    const log = { warn: () => {} };
    await using registries = new Registries({ store, clock, random: new SeededRandom(), log });
    registries.register(configMaps, {});
    await registries.start();
    expect(registries.reader.list("", "configmaps", "")).toHaveLength(3);
    await clock.advance(10);
    const old = inner;
    inner = backup;
    old.breakWatches();
    await clock.advance(1000);
    expect(registries.reader.list("", "configmaps", "").map((object) => object.metadata.name)).toEqual(["b"]);
    expect(registries.hub.revision).toBe(2);
    // Also when the watch did not break: the first consistent read finds out.
    inner = new MemoryStore();
    expect(await registries.hub.latestRevision()).toBe(1);
    await clock.advance(1000);
    expect(registries.reader.list("", "configmaps", "")).toEqual([]);
  });

  test("keeps trying to start while the store does not answer", async () => {
    const store = new LaggingStore();
    await put(store, "/registry/configmaps/default/a", named("a"));
    store.rangeFailure = new BerthError("Unavailable", "etcdserver: no leader");
    await using fixture = new RegistryFixture({ store });
    const { reader } = fixture.registries;
    const starting = fixture.registries.start();
    await fixture.clock.advance(1000);
    expect(reader.hasSynced("", "configmaps")).toBe(false);
    store.rangeFailure = undefined;
    await fixture.clock.advance(1000);
    await starting;
    expect([reader.hasSynced("", "configmaps"), cachedNames(fixture)]).toEqual([true, ["a"]]);
  });

  test("loads a resource that is registered later, with what is written meanwhile", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await put(store, `${widgets.prefix}default/a`, named("a"));
    const late = fixture.registries.register(widgets, {});
    await put(store, `${widgets.prefix}default/b`, named("b"));
    const { entries } = await late.list(
      {
        namespace: "",
        labelSelector: "",
        fieldSelector: "",
        resourceVersion: "",
        resourceVersionMatch: "",
        limit: 0,
        continueToken: "",
      },
      new AbortController().signal,
    );
    expect(entries.map(({ object }) => object.metadata.name)).toEqual(["a", "b"]);
    await fixture.clock.advance(0);
    expect(late.storage.cache.synced).toBe(true);
    await put(store, `${widgets.prefix}default/c`, named("c"));
    expect(fixture.registries.reader.list("example.com", "widgets", "default")).toHaveLength(3);
    fixture.registries.unregister("example.com", "widgets");
    expect(fixture.registries.reader.list("example.com", "widgets", "")).toEqual([]);
  });

  test("loads a resource that is registered while everything is being loaded", async () => {
    const store = new LaggingStore();
    await put(store, `${widgets.prefix}default/a`, named("a"));
    await using fixture = new RegistryFixture({ store });
    store.rangeFailure = new BerthError("Unavailable", "etcdserver: no leader");
    const starting = fixture.registries.start();
    fixture.registries.register(widgets, {});
    await fixture.clock.advance(100);
    store.rangeFailure = undefined;
    await put(store, `${widgets.prefix}default/b`, named("b"));
    await fixture.clock.advance(1000);
    await starting;
    await put(store, `${widgets.prefix}default/c`, named("c"));
    const names = fixture.registries.reader.list("example.com", "widgets", "").map((object) => object.metadata.name);
    expect(names).toEqual(["a", "b", "c"]);
  });

  test("never parses what this process wrote", async () => {
    const clock = new FakeClock();
    let parsed = 0;
    const codec = {
      encode: storedCodec.encode,
      decode: (value: Uint8Array, revision: number) => {
        parsed++;
        return storedCodec.decode(value, revision);
      },
    };
    const store = new MemoryStore();
    const log = { warn: () => {} };
    await using registries = new Registries({ store, clock, random: new SeededRandom(), log, codec });
    const registry = registries.register(configMaps, {});
    await registries.start();
    const context = { user: { name: "t", groups: [] }, signal: new AbortController().signal, warn: () => {} };
    const options = { namespace: "default", dryRun: false, validateAdmission: async () => {} };
    await registry.create(named("a"), options, context);
    const { entry } = await registry.update(
      { ...options, name: "a", subresource: "", createIfMissing: false },
      async (current) => ({ ...structuredClone(current as KubeObject), data: { x: "1" } }),
      context,
    );
    await clock.advance(10);
    expect(registries.reader.get("", "configmaps", "default", "a")).toBe(entry.object);
    expect(parsed).toBe(0);
    await put(store, "/registry/configmaps/default/a", named("a"));
    expect(parsed).toBe(1);
  });

  test("a listener that throws harms nobody", async () => {
    await using fixture = await RegistryFixture.start();
    fixture.registries.reader.onChange("", "configmaps", () => {
      throw new Error("broken index");
    });
    const heard: unknown[] = [];
    const listening = fixture.registries.reader.onChange("", "configmaps", (next) => heard.push(next?.metadata.name));
    await fixture.create("a");
    await fixture.list();
    listening[Symbol.dispose]();
    await fixture.create("b");
    expect((await fixture.list()).entries).toHaveLength(2);
    expect(heard).toEqual(["a"]);
    expect(fixture.logged).toContainEqual(expect.stringContaining("broken index"));
  });

  test("has no timer while nothing happens", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    await fixture.list();
    expect(fixture.clock.waiting).toBe(0);
  });
});

describe("CacheReader", () => {
  test("a listener for a resource that comes later hears of what is loaded", async () => {
    const store = new MemoryStore();
    await put(store, `${widgets.prefix}default/a`, named("a"));
    await using fixture = await RegistryFixture.start({ store });
    const { reader } = fixture.registries;
    const heard: unknown[] = [];
    reader.onChange("example.com", "widgets", (next) => heard.push(next?.metadata.name));
    expect(reader.get("example.com", "widgets", "default", "a")).toBeUndefined();
    fixture.registries.register(widgets, {});
    await fixture.clock.advance(10);
    expect(heard).toEqual(["a"]);
    expect(reader.get("example.com", "widgets", "default", "a")?.metadata.name).toBe("a");
  });

  test("getLive sees past a cache that lags", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    await fixture.create("a");
    await fixture.list();
    store.hold();
    await fixture.delete("a");
    const { reader } = fixture.registries;
    expect(reader.get("", "configmaps", "default", "a")?.metadata.name).toBe("a");
    expect(await reader.getLive("", "configmaps", "default", "a")).toBeUndefined();
  });
});

describe("RegistryWriter", () => {
  test("writes through the registry, with defaults and validation", async () => {
    const strategy = {
      applyDefaults: (object: KubeObject) => {
        object["mode"] ??= "default";
      },
    };
    await using fixture = await RegistryFixture.start({ strategy });
    const { writer } = fixture.registries;
    const created = await writer.create("", "configmaps", { metadata: { name: "a", namespace: "default" } });
    expect(created).toMatchObject({ apiVersion: "v1", kind: "ConfigMap", mode: "default", metadata: { name: "a" } });
    const updated = await writer.update("", "configmaps", "", { ...structuredClone(created), mode: "other" });
    expect(updated["mode"]).toBe("other");
    await expect(writer.update("", "configmaps", "", { ...created, mode: "late" })).rejects.toMatchObject({
      code: 409,
    });
    await expect(writer.create("", "configmaps", named("a"))).rejects.toMatchObject({ reason: "AlreadyExists" });
    await expect(writer.create("", "configmaps", named("A"))).rejects.toMatchObject({ reason: "Invalid" });
  });
});
