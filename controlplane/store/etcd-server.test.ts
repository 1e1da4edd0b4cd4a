/** The client adapter and the server against each other: what goes through both keeps the store's promises. */
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { startEtcdServer } from "./etcd-server.ts";
import { openEtcdStore } from "./etcd-store.ts";
import { MemoryStore } from "./testing/memory-store.ts";
import { storeSuite } from "./testing/store-suite.ts";

storeSuite("a store behind our etcd server and client", async () => {
  const clock = new FakeClock();
  const behind = new MemoryStore({ clock });
  const server = await startEtcdServer({ store: behind, port: 0, identity: { clusterId: 1n, memberId: 2n } });
  const store = await openEtcdStore({ endpoints: [server.endpoint] });
  return {
    store,
    passTime: (ms) => clock.advance(ms),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      await behind[Symbol.asyncDispose]();
    },
  };
});
