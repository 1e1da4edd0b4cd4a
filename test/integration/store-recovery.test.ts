import { cp, mkdtemp, open, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type EmbeddedEngine, openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import { StoreClient } from "#controlplane/store/testing/store-client.ts";
import type { LogFields, Logger } from "#pkg/system/log.ts";

interface Line {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

class LineLogger implements Logger {
  readonly lines: Line[] = [];

  debug(): void {}
  info(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "info", message, fields });
  }
  warn(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "warn", message, fields });
  }
  error(message: string, fields: LogFields = {}): void {
    this.lines.push({ level: "error", message, fields });
  }
  with(): Logger {
    return this;
  }
}

describe("openEmbeddedStore after damage", () => {
  let folder: string;
  let dataDir: string;
  let log: LineLogger;

  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), "berth-recover-"));
    dataDir = path.join(folder, "data");
    log = new LineLogger();
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const openIn = (dir: string): Promise<EmbeddedEngine> => openEmbeddedStore({ dataDir: dir, log });
  const file = (name: string): string => path.join(dataDir, name);
  const asides = async (): Promise<string[]> => (await readdir(dataDir)).filter((name) => name.includes(".damaged-"));

  /** Writes through a store, and returns the folder as a sudden death of the process would leave it. */
  async function crashAfter(write: (client: StoreClient, store: EmbeddedEngine) => Promise<void>): Promise<string> {
    const store = await openIn(dataDir);
    await write(new StoreClient(store), store);
    const copy = path.join(folder, "crashed");
    await cp(dataDir, copy, { recursive: true });
    await store[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
    await cp(copy, dataDir, { recursive: true });
    return copy;
  }

  test("opens what a crash left, with everything that was acknowledged, and without a word", async () => {
    await crashAfter(async (client) => {
      for (let index = 0; index < 50; index++) await client.put(`k${index}`, String(index));
    });
    await using store = await openIn(dataDir);
    const client = new StoreClient(store, "k");
    expect((await client.names()).length).toBe(50);
    expect(await client.revision()).toBe(51);
    expect(log.lines).toEqual([]);
  });

  test.each([
    ["an empty file", async (name: string) => writeFile(name, "")],
    ["a text file", async (name: string) => writeFile(name, "this is no database\n".repeat(1000))],
    ["somebody else's database", makeForeignDatabase],
  ])("sets %s aside and starts empty", async (_what, make) => {
    await (await openIn(dataDir))[Symbol.asyncDispose]();
    await rm(dataDir, { recursive: true });
    await (await openIn(dataDir))[Symbol.asyncDispose]();
    for (const name of ["store.db", "revisions"]) await rm(file(name));
    await make(file("store.db"));
    const content = await readFile(file("store.db"));
    await using store = await openIn(dataDir);
    const client = new StoreClient(store, "a");
    expect(await client.put("", "1")).toBe(2);
    const [aside] = await asides();
    expect(await readFile(file(aside ?? "none"))).toEqual(content);
    expect(log.lines).toMatchObject([{ level: "error", fields: { keptRevision: 0 } }]);
  });

  test("leaves a store that a newer version wrote alone", async () => {
    await (await openIn(dataDir))[Symbol.asyncDispose]();
    const handle = await open(file("store.db"), "r+");
    await handle.write(Uint8Array.of(0, 0, 0, 99), 0, 4, 60);
    await handle.close();
    const before = await readFile(file("store.db"));
    await expect(openIn(dataDir)).rejects.toMatchObject({ code: "Unsupported", message: /has format 99/ });
    expect(await readFile(file("store.db"))).toEqual(before);
    expect(await asides()).toEqual([]);
  });

  test("a second store on the same folder is refused and told who has it", async () => {
    await using first = await openIn(dataDir);
    await expect(openIn(dataDir)).rejects.toMatchObject({
      code: "Unavailable",
      message: expect.stringContaining(`locked by process ${process.pid}`),
    });
    await new StoreClient(first).put("a", "1");
  });

  test("a database that is gone starts empty past every revision it gave out", async () => {
    await crashAfter(async (client) => {
      await client.put("a", "1");
    });
    await rm(file("store.db"));
    await using store = await openIn(dataDir);
    const client = new StoreClient(store);
    expect(await client.get("a")).toBeUndefined();
    expect(await client.put("a", "2")).toBeGreaterThan(1_000_000);
    expect(log.lines[0]?.message).toContain("database is gone");
  });

  test("a flipped bit ends the history before it, at a revision past all others", async () => {
    await crashAfter(async (client) => {
      for (let index = 0; index < 200; index++) await client.put(`k${String(index).padStart(3, "0")}`, "v".repeat(500));
    });
    // Moves the write-ahead log into the file, whose pages have no checksums of their own.
    await (await openIn(dataDir))[Symbol.asyncDispose]();
    const content = await readFile(file("store.db"));
    const at = content.indexOf("k150") + 100;
    content[at] = (content[at] ?? 0) ^ 1;
    await writeFile(file("store.db"), content);
    await using store = await openIn(dataDir);
    const client = new StoreClient(store, "k");
    const names = await client.names();
    expect(names).toEqual(Array.from({ length: 150 }, (_, index) => String(index).padStart(3, "0")));
    expect(log.lines[0]?.fields["problem"]).toBe("the checksum of row 151 is wrong");
    expect(await client.put("new", "1")).toBeGreaterThan(1_000_000);
    await expect(client.get("000", 150)).rejects.toMatchObject({ code: "Expired" });
    expect((await asides()).some((name) => name.startsWith("store.db.damaged-"))).toBe(true);
  });

  test("a damaged row that the last compaction had kept leaves nothing to build on: it starts empty", async () => {
    await crashAfter(async (client, store) => {
      for (let index = 0; index < 100; index++) await client.put(`k${index}`, "v".repeat(500));
      await store.compact(await client.revision());
    });
    await (await openIn(dataDir))[Symbol.asyncDispose]();
    const content = await readFile(file("store.db"));
    const at = content.indexOf("k50") + 100;
    content[at] = (content[at] ?? 0) ^ 1;
    await writeFile(file("store.db"), content);
    await using store = await openIn(dataDir);
    expect(await new StoreClient(store, "k").names()).toEqual([]);
    expect(log.lines[0]).toMatchObject({ level: "error", fields: { keptRevision: 0 } });
  });

  test("garbage of a compaction that a crash cut short is deleted after the start", async () => {
    await crashAfter(async (client, store) => {
      for (let index = 0; index < 3000; index++) await client.put("a", String(index));
      await store.compact(await client.revision());
    });
    await using store = await openIn(dataDir);
    const client = new StoreClient(store);
    expect(await client.get("a")).toMatchObject({ value: "2999", version: 3000 });
    expect((await store.status()).compactRevision).toBe(3001);
    await store.defragment();
    expect((await store.status()).sizeBytes).toBeLessThan(100_000);
    expect(log.lines).toEqual([]);
  });

  test("truncation of the files at any byte leaves a consistent prefix, and revisions never come again", async () => {
    const crashed = await crashAfter(async (client, store) => {
      for (let index = 0; index < 60; index++) await client.put(`old${index % 7}`, `o${index}`);
      await store.compact(40);
      for (let index = 0; index < 120; index++) await client.put(`k${index}`, "v".repeat((index * 37) % 900));
      await client.delete("k3");
    });
    const names = ["store.db", "store.db-wal"];
    const sizes = new Map(
      await Promise.all(names.map(async (name) => [name, await usedBytes(path.join(crashed, name))] as const)),
    );
    const cut = fc.record({ name: fc.constantFrom(...names), share: fc.double({ min: 0, max: 1, noNaN: true }) });
    await fc.assert(
      fc.asyncProperty(cut, async ({ name, share }) => {
        await rm(dataDir, { recursive: true, force: true });
        await cp(crashed, dataDir, { recursive: true });
        await truncate(file(name), Math.floor((sizes.get(name) ?? 0) * share));
        await using store = await openIn(dataDir);
        const revision = await new StoreClient(store).revision();
        await expectPrefix(new StoreClient(store, "k"), revision);
        const next = await new StoreClient(store).put("after", "1");
        expect(next === revision + 1 && (revision === 182 || revision > 1_000_000)).toBe(true);
      }),
      { numRuns: 25, examples: [[{ name: "store.db-wal", share: 0 }], [{ name: "store.db", share: 0 }]] },
    );
  });

  /** Keys k0, k1, … were written in order, and k3 was deleted last. */
  async function expectPrefix(client: StoreClient, revision: number): Promise<void> {
    const found = new Set(await client.names());
    const count = Math.max(-1, ...[...found].map(Number)) + 1;
    const wanted = Array.from({ length: count }, (_, index) => String(index));
    const isComplete = revision === 182;
    if (isComplete) expect(count).toBe(120);
    expect([...found].sort()).toEqual(wanted.filter((name) => !(isComplete && name === "3")).sort());
  }
});

/** The write-ahead log has zeros written ahead: only what SQLite wrote counts. */
async function usedBytes(name: string): Promise<number> {
  const content = await readFile(name);
  let end = (await stat(name)).size;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  return end;
}

async function makeForeignDatabase(name: string): Promise<void> {
  const { DatabaseSync } = await import("node:sqlite");
  const db = new DatabaseSync(name);
  db.exec("CREATE TABLE kine (id INTEGER PRIMARY KEY, name TEXT)");
  db.close();
}
