import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { openEmbeddedStore } from "./embedded-store.ts";
import { storeSuite } from "./testing/store-suite.ts";

storeSuite("the embedded store", async () => {
  const dataDir = await mkdtemp(path.join(tmpdir(), "berth-store-"));
  const clock = new FakeClock();
  const store = await openEmbeddedStore({ dataDir, clock });
  return {
    store,
    passTime: (ms) => clock.advance(ms),
    async [Symbol.asyncDispose]() {
      await store[Symbol.asyncDispose]();
      await rm(dataDir, { recursive: true });
    },
  };
});
