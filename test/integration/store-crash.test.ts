/**
 * kill -9 at random moments under 32 concurrent writers, again and again on the same folder: nothing acknowledged is lost,
 * nothing appears that nobody wrote, revisions only grow, and the store starts by itself every time. BERTH_CRASH_RUNS
 * says how often each way (default 8; the figure is 100).
 */
import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import { historyProblems, logProblems, type RegisterOperation } from "#controlplane/store/testing/history-client.ts";
import type { RegisterInput, RegisterOutput } from "#controlplane/store/testing/register-model.ts";
import { StoreClient, type TextPair } from "#controlplane/store/testing/store-client.ts";
import { WatchRecorder } from "#controlplane/store/testing/watch-recorder.ts";
import { watchProblems } from "#controlplane/store/testing/watch-validators.ts";
import { SeededRandom } from "#pkg/system/testing/seeded-random.ts";

const runs = Number(process.env["BERTH_CRASH_RUNS"] ?? 8);
const keys = 8;

type Line =
  | { event: "opened"; at: number; revision: number; state: Record<string, string> }
  | { event: "call"; id: string; key: string; input: RegisterInput; at: number }
  | { event: "return"; id: string; output: RegisterOutput; revision?: number; at: number };

interface Run {
  readonly openedAt: number;
  readonly openedRevision: number;
  readonly state: Record<string, string>;
  readonly operations: readonly RegisterOperation[];
}

/** Lets the writer work for `ms` after it opened the store, then kills it. */
async function runAndKill(argv: readonly string[], ms: number): Promise<Run> {
  const script = path.join(import.meta.dirname, "../harness/store-writer.ts");
  const child = spawn(process.execPath, [script, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  let failure = "";
  child.stderr.on("data", (chunk: Buffer) => {
    failure += chunk.toString();
  });
  const lines: Line[] = [];
  const reader = createInterface(child.stdout);
  reader.on("line", (line) => {
    // The last line may be cut off by the death of the process.
    if (!line.endsWith("}")) return;
    const parsed = JSON.parse(line) as Line;
    lines.push(parsed);
    if (parsed.event === "opened") setTimeout(() => child.kill("SIGKILL"), ms);
  });
  await Promise.all([
    new Promise((resolve) => reader.once("close", resolve)),
    new Promise((resolve) => child.once("exit", resolve)),
  ]);
  const [opened] = lines;
  if (opened?.event !== "opened") throw new Error(`the store did not open: ${failure}`);
  return {
    openedAt: opened.at,
    openedRevision: opened.revision,
    state: opened.state,
    operations: buildOperations(lines),
  };
}

function buildOperations(lines: readonly Line[]): readonly RegisterOperation[] {
  const returns = new Map(lines.flatMap((line) => (line.event === "return" ? [[line.id, line] as const] : [])));
  return lines.flatMap((line) => {
    if (line.event !== "call") return [];
    const end = returns.get(line.id);
    return [
      {
        key: line.key,
        input: line.input,
        output: end?.output,
        calledAt: line.at,
        returnedAt: end?.at ?? 0,
        revision: end?.revision,
      },
    ];
  });
}

/** What the next process found counts as one more read of each key. */
function finalReads(state: Readonly<Record<string, string>>, at: number): readonly RegisterOperation[] {
  return Array.from({ length: keys }, (_, index) => {
    const key = `k${index}`;
    const output: RegisterOutput = { kind: "read", value: state[key] };
    return { key, input: { kind: "read" }, output, calledAt: at, returnedAt: at, revision: undefined };
  });
}

describe("the embedded store under kill -9", () => {
  let dataDir: string;
  beforeEach(async () => {
    dataDir = await mkdtemp(path.join(tmpdir(), "berth-crash-"));
  });
  afterEach(() => rm(dataDir, { recursive: true, force: true }));

  async function crashRepeatedly(history: "keep" | "compact"): Promise<readonly Run[]> {
    const random = new SeededRandom(history === "keep" ? 1 : 2);
    const all: Run[] = [];
    for (let run = 0; run < runs; run++) {
      const argv = [dataDir, `r${run}`, String(run + 1), String(keys), history];
      all.push(await runAndKill(argv, 20 + random.float() * 300));
    }
    // One more start, which is not killed in the middle of anything.
    all.push(await runAndKill([dataDir, "last", "0", String(keys), history], 0));
    return all;
  }

  function expectSound(all: readonly Run[]): void {
    for (const [index, run] of all.entries()) {
      const next = all[index + 1];
      const acknowledged = run.operations.map((operation) => operation.revision ?? 0);
      const newest = Math.max(run.openedRevision, ...acknowledged);
      const reads = next === undefined ? [] : finalReads(next.state, next.openedAt);
      expect(historyProblems([...run.operations, ...reads], run.state)).toEqual([]);
      if (next !== undefined) expect(next.openedRevision).toBeGreaterThanOrEqual(newest);
    }
    const total = all.reduce((sum, run) => sum + run.operations.length, 0);
    expect(total).toBeGreaterThan(runs * 50);
  }

  const timeout = 60_000 + runs * 5000;

  test("loses nothing and invents nothing, and the whole log agrees", { timeout }, async () => {
    const all = await crashRepeatedly("keep");
    expectSound(all);
    await using store = await openEmbeddedStore({ dataDir, compaction: { keepMs: 1e9, mostRevisions: 1e9 } });
    const client = new StoreClient(store, "/crash/");
    const revision = await client.revision();
    using watch = await WatchRecorder.start(store, { ...client.all(), startRevision: 1, prevKv: true });
    watch.handle.requestProgress();
    await watch.untilProgress(revision);
    const operations = all.flatMap((run) => run.operations);
    expect(logProblems(operations, watch.events)).toEqual([]);
    expect(watchProblems(watch.records, { startRevision: 1 })).toEqual([]);
    expect(watch.events.map((event) => event.kv.modRevision)).toEqual(
      Array.from({ length: revision - 1 }, (_, index) => index + 2),
    );
    expect((await readdir(dataDir)).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("also while compaction is at work all the time", { timeout }, async () => {
    expectSound(await crashRepeatedly("compact"));
    await using store = await openEmbeddedStore({ dataDir });
    const { compactRevision, revision } = await store.status();
    expect(compactRevision).toBeGreaterThan(revision / 2);
    expect((await readdir(dataDir)).filter((name) => name.includes("damaged"))).toEqual([]);
  });

  test("and when the files lose their tails on top of it, a consistent prefix is left", { timeout }, async () => {
    const random = new SeededRandom(3);
    for (let run = 0; run < runs; run++) {
      const { operations } = await runAndKill([dataDir, `t${run}`, String(run + 1), String(keys), "keep"], 150);
      // A process that died before its first write has made no write-ahead log.
      const files = (await readdir(dataDir)).filter((name) => name === "store.db" || name === "store.db-wal");
      const file = files.includes("store.db-wal") && random.float() < 0.7 ? "store.db-wal" : "store.db";
      await truncateTail(path.join(dataDir, file), random.float());
      await using store = await openEmbeddedStore({ dataDir });
      const client = new StoreClient(store, "/crash/");
      const pairs = (await client.range()).kvs.map((kv) => client.pair(kv));
      expect(prefixProblems(pairs, operations)).toEqual([]);
      const newest = Math.max(0, ...operations.map((operation) => operation.revision ?? 0));
      const kept = Math.max(0, ...pairs.map((pair) => pair.mod));
      const revision = await client.put("after", `t${run}.after`);
      expect(revision).toBeGreaterThan(kept);
      expect(revision).toBeGreaterThan(newest);
      await client.delete("after");
    }
  });
});

/** Cuts a share of what was written off the end. */
async function truncateTail(file: string, share: number): Promise<void> {
  const content = await readFile(file);
  let end = content.length;
  while (end > 0 && content[end - 1] === 0) end -= 1;
  await truncate(file, Math.floor(end * share));
}

/** Every pair was written as it is, and nothing acknowledged below the newest of them is missing. */
function prefixProblems(pairs: readonly TextPair[], operations: readonly RegisterOperation[]): readonly string[] {
  const problems: string[] = [];
  const horizon = Math.max(0, ...pairs.map((pair) => pair.mod));
  const byKey = new Map(pairs.map((pair) => [pair.key, pair]));
  for (const { key, input, revision = Number.POSITIVE_INFINITY } of operations) {
    const pair = byKey.get(key);
    if (revision > horizon || pair === undefined) continue;
    if (pair.mod < revision) problems.push(`${key} is at ${pair.mod}, but revision ${revision} was acknowledged`);
    const value = input.kind === "write" ? input.value : input.kind === "swap" ? input.to : undefined;
    if (pair.mod === revision && pair.value !== value) problems.push(`${key} holds ${pair.value} instead of ${value}`);
  }
  return problems;
}
