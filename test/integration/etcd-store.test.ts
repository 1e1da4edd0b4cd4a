/** The store on a real etcd: Debian's, with TLS and client certificates. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type EtcdStoreOptions, openEtcdStore } from "#controlplane/store/etcd-store.ts";
import { StoreClient } from "#controlplane/store/testing/store-client.ts";
import { storeSuite } from "#controlplane/store/testing/store-suite.ts";
import { findFreePort, startTestEtcd, type TestEtcd } from "#test/harness/etcd.ts";

storeSuite("a real etcd", async () => {
  const etcd = await startTestEtcd();
  const store = await etcd.open();
  return {
    store,
    canRequestProgress: store.canRequestProgress,
    passTime: (ms) => new Promise((resolve) => setTimeout(resolve, ms)),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await etcd[Symbol.asyncDispose]();
    },
  };
});

describe("openEtcdStore", () => {
  let etcd: TestEtcd;
  beforeAll(async () => {
    etcd = await startTestEtcd();
  });
  afterAll(async () => {
    await etcd[Symbol.asyncDispose]();
  });

  test("goes on to the next endpoint when one is dead", async () => {
    const dead = `https://127.0.0.1:${await findFreePort()}`;
    await using store = await openEtcdStore({ ...etcd.options, endpoints: [dead, etcd.endpoint] });
    const client = new StoreClient(store, "/failover/");
    const revision = await client.put("a", "1");
    expect(await client.get("a")).toMatchObject({ value: "1", mod: revision });
  });

  test("is refused without a client certificate, and refuses a server of another authority", async () => {
    const { ca } = etcd.options.tls ?? {};
    const open = (tls: EtcdStoreOptions["tls"]): Promise<unknown> =>
      openEtcdStore({ endpoints: [etcd.endpoint], tls, timeoutMs: 2000 });
    await expect(open({ ca })).rejects.toMatchObject({ code: "Unavailable" });
    await expect(open({ ...etcd.options.tls, ca: undefined })).rejects.toMatchObject({ code: "Unavailable" });
  });

  test("a lost server ends watches, fails writes, and is found again when it is back", async () => {
    await using store = await openEtcdStore({ ...etcd.options, timeoutMs: 3000 });
    const client = new StoreClient(store, "/restart/");
    const first = await client.put("a", "1");
    using watch = await client.watch();
    await etcd.stop();
    expect(await watch.untilClosed()).toMatchObject({ code: "Unavailable" });
    await expect(client.put("a", "2")).rejects.toMatchObject({ code: "Unavailable" });
    await etcd.restart();
    expect(await client.get("a")).toMatchObject({ value: "1", mod: first });
    using resumed = await client.watch({ startRevision: first });
    await client.put("a", "3");
    expect((await resumed.untilEvents(2)).map((event) => client.eventText(event))).toEqual([
      `put a=1 @${first}`,
      `put a=3 @${first + 1}`,
    ]);
  });
});
