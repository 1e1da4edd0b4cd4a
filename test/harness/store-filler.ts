/**
 * A process that fills the disk below its store and tells what the store does. `hard`: until the disk itself refuses;
 * another file takes the room, and its removal gives it back. `reserve`: until the store's own reserve is reached; then
 * it deletes and compacts.
 *
 *   node store-filler.ts FOLDER hard|reserve
 */
import { readdir, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { type EmbeddedEngine, openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import { StoreClient } from "#controlplane/store/testing/store-client.ts";
import { BerthError } from "#pkg/system/errors.ts";

const [folder = "", mode = "hard"] = process.argv.slice(2);
const dataDir = path.join(folder, "data");
const ballast = path.join(folder, "ballast");
const mebibyte = 1024 * 1024;
const tell = (event: string, fields: object = {}): void => console.log(JSON.stringify({ event, ...fields }));
const open = (): Promise<EmbeddedEngine> =>
  openEmbeddedStore({
    dataDir,
    space: { leastFreeBytes: mode === "hard" ? 0 : 10 * mebibyte },
    compaction: { keepMs: 1e9, mostRevisions: 1e9 },
  });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

if (mode === "hard") await writeFile(ballast, Buffer.alloc(12 * mebibyte));
let store = await open();
let client = new StoreClient(store, "/fill/");

/** Puts until one is refused. */
async function putUntilRefused(): Promise<{ acknowledged: number; error: BerthError }> {
  for (let acknowledged = 0; ; acknowledged++) {
    try {
      await client.put(`k${acknowledged}`, "x".repeat(50_000));
    } catch (error) {
      return { acknowledged, error: BerthError.from(error) };
    }
  }
}

/** Tries until it works, for at most ten seconds. */
async function untilTaken(action: () => Promise<number>): Promise<number> {
  for (let tries = 0; ; tries++) {
    try {
      return await action();
    } catch (error) {
      if (tries > 100) throw error;
      await pause(100);
    }
  }
}

const { acknowledged, error } = await putUntilRefused();
tell("full", { acknowledged, code: error.code, message: error.message });
if (mode === "hard") {
  const { count } = await client.range({ countOnly: true });
  tell("reads", { count });
  tell("status", { reason: (await store.status()).readOnlyReason });
  await rm(ballast);
  tell("healed", { revision: await untilTaken(() => client.put("healed", "1")) });
} else {
  await client.do(client.deleteOperation("", client.all("k")));
  await store.compact(await client.revision());
  await store.defragment();
  tell("deleted");
  await untilTaken(() => client.put("healed", "1"));
  tell("healed", { succeeded: true });
}
await store[Symbol.asyncDispose]();
store = await open();
client = new StoreClient(store, "/fill/");
const { count } = await client.range({ countOnly: true });
const asides = (await readdir(dataDir)).filter((name) => name.includes("damaged"));
tell("reopened", { count, asides });
await store[Symbol.asyncDispose]();
