import { describe, expect, test } from "vitest";
import type { KubeObject } from "#pkg/api/meta/object.ts";
import { StatusError } from "#pkg/api/status.ts";
import { type BerthError, isAborted } from "#pkg/system/errors.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { compactedError, etcdError } from "../../store/etcd-errors.ts";
import type { StoreStatus, TxnRequest, TxnResponse } from "../../store/store.ts";
import { MemoryStore } from "../../store/testing/memory-store.ts";
import { equalJson } from "./equal-json.ts";
import { storeFailure } from "./store-errors.ts";
import { LaggingStore } from "./testing/lagging-store.ts";
import { RegistryFixture } from "./testing/registry-fixture.ts";
import { TtlLeases } from "./ttl-leases.ts";

/** Fails the next write, before or after it happened. */
class FailingStore extends MemoryStore {
  failure: BerthError | undefined;
  writesAnyway = false;

  override async txn(request: TxnRequest): Promise<TxnResponse> {
    const { failure } = this;
    this.failure = undefined;
    if (!failure) return super.txn(request);
    if (this.writesAnyway) await super.txn(request);
    throw failure;
  }

  override async status(): Promise<StoreStatus> {
    return super.status();
  }
}

describe("ObjectStorage", () => {
  test("says how the store failed, and works again afterwards", async () => {
    const store = new FailingStore();
    await using fixture = await RegistryFixture.start({ store });
    store.failure = etcdError("noSpace");
    await expect(fixture.create("a")).rejects.toMatchObject({
      code: 503,
      message: "etcdserver: mvcc: database space exceeded",
    });
    expect((await fixture.create("a")).revision).toBe(2);
    store.failure = etcdError("stopped");
    await expect(fixture.delete("a")).rejects.toMatchObject({ code: 503 });
    expect((await fixture.delete("a")).deleted).toBe(true);
  });

  test("an object that is too large is 413 with etcd's words", async () => {
    await using fixture = await RegistryFixture.start();
    const data = { blob: "x".repeat(2 * 1024 * 1024) };
    await expect(fixture.create("a", { data })).rejects.toMatchObject({
      code: 413,
      message: "Request entity too large: etcdserver: request is too large",
    });
  });

  test("a write whose answer was lost shows up in the cache like any other", async () => {
    const store = new FailingStore();
    await using fixture = await RegistryFixture.start({ store });
    store.failure = etcdError("timeout");
    store.writesAnyway = true;
    await expect(fixture.create("a", { data: { x: "1" } })).rejects.toMatchObject({ code: 504 });
    const { entries } = await fixture.list();
    expect(entries.map(({ object }) => [object.metadata.name, object["data"]])).toEqual([["a", { x: "1" }]]);
    await expect(fixture.create("a")).rejects.toMatchObject({ reason: "AlreadyExists" });
  });

  test("never concludes from a cache that lags", async () => {
    const store = new LaggingStore();
    await using fixture = await RegistryFixture.start({ store });
    const setTo = (value: number) => (object: KubeObject) => {
      object["data"] = { value };
    };
    await fixture.create("a", { data: { value: 1 } });
    await fixture.list();
    store.hold();
    await fixture.change("a", setTo(2));
    const seen: unknown[] = [];
    const back = await fixture.change("a", (object) => {
      seen.push(object["data"]);
      setTo(1)(object);
    });
    expect([back.revision, seen]).toEqual([4, [{ value: 1 }, { value: 2 }]]);
    await fixture.change("a", setTo(3));
    const judged = await fixture.change("a", (object) => {
      if ((object["data"] as { value: number }).value !== 3) throw StatusError.badRequest("not three");
      setTo(4)(object);
    });
    expect(judged.revision).toBe(6);
    expect((await fixture.delete("a", { dryRun: true, preconditions: { resourceVersion: "6" } })).deleted).toBe(true);
  });

  test("an aborted request stops trying", async () => {
    await using fixture = await RegistryFixture.start();
    await fixture.create("a");
    const abort = new AbortController();
    abort.abort();
    const update = fixture.registry.update(
      {
        namespace: "default",
        name: "a",
        subresource: "",
        dryRun: false,
        createIfMissing: false,
        validateAdmission: async () => {},
      },
      async () => {
        throw new Error("not reached");
      },
      fixture.context(abort.signal),
    );
    await expect(update).rejects.toMatchObject({ code: 504 });
  });
});

describe("storeFailure", () => {
  test.each([
    [etcdError("requestTooLarge"), 413],
    [etcdError("noSpace"), 503],
    [etcdError("noLeader"), 503],
    [etcdError("timeout"), 504],
    [compactedError(7), 410],
    [etcdError("emptyKey"), 500],
    [new Error("anything"), 500],
    [new DOMException("gone", "AbortError"), 504],
  ])("%s is %i", (error, code) => {
    expect(isAborted(error) || error instanceof Error).toBe(true);
    expect(storeFailure(error)).toMatchObject({ code });
  });
});

describe("TtlLeases", () => {
  test("shares a lease for a while and for a thousand objects, and is never shorter than asked for", async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock });
    const leases = new TtlLeases(store.leases, clock);
    const burst = await Promise.all(Array.from({ length: 1500 }, () => leases.leaseFor(3600)));
    expect(new Set(burst).size).toBe(2);
    expect(await leases.leaseFor(60)).not.toBe(burst.at(-1));
    await clock.advance(59_999);
    const last = await leases.leaseFor(3600);
    expect(last).toBe(burst.at(-1));
    expect((await store.leases.timeToLive(last, false)).ttlSeconds).toBeGreaterThanOrEqual(3600);
    await clock.advance(1);
    expect(await leases.leaseFor(3600)).not.toBe(last);
  });

  test("a short time to live is stretched by little", async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock });
    const leases = new TtlLeases(store.leases, clock);
    const id = await leases.leaseFor(100);
    expect((await store.leases.timeToLive(id, false)).grantedTtlSeconds).toBe(105);
  });

  test("asks for a new lease after a failed one", async () => {
    const clock = new FakeClock();
    const store = new MemoryStore({ clock });
    let fails = true;
    const flaky = {
      ...store.leases,
      grant: async (ttlSeconds: number) => {
        if (fails) throw etcdError("noLeader");
        return store.leases.grant(ttlSeconds);
      },
    };
    const leases = new TtlLeases(flaky, clock);
    await expect(leases.leaseFor(10)).rejects.toThrow("no leader");
    fails = false;
    expect(await leases.leaseFor(10)).toBe(1n);
  });
});

describe("equalJson", () => {
  test.each<[unknown, unknown, boolean]>([
    [{ a: 1, b: [1, { c: null }] }, { b: [1, { c: null }], a: 1 }, true],
    [{ a: undefined }, {}, true],
    [{}, { a: undefined }, true],
    [{ a: null }, {}, false],
    [{ a: undefined }, { a: null }, false],
    [[1, 2], [2, 1], false],
    [[], {}, false],
    [{ length: 0 }, [], false],
    [1, "1", false],
    ["a", "a", true],
    [{ a: 1 }, { b: 1 }, false],
  ])("%j and %j: %j", (left, right, expected) => {
    expect(equalJson(left, right)).toBe(expected);
  });
});
