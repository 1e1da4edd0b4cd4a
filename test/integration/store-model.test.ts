/** The embedded store against the memory fake as its model: the same random requests, the same answers, also after reopening. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type EmbeddedEngine, openEmbeddedStore } from "#controlplane/store/embedded-store.ts";
import type { Compare, KeyValue, Operation, Store, TxnRequest } from "#controlplane/store/store.ts";
import { MemoryStore } from "#controlplane/store/testing/memory-store.ts";
import { bytes, StoreClient } from "#controlplane/store/testing/store-client.ts";
import { FakeClock } from "#pkg/system/testing/fake-clock.ts";

type Step =
  | { readonly kind: "txn"; readonly request: TxnRequest }
  | { readonly kind: "compact"; readonly back: number }
  | { readonly kind: "lease"; readonly id: bigint }
  | { readonly kind: "revoke"; readonly id: bigint }
  | { readonly kind: "reopen" };

const names = ["a", "b", "ba", "c", "d"];
const key = fc.constantFrom(...names).map(bytes);
const leaseId = fc.constantFrom(0n, 0n, 0n, 1n, 2n);
const range = fc.oneof(
  key.map((start) => ({ start })),
  fc.tuple(key, key).map(([start, end]) => ({ start, end })),
  key.map((start) => ({ start, end: Uint8Array.of(0) })),
);
const put = fc.record({
  kind: fc.constant("put" as const),
  key,
  value: fc.string({ maxLength: 200 }).map(bytes),
  lease: leaseId,
  prevKv: fc.boolean(),
});
const remove = fc.tuple(range, fc.boolean()).map(([keys, prevKv]): Operation => ({ kind: "delete", ...keys, prevKv }));
const read = fc
  .tuple(range, fc.nat(3), fc.nat(12), fc.boolean())
  .map(([keys, limit, revision, keysOnly]): Operation => ({ kind: "range", ...keys, limit, revision, keysOnly }));
const compare: fc.Arbitrary<Compare> = fc.record({
  start: key,
  target: fc.constantFrom("version" as const, "mod" as const, "create" as const),
  relation: fc.constantFrom("equal" as const, "greater" as const, "less" as const),
  operand: fc.nat(5),
});
const flat = fc.record({
  compare: fc.array(compare, { maxLength: 2 }),
  success: fc.array(fc.oneof(put, remove, read), { maxLength: 3 }),
  failure: fc.array(fc.oneof(put, remove, read), { maxLength: 2 }),
});
const nested = fc
  .tuple(flat, flat)
  .map(([outer, inner]): TxnRequest => ({ ...outer, success: [...outer.success, { kind: "txn", ...inner }] }));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: fc.oneof(flat, flat, nested).map((request): Step => ({ kind: "txn", request })) },
  { weight: 2, arbitrary: fc.nat(6).map((back): Step => ({ kind: "compact", back })) },
  { weight: 1, arbitrary: fc.constantFrom(1n, 2n).map((id): Step => ({ kind: "lease", id })) },
  { weight: 1, arbitrary: fc.constantFrom(1n, 2n).map((id): Step => ({ kind: "revoke", id })) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: "reopen" }) },
);

/** What came of a request, in a form that compares: bytes as arrays, errors by their text. */
async function outcome(action: () => Promise<unknown>): Promise<unknown> {
  try {
    return plain(await action());
  } catch (error) {
    return error instanceof Error ? error.message : error;
  }
}

function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString("latin1");
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([name, each]) => each !== undefined && name !== "id");
  return Object.fromEntries(entries.map(([name, each]) => [name, plain(each)]));
}

async function apply(store: Store, each: Step): Promise<unknown> {
  switch (each.kind) {
    case "txn":
      return outcome(() => store.txn(each.request));
    case "compact":
      return outcome(async () => store.compact((await store.status()).revision - each.back));
    case "lease":
      return outcome(() => store.leases.grant(100, each.id));
    case "revoke":
      return outcome(() => store.leases.revoke(each.id));
    case "reopen":
      return undefined;
  }
}

/** The whole state at every revision that can still be read, and the log from the compacted one on. */
async function everythingOf(store: Store): Promise<unknown> {
  const { revision, compactRevision } = await store.status();
  const states: Record<number, unknown> = {};
  for (let at = Math.max(compactRevision, 1); at <= revision; at++) {
    const { kvs, count } = await store.range({ start: Uint8Array.of(0), end: Uint8Array.of(0), revision: at });
    states[at] = { count, kvs: kvs.map((kv: KeyValue) => plain(kv)) };
  }
  using watch = await new StoreClient(store).watch({
    start: Uint8Array.of(0),
    end: Uint8Array.of(0),
    startRevision: Math.max(compactRevision, 1),
    prevKv: true,
  });
  watch.handle.requestProgress();
  await watch.untilProgress(revision);
  return {
    revision,
    compactRevision,
    states,
    events: watch.events.map(plain),
    leases: [...(await store.leases.list())].sort(),
  };
}

describe("openEmbeddedStore", () => {
  test("answers like the memory store, and reopening changes nothing", { timeout: 120_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
        const dataDir = await mkdtemp(path.join(tmpdir(), "berth-store-model-"));
        const clock = new FakeClock();
        // A small memory for history, so that most old values have to come from disk.
        const open = (): Promise<EmbeddedEngine> => openEmbeddedStore({ dataDir, clock, historyBytes: 300 });
        const model = new MemoryStore({ clock });
        let store = await open();
        try {
          for (const each of steps) {
            if (each.kind === "reopen") {
              await store[Symbol.asyncDispose]();
              store = await open();
            }
            expect(await apply(store, each)).toEqual(await apply(model, each));
          }
          expect(await everythingOf(store)).toEqual(await everythingOf(model));
          await store[Symbol.asyncDispose]();
          store = await open();
          expect(await everythingOf(store)).toEqual(await everythingOf(model));
        } finally {
          await store[Symbol.asyncDispose]();
          await rm(dataDir, { recursive: true });
        }
      }),
      { numRuns: Number(process.env["BERTH_MODEL_RUNS"] ?? 15) },
    );
  });
});
