import { describe, expect, test } from "vitest";
import type { ConfigMap, Pod } from "#pkg/api/core/v1.ts";
import { StatusError } from "#pkg/api/status.ts";
import { silentLogger } from "#pkg/system/log.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { Informer, type InformerOptions } from "./informer.ts";
import { Informers } from "./informers.ts";
import { resources } from "./resources.ts";
import { FakeApi } from "./testing/fake-api.ts";

const configMap = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace: "ns" },
  data,
});

class Fixture {
  readonly clock = new FakeClock();
  readonly api = new FakeApi({ clock: this.clock });
  readonly maps = this.api.client().configMaps.in("ns");
  readonly heard: string[] = [];

  start(options: Partial<InformerOptions<ConfigMap>> = {}): Informer<ConfigMap> {
    const ports = { client: this.maps, clock: this.clock, random: new SeededRandom(), log: silentLogger };
    const informer = new Informer({ ...ports, ...options });
    informer.addHandler({
      onAdd: ({ metadata }, { isInInitialList }) =>
        this.heard.push(`add ${metadata.name}${isInInitialList ? " first" : ""}`),
      onUpdate: ({ metadata }) => this.heard.push(`update ${metadata.name}`),
      onDelete: ({ metadata }, { isFinalStateUnknown }) =>
        this.heard.push(`delete ${metadata.name}${isFinalStateUnknown ? " unseen" : ""}`),
    });
    informer.start();
    return informer;
  }

  /** Lets everything that is ready happen, without any time passing. */
  async settle(): Promise<void> {
    await this.clock.advance(0);
  }

  verbs(): readonly string[] {
    return this.api.requests.map(
      ({ verb, query }) => `${verb} ${new URLSearchParams(query).get("resourceVersion") ?? "-"}`,
    );
  }
}

describe("Informer when the connection breaks", () => {
  test("resumes from the last event, without a new list and without missing anything", async () => {
    const fixture = new Fixture();
    await using informer = fixture.start();
    await fixture.settle();
    const a = fixture.api.seed(configMap("a"));
    await fixture.settle();
    fixture.api.breakWatches();
    fixture.api.seed(configMap("b"));
    await fixture.clock.advance(2_000);
    expect(fixture.heard).toEqual(["add a", "add b"]);
    expect(fixture.verbs()).toEqual(["list 0", "watch 1000", `watch ${a.metadata.resourceVersion}`]);
    expect(informer.size).toBe(2);
  });

  test("resumes from the last bookmark", async () => {
    const fixture = new Fixture();
    await using _informer = fixture.start();
    await fixture.settle();
    fixture.api.seed({ apiVersion: "v1", kind: "Secret", metadata: { name: "other", namespace: "ns" } });
    fixture.api.sendBookmarks();
    await fixture.settle();
    fixture.api.endWatches();
    await fixture.clock.advance(2_000);
    expect(fixture.verbs().at(-1)).toBe("watch 1001");
  });

  test("waits longer after each failure, and briefly again once events flow", async () => {
    const fixture = new Fixture();
    fixture.api.failNext({ verb: "list", error: "disconnect", times: 3 });
    await using informer = fixture.start();
    const waits: number[] = [];
    let seen = 0;
    for (let waited = 0; !informer.hasSynced; waited += 100) {
      await fixture.clock.advance(100);
      const count = fixture.api.requests.filter(({ verb }) => verb === "list").length;
      if (count > seen) waits.push(waited);
      seen = count;
    }
    const gaps = waits.slice(1).map((at, index) => at - (waits[index] ?? 0));
    expect(gaps).toHaveLength(3);
    for (const [index, gap] of gaps.entries()) {
      expect(gap).toBeGreaterThanOrEqual(800 * 2 ** index - 100);
      expect(gap).toBeLessThanOrEqual(1600 * 2 ** index + 100);
    }
  });

  test("a watch that the server ends at its time limit is renewed at once", async () => {
    const fixture = new Fixture();
    await using _informer = fixture.start();
    await fixture.clock.advance(600_000);
    const watches = fixture.api.requests.filter(({ verb }) => verb === "watch");
    expect(watches).toHaveLength(2);
    expect(Number(new URLSearchParams(watches[0]?.query).get("timeoutSeconds"))).toBeGreaterThanOrEqual(300);
    expect(fixture.api.requests.filter(({ verb }) => verb === "list")).toHaveLength(1);
  });
});

describe("Informer when history is gone", () => {
  test("lists anew at once, and reports what it missed", async () => {
    const fixture = new Fixture();
    const kept = fixture.api.seed(configMap("kept"));
    fixture.api.seed(configMap("gone"));
    fixture.api.seed(configMap("changed", { k: "1" }));
    await using informer = fixture.start();
    await fixture.settle();
    fixture.heard.length = 0;
    {
      using _held = fixture.api.holdEvents();
      await fixture.maps.delete("gone");
      await fixture.maps.patch("changed", { type: "merge", body: { data: { k: "2" } } });
      fixture.api.seed(configMap("new"));
      fixture.api.breakWatches();
    }
    fixture.api.forgetHistory();
    await fixture.clock.advance(2_000);
    expect(fixture.heard).toEqual(["delete gone unseen", "update changed", "add new"]);
    expect(informer.get("ns/kept")?.metadata.resourceVersion).toBe(kept.metadata.resourceVersion);
    expect(fixture.verbs().slice(-2)).toEqual(["list -", `watch ${informerVersion(fixture)}`]);
  });

  test("reports an object that was made again under its name as a deletion and an addition", async () => {
    const fixture = new Fixture();
    await fixture.maps.create(configMap("a"));
    await using informer = fixture.start();
    await fixture.settle();
    fixture.api.breakWatches();
    await fixture.maps.delete("a");
    const { metadata } = await fixture.maps.create(configMap("a"));
    fixture.api.forgetHistory();
    await fixture.clock.advance(2_000);
    expect(fixture.heard).toEqual(["add a first", "delete a unseen", "add a"]);
    expect(informer.get("ns/a")?.metadata.uid).toBe(metadata.uid);
  });

  test("a server that was set back is listed anew", async () => {
    const fixture = new Fixture();
    await using _informer = fixture.start();
    await fixture.settle();
    const tooLarge = StatusError.timeout("Too large resource version: 9, current: 1", 1, [
      { reason: "ResourceVersionTooLarge" },
    ]);
    fixture.api.failNext({ verb: "watch", error: tooLarge });
    fixture.api.endWatches();
    await fixture.clock.advance(2_000);
    expect(fixture.verbs().slice(-2)).toEqual(["list -", "watch 1000"]);
  });

  test("pages that expire half-way are read again in one answer", async () => {
    const fixture = new Fixture();
    for (const name of ["a", "b", "c"]) fixture.api.seed(configMap(name));
    fixture.api.failNext({ verb: "watch", error: StatusError.expired("too old") });
    fixture.api.failNext({ verb: "list", query: "continue=", error: StatusError.expired("the token is too old") });
    await using informer = fixture.start({ pageSize: 2 });
    await fixture.settle();
    expect(fixture.heard).toEqual(["add a first", "add b first", "add c first"]);
    expect(informer.size).toBe(3);
    const limits = fixture.api.requests
      .filter(({ verb }) => verb === "list")
      .map(({ query }) => query.match(/limit=2/)?.[0]);
    expect(limits).toEqual([undefined, "limit=2", "limit=2", undefined]);
  });
});

describe("Informer in watch list mode", () => {
  test("falls back to a list when the server refuses", async () => {
    const fixture = new Fixture();
    fixture.api.seed(configMap("a"));
    fixture.api.failNext({ verb: "watch", error: new StatusError({ code: 422, reason: "Invalid" }) });
    await using informer = fixture.start({ usesWatchList: true });
    await fixture.settle();
    expect(informer.hasSynced).toBe(true);
    expect(fixture.verbs()).toEqual(["watch -", "list 0", "watch 1001"]);
  });
});

describe("Informer and its readers", () => {
  test("hands out frozen objects without managedFields", async () => {
    const fixture = new Fixture();
    const object = configMap("a", { k: "1" });
    object.metadata.managedFields = [{ manager: "m" }];
    fixture.api.seed(object);
    await using informer = fixture.start();
    await fixture.settle();
    const found = informer.get("ns/a");
    expect(found?.metadata.managedFields).toBeUndefined();
    expect(() => {
      if (found?.data) found.data["k"] = "2";
    }).toThrow(TypeError);
  });

  test("goes on when a handler throws", async () => {
    const fixture = new Fixture();
    await using informer = fixture.start();
    informer.addHandler({
      onAdd: () => {
        throw new Error("broken handler");
      },
    });
    let last = "";
    informer.addHandler({ onAdd: ({ metadata }) => (last = metadata.name) });
    await fixture.settle();
    fixture.api.seed(configMap("a"));
    fixture.api.seed(configMap("b"));
    await fixture.settle();
    expect([last, informer.size, fixture.heard.length]).toEqual(["b", 2, 2]);
  });

  test("tells late handlers what is there, and disposed ones nothing more", async () => {
    const fixture = new Fixture();
    fixture.api.seed(configMap("a"));
    await using informer = fixture.start();
    await fixture.settle();
    const heard: string[] = [];
    const late = informer.addHandler({ onAdd: ({ metadata }) => heard.push(metadata.name) });
    late[Symbol.dispose]();
    fixture.api.seed(configMap("b"));
    await fixture.settle();
    expect(heard).toEqual(["a"]);
  });

  test("waitForSync() is Aborted by its signal and by dispose", async () => {
    const fixture = new Fixture();
    fixture.api.failNext({ verb: "list", error: "disconnect", times: 100 });
    const informer = fixture.start();
    const controller = new AbortController();
    const waiting = expect(informer.waitForSync(controller.signal)).rejects.toMatchObject({ code: "Aborted" });
    controller.abort();
    await waiting;
    const other = expect(informer.waitForSync()).rejects.toMatchObject({ code: "Aborted" });
    await informer[Symbol.asyncDispose]();
    await other;
  });

  test("follows indices through changes and deletions", async () => {
    const fixture = new Fixture();
    await using informer = fixture.start();
    fixture.api.seed(configMap("early", { color: "red" }));
    await fixture.settle();
    informer.addIndex("color", (object) => Object.values(object.data ?? {}));
    fixture.api.seed(configMap("late", { color: "red" }));
    await fixture.settle();
    const names = (color: string) => informer.byIndex("color", color).map((object) => object.metadata.name);
    expect(names("red")).toEqual(["early", "late"]);
    await fixture.maps.patch("early", { type: "merge", body: { data: { color: "blue" } } });
    await fixture.maps.delete("late");
    await fixture.settle();
    expect([names("red"), names("blue")]).toEqual([[], ["early"]]);
    expect(() => informer.byIndex("size", "1")).toThrow(/no index "size"/);
    expect(() => informer.addIndex("color", () => [])).toThrow(/another index/);
  });

  test("takes ten thousand pods, and changes to them, in far less than quadratic time", async () => {
    const fixture = new Fixture();
    const pod = (index: number): Pod => ({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name: `p${index}`, namespace: `ns${index % 50}` },
      spec: { nodeName: `n${index % 100}`, containers: [] },
    });
    for (let index = 0; index < 10_000; index++) fixture.api.seed(pod(index));
    const ports = { clock: fixture.clock, random: new SeededRandom(), log: silentLogger };
    await using informer = new Informer<Pod>({ client: fixture.api.client().pods, ...ports });
    informer.addIndex("node", (object) => [object.spec.nodeName ?? ""]);
    informer.start();
    const startedAt = process.hrtime.bigint();
    await fixture.settle();
    expect(informer.size).toBe(10_000);
    fixture.api.forgetHistory();
    fixture.api.breakWatches();
    await fixture.clock.advance(2_000);
    expect(informer.byIndex("node", "n7")).toHaveLength(100);
    expect(informer.inNamespace("ns3")).toHaveLength(200);
    // Quadratic work on 10,000 objects takes tens of seconds; this takes well under one.
    expect(Number(process.hrtime.bigint() - startedAt) / 1e9).toBeLessThan(5);
  });
});

describe("Informers", () => {
  test("watch a resource once for all who ask, and apart for other scopes", async () => {
    const clock = new FakeClock();
    const api = new FakeApi({ clock });
    api.seed(configMap("a"));
    await using informers = new Informers({
      client: api.client(),
      clock,
      random: new SeededRandom(),
      log: silentLogger,
    });
    const all = informers.for(resources.configMaps);
    expect(informers.for(resources.configMaps)).toBe(all);
    const one = informers.for(resources.configMaps, { namespace: "other" });
    expect(one).not.toBe(all);
    informers.start();
    informers.start();
    await clock.advance(0);
    await informers.waitForSync();
    expect([all.size, one.size, api.openWatches]).toEqual([1, 0, 2]);
  });
});

function informerVersion(fixture: Fixture): string {
  const list = fixture.api.requests.findLastIndex(({ verb }) => verb === "list");
  return new URLSearchParams(fixture.api.requests[list + 1]?.query).get("resourceVersion") ?? "";
}
