/**
 * The behaviour every Store shows, whatever its engine: run on the memory fake, the embedded engine and a real etcd, so
 * that none of them can drift. Tests use keys of their own and revisions relative to where they begin, so that one store
 * (one etcd process) serves all of them in turn.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Store } from "../store.ts";
import { compactionSuite } from "./compaction-suite.ts";
import { historySuite } from "./history-suite.ts";
import { keyValueSuite } from "./key-value-suite.ts";
import { leaseSuite } from "./lease-suite.ts";
import { StoreClient } from "./store-client.ts";
import { txnSuite } from "./txn-suite.ts";
import { watchSuite } from "./watch-suite.ts";

export interface StoreUnderTest extends AsyncDisposable {
  readonly store: Store;
  /** Lets this much time pass for the store: really, or on a fake clock. */
  passTime(ms: number): Promise<void>;
  /** False: an old etcd whose answers to progress requests cannot be trusted, so none is made. Default true. */
  readonly canRequestProgress?: boolean;
}

/** `open` makes a fresh, empty store; it is called once. */
export function storeSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(`${name} satisfies Store`, () => {
    let opened: StoreUnderTest | undefined;
    let prefixes = 0;
    beforeAll(async () => {
      opened = await open();
    });
    afterAll(async () => {
      await opened?.[Symbol.asyncDispose]();
    });
    const underTest = (): StoreUnderTest => {
      if (opened === undefined) throw new TypeError("the store did not open");
      return opened;
    };
    const client = (): StoreClient => new StoreClient(underTest().store, `/suite/${prefixes++}/`);

    test("a fresh store is at revision 1 and empty", async () => {
      const all = await underTest().store.range({ start: Uint8Array.of(0), end: Uint8Array.of(0) });
      expect(all).toMatchObject({ revision: 1, kvs: [], more: false, count: 0 });
      expect(await underTest().store.status()).toMatchObject({ revision: 1 });
    });

    keyValueSuite(client);
    txnSuite(client);
    watchSuite(client, () => underTest().canRequestProgress ?? true);
    leaseSuite(client, (ms) => underTest().passTime(ms));
    historySuite(client);
    compactionSuite(client);
  });
}
