/**
 * A process to be killed: opens an embedded store, tells what it holds, and lets 32 clients work on it, writing each call
 * and each return to standard output the moment it happens. Times are of the machine's monotonic clock, which all processes
 * share.
 *
 *   node store-writer.ts DATA_DIR NAME SEED KEYS compact|keep
 */
import { writeSync } from "node:fs";
import { openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import { HistoryClient } from "#controlplane/store/testing/history-client.ts";
import { StoreClient } from "#controlplane/store/testing/store-client.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";

const [dataDir = "", name = "", seed = "1", keyCount = "8", history = "keep"] = process.argv.slice(2);
const keys = Number(keyCount);
const clock = { monotonic: (): number => Number(process.hrtime.bigint()) / 1e6 };
const tell = (line: object): void => {
  writeSync(1, `${JSON.stringify(line)}\n`);
};

const compaction =
  history === "compact"
    ? { keepMs: 20, mostRevisions: 100, leastRevisions: 10 }
    : { keepMs: 1e9, mostRevisions: 1e9, leastRevisions: 1e9 };
const store = await openEmbeddedStore({ dataDir, compaction });
const prefix = "/crash/";
const client = new StoreClient(store, prefix);
const pairs = (await client.range()).kvs.map((kv) => client.pair(kv));
tell({
  event: "opened",
  at: clock.monotonic(),
  revision: await client.revision(),
  state: Object.fromEntries(pairs.map(({ key, value }) => [key, value])),
});

const clients = Array.from(
  { length: 32 },
  (_, index) =>
    new HistoryClient({
      store,
      prefix,
      keys,
      name: `${name}.${index}`,
      random: new SeededRandom(Number(seed) * 100 + index),
      clock,
      onCall: (id, key, input) => tell({ event: "call", id, key, input, at: clock.monotonic() }),
      onReturn: (id, output, revision) => tell({ event: "return", id, output, revision, at: clock.monotonic() }),
    }),
);
await Promise.all(
  clients.map(async (each) => {
    for (;;) await each.step();
  }),
);
