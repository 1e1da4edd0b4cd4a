import { FakeClock } from "#pkg/system/testing/fake-clock.ts";
import { MemoryStore } from "./memory-store.ts";
import { storeSuite } from "./store-suite.ts";

storeSuite("MemoryStore", async () => {
  const clock = new FakeClock();
  const store = new MemoryStore({ clock });
  return {
    store,
    passTime: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
});
