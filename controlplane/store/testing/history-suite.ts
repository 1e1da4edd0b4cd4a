/** Concurrent clients, and a checker that knows nothing of stores. */
import { describe, expect, test } from "vitest";
import { systemClock } from "#pkg/system/clock.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";
import { HistoryClient, historyProblems, logProblems } from "./history-client.ts";
import type { StoreClient } from "./store-client.ts";
import { watchProblems } from "./watch-validators.ts";

export function historySuite(client: () => StoreClient): void {
  describe("history", () => {
    test("of 12 concurrent clients on 4 keys is linearizable, and the log holds it whole", async () => {
      const c = client();
      const start = (await c.revision()) + 1;
      using watch = await c.watch({ prevKv: true });
      const clients = Array.from(
        { length: 12 },
        (_, index) =>
          new HistoryClient({
            store: c.store,
            prefix: c.prefix,
            keys: 4,
            name: `c${index}`,
            random: new SeededRandom(index + 1),
            clock: systemClock,
          }),
      );
      await Promise.all(
        clients.map(async (each) => {
          for (let step = 0; step < 40; step++) await each.step();
        }),
      );
      const last = await c.put("end", "c0.0");
      await watch.until(() => watch.events.at(-1)?.kv.modRevision === last, "the end");
      const operations = clients.flatMap((each) => each.operations);
      const events = watch.events.slice(0, -1);
      expect(historyProblems(operations)).toEqual([]);
      expect(logProblems(operations, events)).toEqual([]);
      expect(watchProblems(watch.records, { startRevision: start })).toEqual([]);
      expect(events.length).toBeGreaterThan(100);
    });
  });
}
